import { create } from '@bufbuild/protobuf';
import {
  type DirectResponseAction,
  DirectResponseActionSchema,
  type RedirectAction,
  RedirectActionSchema,
  RedirectAction_RedirectResponseCode as RedirectCode,
} from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { HttpDirectResponse, HttpRedirect } from '@sofamesh/model/kinds/virtual-service/types';

const codes: Readonly<Record<number, RedirectCode>> = {
  301: RedirectCode.MOVED_PERMANENTLY,
  302: RedirectCode.FOUND,
  303: RedirectCode.SEE_OTHER,
  307: RedirectCode.TEMPORARY_REDIRECT,
  308: RedirectCode.PERMANENT_REDIRECT,
};

const defaultPorts: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** `http[].redirect` of requests that came to `port`. */
export function redirectOf(redirect: HttpRedirect, port: number): RedirectAction {
  const action = create(RedirectActionSchema, {
    hostRedirect: redirect.authority ?? '',
    portRedirect: redirect.port ?? derivedPort(redirect, port),
    responseCode: codes[redirect.redirectCode] ?? RedirectCode.MOVED_PERMANENTLY,
  });
  if (redirect.scheme) action.schemeRewriteSpecifier = { case: 'schemeRedirect', value: redirect.scheme };
  if (redirect.uri) action.pathRewriteSpecifier = { case: 'pathRedirect', value: redirect.uri };
  else if (redirect.prefixRewrite) {
    action.pathRewriteSpecifier = { case: 'prefixRewrite', value: redirect.prefixRewrite };
  }
  return action;
}

/** 0 leaves the port as it is. */
function derivedPort({ derivePort, scheme }: HttpRedirect, port: number): number {
  const ofScheme = defaultPorts[scheme ?? 'http'] ?? 0;
  if (derivePort === 'FROM_PROTOCOL_DEFAULT') return ofScheme;
  return derivePort === 'FROM_REQUEST_PORT' && port !== ofScheme ? port : 0;
}

/** `http[].directResponse`. */
export function directResponseOf({ status, body }: HttpDirectResponse): DirectResponseAction {
  return create(DirectResponseActionSchema, {
    status,
    ...(body?.string !== undefined && {
      body: { specifier: { case: 'inlineString' as const, value: body.string } },
    }),
    ...(body?.bytes !== undefined && {
      body: { specifier: { case: 'inlineBytes' as const, value: Uint8Array.from(Buffer.from(body.bytes, 'base64')) } },
    }),
  });
}
