import {
  boolean,
  integer,
  list,
  map,
  number,
  object,
  oneOf,
  percent,
  portNumber,
  type Schema,
  string,
  strings,
  text,
} from '../../schema/build.ts';
import { destination, exportTo, httpRetry, labels, pathMatch, percentage, stringMatch } from '../parts/schema.ts';

/** Source of the field list: istio/api networking/v1 VirtualService. */

const weight: Schema = { ...integer, minimum: 0 };
const share: Schema = { ...percentage, properties: { value: { ...number, minimum: 0, maximum: 100 } } };
const gateways = list(text('gatewayName'));
const httpStatus: Schema = { type: 'integer', minimum: 200, maximum: 599 };
const nonEmpty: Schema = { type: 'string', minLength: 1 };

const requestValues = map(text('headerValue'), 'requestHeaderName');
const responseValues = map(text('headerValue'), 'ordinaryHeaderName');
const removed = list(text('ordinaryHeaderName'));
const headers = object({
  request: object({ set: requestValues, add: requestValues, remove: removed }),
  response: object({ set: responseValues, add: responseValues, remove: removed }),
});

/** As `stringMatch`; `*` as a regex has always meant that the header is there, and nothing at all does as well. */
const withoutHeader: Schema = {
  ...stringMatch,
  type: ['object', 'null'],
  properties: { ...(stringMatch['properties'] as object), regex: { anyOf: [{ const: '*' }, text('regex')] } },
};

const httpMatch = object({
  name: string,
  uri: pathMatch,
  scheme: stringMatch,
  method: stringMatch,
  authority: stringMatch,
  headers: map(stringMatch, 'matchHeaderName'),
  withoutHeaders: map(withoutHeader, 'matchHeaderName'),
  queryParams: map(stringMatch),
  ignoreUriCase: boolean,
  port: portNumber,
  sourceLabels: labels,
  sourceNamespace: text('dnsLabel'),
  gateways,
  statPrefix: string,
});

const delay = object(
  { fixedDelay: text('duration'), exponentialDelay: text('duration'), percentage: share, percent },
  { atMostOne: [['fixedDelay', 'exponentialDelay']] },
);

const abort = object(
  { httpStatus, grpcStatus: text('grpcStatus'), http2Error: string, percentage: share },
  { atMostOne: [['httpStatus', 'grpcStatus', 'http2Error']] },
);

const corsMethod = oneOf('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', '*');

const corsPolicy = object({
  allowOrigin: strings,
  allowOrigins: list(stringMatch),
  allowMethods: list(corsMethod),
  allowHeaders: list(text('corsHeaderName')),
  exposeHeaders: list(text('corsHeaderName')),
  maxAge: text('duration'),
  allowCredentials: boolean,
  unmatchedPreflights: oneOf('UNSPECIFIED', 'FORWARD', 'IGNORE'),
});

const redirect = object(
  {
    uri: string,
    prefixRewrite: string,
    authority: string,
    port: portNumber,
    derivePort: oneOf('FROM_PROTOCOL_DEFAULT', 'FROM_REQUEST_PORT'),
    scheme: oneOf('', 'http', 'https'),
    redirectCode: { anyOf: [{ const: 0 }, { type: 'integer', minimum: 300, maximum: 399 }] },
  },
  { atMostOne: [['port', 'derivePort']] },
);

const httpRoute = object({
  name: string,
  match: list(httpMatch),
  route: list(object({ destination, weight, headers }, { required: ['destination'] })),
  redirect,
  directResponse: object(
    { status: httpStatus, body: object({ string, bytes: text('base64') }, { atMostOne: [['string', 'bytes']] }) },
    { required: ['status'] },
  ),
  delegate: object({ name: string, namespace: string }),
  rewrite: object({
    uri: string,
    authority: string,
    uriRegexRewrite: object({ match: text('regex'), rewrite: nonEmpty }, { required: ['match', 'rewrite'] }),
  }),
  timeout: text('duration'),
  retries: httpRetry,
  fault: object({ delay, abort }),
  mirror: destination,
  mirrors: list(object({ destination, percentage: share }, { required: ['destination'] })),
  mirrorPercentage: share,
  mirrorPercent: percent,
  mirror_percent: percent,
  corsPolicy,
  headers,
});

const connection = {
  destinationSubnets: list(text('subnet')),
  port: portNumber,
  sourceLabels: labels,
  sourceNamespace: string,
  gateways,
};
const routeDestinations = list(object({ destination, weight }, { required: ['destination'] }), { minItems: 1 });

export const schema = object({
  hosts: list(text('virtualHost')),
  gateways,
  http: list(httpRoute),
  tls: list(
    object(
      {
        match: list(object({ sniHosts: list(string, { minItems: 1 }), ...connection }, { required: ['sniHosts'] }), {
          minItems: 1,
        }),
        route: routeDestinations,
      },
      { required: ['match', 'route'] },
    ),
  ),
  tcp: list(
    object(
      { match: list(object({ ...connection, sourceSubnet: string })), route: routeDestinations },
      { required: ['route'] },
    ),
  ),
  exportTo,
});

/** What translation does not act on yet. */
export const inert: readonly string[] = [
  'http[].match[].statPrefix',
  'http[].delegate',
  'http[].mirror',
  'http[].mirrors',
  'http[].corsPolicy',
  'http[].retries.retryRemoteLocalities',
  'tcp[].match[].sourceSubnet',
];
