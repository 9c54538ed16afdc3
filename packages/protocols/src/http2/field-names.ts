/** What a field means to the codec itself. */
export const plainName = 0;
/** Of one connection only, and without meaning in HTTP/2 (RFC 9113 §8.2.2). */
export const connectionName = 1;
export const teName = 2;
export const hostName = 3;
export const contentLengthName = 4;
export const cookieName = 5;
export const expectName = 6;
/** Not a field name in lower case. */
export const badName = 7;

/** Names that are met in every message: nothing about them needs to be found out again. */
const known = new Map<string, number>([
  ['connection', connectionName],
  ['keep-alive', connectionName],
  ['proxy-connection', connectionName],
  ['transfer-encoding', connectionName],
  ['upgrade', connectionName],
  ['te', teName],
  ['host', hostName],
  ['content-length', contentLengthName],
  ['cookie', cookieName],
  ['expect', expectName],
]);
const usual =
  'accept accept-charset accept-encoding accept-language accept-ranges access-control-allow-origin age allow ' +
  'authorization cache-control content-disposition content-encoding content-language content-location content-range ' +
  'content-type date etag expires forwarded from grpc-accept-encoding grpc-encoding grpc-message grpc-status ' +
  'grpc-timeout if-match if-modified-since if-none-match if-range if-unmodified-since last-modified link location ' +
  'max-forwards origin pragma priority proxy-authenticate proxy-authorization range referer refresh retry-after server ' +
  'set-cookie strict-transport-security traceparent tracestate trailer user-agent vary via www-authenticate ' +
  'x-envoy-attempt-count x-envoy-expected-rq-timeout-ms x-envoy-upstream-service-time x-forwarded-client-cert ' +
  'x-forwarded-for x-forwarded-host x-forwarded-proto x-request-id';
for (const name of usual.split(' ')) known.set(name, plainName);

const lowerToken = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;

export function kindOfName(name: string): number {
  return known.get(name) ?? (lowerToken.test(name) ? plainName : badName);
}
