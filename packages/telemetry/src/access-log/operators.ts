import { formatAddress } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';
import type { LogRecord } from '@sofamesh/contract/access-log';
import { formatResponseFlags, type RequestHead } from '@sofamesh/contract/message';
import { compileTime, isoTime } from './time-format.ts';
import { compileValidity, tlsOperators } from './tls-operators.ts';

/** Undefined is printed as `-`. Numbers stay numbers in JSON logs. */
export type Operator = (record: LogRecord) => string | number | undefined;

const simple: Readonly<Record<string, Operator>> = {
  ...tlsOperators,
  ACCESS_LOG_TYPE: ({ type, request }) => type ?? (request === undefined ? 'TcpConnectionEnd' : 'DownstreamEnd'),
  PROTOCOL: ({ request }) => request?.protocol,
  RESPONSE_CODE: ({ status }) => status,
  RESPONSE_CODE_DETAILS: ({ details }) => details || undefined,
  RESPONSE_FLAGS: ({ flags }) => formatResponseFlags(flags),
  BYTES_RECEIVED: ({ bytesReceived }) => bytesReceived,
  BYTES_SENT: ({ bytesSent }) => bytesSent,
  DURATION: ({ durationMs }) => Math.floor(durationMs),
  RESPONSE_DURATION: ({ upstreamServiceMs }) => (upstreamServiceMs < 0 ? undefined : Math.floor(upstreamServiceMs)),
  UPSTREAM_HOST: ({ upstreamHost }) => upstreamHost || undefined,
  UPSTREAM_REMOTE_ADDRESS: ({ upstreamHost }) => upstreamHost || undefined,
  UPSTREAM_CLUSTER: ({ upstreamCluster }) => upstreamCluster || undefined,
  UPSTREAM_CLUSTER_RAW: ({ upstreamCluster }) => upstreamCluster || undefined,
  UPSTREAM_LOCAL_ADDRESS: ({ upstreamLocal }) => upstreamLocal || undefined,
  UPSTREAM_TRANSPORT_FAILURE_REASON: ({ upstreamFailure }) => upstreamFailure || undefined,
  UPSTREAM_REQUEST_ATTEMPT_COUNT: ({ attempts }) => attempts,
  CONNECTION_TERMINATION_DETAILS: () => undefined,
  LOCAL_REPLY_BODY: ({ localReplyBody }) => localReplyBody ?? '',
  DOWNSTREAM_LOCAL_ADDRESS: ({ downstream }) => formatAddress(downstream.local),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: ({ downstream }) => hostOf(downstream.local),
  DOWNSTREAM_LOCAL_PORT: ({ downstream }) => portOf(downstream.local),
  DOWNSTREAM_REMOTE_ADDRESS: (record) => formatAddress(clientOf(record)),
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (record) => hostOf(clientOf(record)),
  DOWNSTREAM_REMOTE_PORT: (record) => portOf(clientOf(record)),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: ({ downstream }) => formatAddress(directOf(downstream)),
  DOWNSTREAM_DIRECT_REMOTE_PORT: ({ downstream }) => portOf(directOf(downstream)),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: ({ downstream }) => hostOf(directOf(downstream)),
  CONNECTION_ID: ({ downstream }) => downstream.id,
  ROUTE_NAME: ({ routeName }) => routeName || undefined,
  VIRTUAL_HOST_NAME: ({ virtualHost }) => virtualHost || undefined,
  TRACE_ID: ({ traceId }) => traceId,
  SPAN_ID: ({ spanId }) => spanId,
};

type Addressed = LogRecord['downstream']['local'];

/** Whom trusted proxies in front of this one name; without any, the peer. */
function clientOf({ clientAddress, downstream }: LogRecord): Addressed {
  return clientAddress ?? downstream.remote;
}

/** The peer itself, whatever a PROXY protocol header said. */
function directOf({ directRemote, remote }: LogRecord['downstream']): Addressed {
  return directRemote ?? remote;
}

function hostOf(address: Addressed): string {
  return address.kind === 'ip' ? address.host : address.path;
}

function portOf(address: Addressed): number | undefined {
  return address.kind === 'ip' ? address.port : undefined;
}

/** Longest value of a `%REQ%` or `%RESP%` without a length of its own; docs/limits.md. */
const valueCharactersMax = 8192;

/** Compiles one operator: what stands between two percent signs. `where` names the field in an error. */
export function compileOperator(text: string, where: string): Operator {
  const match = /^([A-Z_0-9]+)(?:\(([^)]*)\))?(?::(\d+))?$/.exec(text);
  if (match === null) throw new CodedError('bad_format', `${where}: %${text}%: is not an operator`);
  const [, name, argument, length] = match as unknown as [string, string, string | undefined, string | undefined];
  const limit = length === undefined ? valueCharactersMax : Number(length);
  const known = simple[name];
  if (known !== undefined) return known;
  const validity = compileValidity(name, argument, where);
  if (validity !== undefined) return validity;
  switch (name) {
    case 'REQ':
      return truncated(firstOf(argument, where, requestHeader), limit);
    case 'RESP':
      return truncated(firstOf(argument, where, responseHeader), limit);
    case 'TRAILER':
      return truncated(firstOf(argument, where, responseTrailer), limit);
    case 'GRPC_STATUS':
      return grpcStatus(argument, where);
    case 'GRPC_STATUS_NUMBER':
      return ({ grpcStatus }) => grpcStatus;
    case 'START_TIME':
      return argument === undefined
        ? ({ startWallMs }) => isoTime(startWallMs)
        : startTime(compileTime(argument, where));
    case 'ENVIRONMENT': {
      const value = process.env[argument ?? ''];
      return () => value;
    }
    case 'HOSTNAME':
      return () => process.env['HOSTNAME'];
    case 'DYNAMIC_METADATA':
      return truncated(proxyMetadata(argument ?? ''), limit);
    case 'FILTER_STATE':
      return truncated(filterState(argument ?? ''), limit);
    // Known to Envoy, with nothing behind them here: printed as absent instead of refusing a mesh-wide format.
    case 'CEL':
    case 'METADATA':
    case 'UPSTREAM_METADATA':
    case 'DOWNSTREAM_TLS_SESSION_ID':
    case 'DOWNSTREAM_TRANSPORT_FAILURE_REASON':
    case 'TLS_JA3_FINGERPRINT':
    case 'TLS_JA4_FINGERPRINT':
    case 'UPSTREAM_PEER_CERT':
    case 'UPSTREAM_PEER_ISSUER':
    case 'UPSTREAM_PEER_SUBJECT':
    case 'UPSTREAM_PEER_URI_SAN':
    case 'UPSTREAM_PEER_DNS_SAN':
    case 'UPSTREAM_TLS_CIPHER':
    case 'UPSTREAM_TLS_SESSION_ID':
    case 'UPSTREAM_TLS_VERSION':
      return () => undefined;
    default:
      throw new CodedError('bad_format', `${where}: %${text}%: unknown operator ${name}`);
  }
}

/** What listeners keep of PROXY protocol headers is all the metadata there is: `NAMESPACE:KEY`. */
function proxyMetadata(argument: string): (record: LogRecord) => string | undefined {
  const colon = argument.indexOf(':');
  const namespace = colon < 0 ? argument : argument.slice(0, colon);
  const key = colon < 0 ? undefined : argument.slice(colon + 1);
  return ({ downstream }) => {
    const values = downstream.proxyHeader?.metadata[namespace];
    // The client chooses the bytes; a line of the log must stay one.
    return key === undefined ? values && JSON.stringify(values) : values?.[key]?.replaceAll(/\p{Cc}/gu, '?');
  };
}

/** `KEY` or `KEY:TYPED`; what is kept here has neither of the other two forms, as in Envoy. */
function filterState(argument: string): (record: LogRecord) => string | undefined {
  const [key = '', form = 'TYPED'] = argument.split(':', 2);
  return form === 'TYPED' ? (record) => record.filterState?.[key] : () => undefined;
}

function startTime(format: (wallMs: number) => string): Operator {
  return ({ startWallMs }) => format(startWallMs);
}

type HeaderSource = (name: string) => Operator;

/** `X?Y`: the first, or the other one when it is absent. */
function firstOf(argument: string | undefined, where: string, source: HeaderSource): Operator {
  if (argument === undefined || argument === '')
    throw new CodedError('bad_format', `${where}: a header name is missing`);
  const [main, alternative] = argument.toLowerCase().split('?') as [string, string | undefined];
  const first = source(main);
  if (alternative === undefined) return first;
  const second = source(alternative);
  return (record) => first(record) ?? second(record);
}

function requestHeader(name: string): Operator {
  const pseudo = pseudoHeaders[name];
  if (pseudo !== undefined) return ({ request }) => (request === undefined ? undefined : pseudo(request));
  return ({ request }) => request?.get(name);
}

const pseudoHeaders: Readonly<Record<string, (request: RequestHead) => string | undefined>> = {
  ':method': (request) => request.method,
  ':path': (request) => request.path,
  ':authority': (request) => request.authority,
  host: (request) => request.authority,
  ':scheme': (request) => request.scheme,
  // What the path was before a rewrite; Envoy's own format asks for it first.
  'x-envoy-original-path': (request) => request.get('x-envoy-original-path'),
};

function responseHeader(name: string): Operator {
  // RPC answers cannot carry this header; the measured value stands in for it.
  if (name === 'x-envoy-upstream-service-time') {
    return ({ upstreamServiceMs }) => (upstreamServiceMs < 0 ? undefined : Math.floor(upstreamServiceMs));
  }
  if (name === ':status') return ({ status }) => (status === 0 ? undefined : status);
  return ({ response }) => response?.get(name);
}

function responseTrailer(name: string): Operator {
  return ({ responseTrailers }) => responseTrailers?.get(name);
}

const grpcNames =
  'OK Canceled Unknown InvalidArgument DeadlineExceeded NotFound AlreadyExists PermissionDenied ResourceExhausted ' +
  'FailedPrecondition Aborted OutOfRange Unimplemented Internal Unavailable DataLoss Unauthenticated';
const grpcCamelNames = grpcNames.split(' ');
/** The first name is an abbreviation, and stays one. */
const grpcSnakeNames = grpcCamelNames.map((name, at) =>
  at === 0 ? name : name.replace(/(?!^)[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
);

/** `%GRPC_STATUS%` is a name, `(SNAKE_STRING)` in capitals; a number that has none is printed as it is. */
function grpcStatus(style: string | undefined, where: string): Operator {
  if (style === 'NUMBER') return (record) => record.grpcStatus;
  if (style !== undefined && style !== 'CAMEL_STRING' && style !== 'SNAKE_STRING') {
    throw new CodedError(
      'bad_format',
      `${where}: %GRPC_STATUS(${style})%: must be CAMEL_STRING, SNAKE_STRING or NUMBER`,
    );
  }
  const names = style === 'SNAKE_STRING' ? grpcSnakeNames : grpcCamelNames;
  return (record) => {
    const status = record.grpcStatus;
    return status === undefined ? undefined : (names[status] ?? String(status));
  };
}

function truncated(operator: Operator, limit: number): Operator {
  return (record) => {
    const value = operator(record);
    return typeof value === 'string' && value.length > limit ? value.slice(0, limit) : value;
  };
}
