import { create } from '@bufbuild/protobuf';
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
  type QueryParameterMatcher,
  QueryParameterMatcherSchema,
  type RouteMatch,
  RouteMatchSchema,
} from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import { RegexMatcherSchema } from '@sofamesh/api/gen/envoy/type/matcher/v3/regex_pb';
import type { StringMatcher } from '@sofamesh/api/gen/envoy/type/matcher/v3/string_pb';
import { StringMatcherSchema } from '@sofamesh/api/gen/envoy/type/matcher/v3/string_pb';
import type { StringMatch } from '@sofamesh/model/kinds/parts/types';
import type { HttpMatch } from '@sofamesh/model/kinds/virtual-service/types';

/** The conditions of a match that a request has to fulfil; those on the caller were decided before. */
export function routeMatch(match: HttpMatch | undefined): RouteMatch {
  const message = create(RouteMatchSchema, { pathSpecifier: pathOf(match?.uri) });
  if (match === undefined) return message;
  if (match.ignoreUriCase) message.caseSensitive = false;
  for (const field of ['method', 'authority', 'scheme'] as const) {
    const condition = match[field];
    if (condition !== undefined) message.headers.push(headerMatcher(`:${field}`, condition));
  }
  for (const [name, condition] of sorted(match.headers)) message.headers.push(headerMatcher(name, condition));
  for (const [name, condition] of sorted(match.withoutHeaders)) {
    message.headers.push(withoutHeaderMatcher(name, condition));
  }
  for (const [name, condition] of sorted(match.queryParams)) {
    message.queryParameters.push(queryMatcher(name, condition));
  }
  return message;
}

/** True if every request fulfils it, so that no later route is ever reached. */
export function matchesEverything({ pathSpecifier, headers, queryParameters }: RouteMatch): boolean {
  return (
    pathSpecifier.case === 'prefix' &&
    pathSpecifier.value === '/' &&
    headers.length === 0 &&
    queryParameters.length === 0
  );
}

function pathOf(uri: StringMatch | undefined): RouteMatch['pathSpecifier'] {
  if (uri?.exact !== undefined) return { case: 'path', value: uri.exact };
  if (uri?.regex !== undefined) return { case: 'safeRegex', value: regexMatcher(uri.regex) };
  return { case: 'prefix', value: uri?.prefix ?? '/' };
}

/** Names that stand for parts of the request line, as in Istio. */
const pseudoHeaders = new Set(['method', 'authority', 'scheme']);

function headerMatcher(name: string, condition: StringMatch): HeaderMatcher {
  const matcher = stringMatcher(condition);
  return create(HeaderMatcherSchema, {
    name: pseudoHeaders.has(name) ? `:${name}` : name,
    headerMatchSpecifier:
      matcher === undefined ? { case: 'presentMatch', value: true } : { case: 'stringMatch', value: matcher },
  });
}

/** A header that is absent counts as one that does not match. */
function withoutHeaderMatcher(name: string, condition: StringMatch): HeaderMatcher {
  const matcher = headerMatcher(name, condition);
  matcher.invertMatch = true;
  matcher.treatMissingHeaderAsEmpty = matcher.headerMatchSpecifier.case === 'stringMatch';
  return matcher;
}

function queryMatcher(name: string, condition: StringMatch): QueryParameterMatcher {
  const matcher = stringMatcher(condition);
  return create(QueryParameterMatcherSchema, {
    name,
    queryParameterMatchSpecifier:
      matcher === undefined ? { case: 'presentMatch', value: true } : { case: 'stringMatch', value: matcher },
  });
}

/** Undefined where anything matches: Envoy refuses an empty prefix. */
function stringMatcher({ exact, prefix, regex }: StringMatch): StringMatcher | undefined {
  if (exact !== undefined) return create(StringMatcherSchema, { matchPattern: { case: 'exact', value: exact } });
  if (regex !== undefined) {
    return create(StringMatcherSchema, { matchPattern: { case: 'safeRegex', value: regexMatcher(regex) } });
  }
  if (!prefix) return undefined;
  return create(StringMatcherSchema, { matchPattern: { case: 'prefix', value: prefix } });
}

function regexMatcher(regex: string) {
  return create(RegexMatcherSchema, { regex });
}

function sorted<Value>(record: Readonly<Record<string, Value>>): [string, Value][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
