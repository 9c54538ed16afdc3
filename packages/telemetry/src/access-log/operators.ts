import { formatAddress } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';
import type { LogRecord } from '@sofamesh/contract/access-log';
import { formatResponseFlags, type RequestHead } from '@sofamesh/contract/message';
import { compileTime, isoTime } from './time-format.ts';

/** Undefined is printed as `-`. Numbers stay numbers in JSON logs. */
export type Operator = (record: LogRecord) => string | number | undefined;

const simple: Readonly<Record<string, Operator>> = {
  PROTOCOL: ({ request }) => request?.protocol,
  RESPONSE_CODE: ({ status }) => status,
  RESPONSE_CODE_DETAILS: ({ details }) => details || undefined,
  RESPONSE_FLAGS: ({ flags }) => formatResponseFlags(flags),
  BYTES_RECEIVED: ({ bytesReceived }) => bytesReceived,
  BYTES_SENT: ({ bytesSent }) => bytesSent,
  DURATION: ({ durationMs }) => Math.floor(durationMs),
  RESPONSE_DURATION: ({ upstreamServiceMs }) => (upstreamServiceMs < 0 ? undefined : Math.floor(upstreamServiceMs)),
  UPSTREAM_HOST: ({ upstreamHost }) => upstreamHost || undefined,
  UPSTREAM_CLUSTER: ({ upstreamCluster }) => upstreamCluster || undefined,
  UPSTREAM_CLUSTER_RAW: ({ upstreamCluster }) => upstreamCluster || undefined,
  UPSTREAM_LOCAL_ADDRESS: ({ upstreamLocal }) => upstreamLocal || undefined,
  UPSTREAM_TRANSPORT_FAILURE_REASON: ({ upstreamFailure }) => upstreamFailure || undefined,
  UPSTREAM_REQUEST_ATTEMPT_COUNT: ({ attempts }) => attempts,
  CONNECTION_TERMINATION_DETAILS: () => undefined,
  DOWNSTREAM_LOCAL_ADDRESS: ({ downstream }) => formatAddress(downstream.local),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: ({ downstream }) => hostOf(downstream.local),
  DOWNSTREAM_LOCAL_PORT: ({ downstream }) => portOf(downstream.local),
  DOWNSTREAM_REMOTE_ADDRESS: ({ downstream }) => formatAddress(downstream.remote),
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: ({ downstream }) => hostOf(downstream.remote),
  DOWNSTREAM_REMOTE_PORT: ({ downstream }) => portOf(downstream.remote),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: ({ downstream }) => formatAddress(downstream.remote),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: ({ downstream }) => hostOf(downstream.remote),
  DOWNSTREAM_PEER_URI_SAN: ({ downstream }) => sansOf(downstream.tls?.peerSubjectAltNames, 'URI:'),
  DOWNSTREAM_PEER_DNS_SAN: ({ downstream }) => sansOf(downstream.tls?.peerSubjectAltNames, 'DNS:'),
  DOWNSTREAM_TLS_VERSION: ({ downstream }) => downstream.tls?.version,
  REQUESTED_SERVER_NAME: ({ downstream }) => downstream.tls?.serverName,
  CONNECTION_ID: ({ downstream }) => downstream.id,
  ROUTE_NAME: ({ routeName }) => routeName || undefined,
  VIRTUAL_HOST_NAME: ({ virtualHost }) => virtualHost || undefined,
};

type Addressed = LogRecord['downstream']['local'];

function hostOf(address: Addressed): string {
  return address.kind === 'ip' ? address.host : address.path;
}

function portOf(address: Addressed): number | undefined {
  return address.kind === 'ip' ? address.port : undefined;
}

function sansOf(names: readonly string[] | undefined, kind: string): string | undefined {
  const found = (names ?? []).filter((name) => name.startsWith(kind)).map((name) => name.slice(kind.length));
  return found.length > 0 ? found.join(',') : undefined;
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
  switch (name) {
    case 'REQ':
      return truncated(firstOf(argument, where, requestHeader), limit);
    case 'RESP':
      return truncated(firstOf(argument, where, responseHeader), limit);
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
    // Known to Envoy, with nothing behind them here: printed as absent instead of refusing a mesh-wide format.
    case 'TRAILER':
    case 'DYNAMIC_METADATA':
    case 'FILTER_STATE':
    case 'CEL':
    case 'METADATA':
    case 'UPSTREAM_METADATA':
    case 'GRPC_STATUS':
    case 'GRPC_STATUS_NUMBER':
    case 'UPSTREAM_PEER_URI_SAN':
    case 'DOWNSTREAM_LOCAL_URI_SAN':
      return () => undefined;
    default:
      throw new CodedError('bad_format', `${where}: %${text}%: unknown operator ${name}`);
  }
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

function truncated(operator: Operator, limit: number): Operator {
  return (record) => {
    const value = operator(record);
    return typeof value === 'string' && value.length > limit ? value.slice(0, limit) : value;
  };
}
