import { create } from '@bufbuild/protobuf';
import type { RouteAction } from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import { RegexMatchAndSubstituteSchema } from '@sofamesh/api/gen/envoy/type/matcher/v3/regex_pb';
import type { Headers, HttpRoute } from '@sofamesh/model/kinds/virtual-service/types';
import { authorityOf } from '../headers/headers.ts';

/**
 * `http[].rewrite`, and what header operations do to the authority. Envoy's prefix rewrite replaces what a prefix match
 * matched, and the whole path where an exact path or a regex did: what `rewrite.uri` means. `onlyDestination` are the
 * headers of a route's single destination.
 */
export function applyRewrite(
  action: RouteAction,
  { rewrite, headers }: HttpRoute,
  onlyDestination: Headers | undefined,
): void {
  const authority = rewrite?.authority || authorityOf(headers) || (onlyDestination && authorityOf(onlyDestination));
  if (authority) action.hostRewriteSpecifier = { case: 'hostRewriteLiteral', value: authority };
  if (rewrite?.uriRegexRewrite !== undefined) {
    action.regexRewrite = create(RegexMatchAndSubstituteSchema, {
      pattern: { regex: rewrite.uriRegexRewrite.match },
      substitution: rewrite.uriRegexRewrite.rewrite,
    });
  } else if (rewrite?.uri) {
    action.prefixRewrite = rewrite.uri;
  }
}
