import { formatResponseFlags, type RequestHead } from '@sofamesh/contract/message';
import type { SpanTag } from '@sofamesh/contract/trace';
import type { CustomTagConfig } from '../config/tracing.ts';
import { grpcStatusOf, httpStatusOfGrpc, isGrpc } from '../route/grpc.ts';
import type { ActiveExchange } from '../stream/exchange.ts';

/** Longest value of a tag, in characters: what clients send waits in memory until it is reported. */
export const tagCharactersMax = 1024;

/** A request as it came: routes rewrite it. */
export interface AskedFor {
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
}

/** What Envoy tells of an exchange, under Envoy's names; of a call what OpenTelemetry's conventions for RPC call it. */
export function tagsOf(
  exchange: ActiveExchange,
  asked: AskedFor,
  pathLengthMax: number,
  custom: readonly CustomTagConfig[],
): SpanTag[] {
  const { request, downstream } = exchange;
  const tags: SpanTag[] = [['component', 'proxy']];
  if (exchange.proxy.edge === undefined) addRpc(tags, exchange, asked);
  else addHttp(tags, exchange, asked, pathLengthMax);
  const peer = downstream.directRemote ?? downstream.remote;
  tags.push(['peer.address', peer.kind === 'ip' ? peer.host : peer.path]);
  tags.push(['request_size', exchange.bytesReceived], ['response_size', exchange.bytesSent]);
  tags.push(['response_flags', formatResponseFlags(exchange.flags)]);
  if (exchange.upstreamCluster !== '') {
    tags.push(['upstream_cluster', exchange.upstreamCluster], ['upstream_cluster.name', exchange.upstreamCluster]);
  }
  if (exchange.upstreamHost !== '') tags.push(['upstream_address', exchange.upstreamHost]);
  if (exchange.attempts > 1) tags.push(['retry.count', exchange.attempts - 1]);
  return withCustom(tags, request, custom);
}

function addHttp(tags: SpanTag[], exchange: ActiveExchange, asked: AskedFor, pathLengthMax: number): void {
  const { request } = exchange;
  const requestId = request.get('x-request-id');
  if (requestId !== undefined) tags.push(['guid:x-request-id', clipped(requestId)]);
  const clientTraceId = request.get('x-client-trace-id');
  if (clientTraceId !== undefined) tags.push(['guid:x-client-trace-id', clipped(clientTraceId)]);
  const url = `${asked.scheme}://${asked.authority}${asked.path.slice(0, pathLengthMax)}`;
  tags.push(['http.url', clipped(url)], ['http.method', request.method], ['http.protocol', request.protocol]);
  tags.push(['user_agent', clipped(request.get('user-agent') ?? '-')]);
  tags.push(['downstream_cluster', clipped(request.get('x-envoy-downstream-service-cluster') ?? '-')]);
  tags.push(['http.status_code', exchange.status]);
  if (!isGrpc(request)) return;
  const { grpcStatus } = exchange;
  tags.push(['grpc.path', clipped(asked.path)], ['grpc.authority', clipped(asked.authority)]);
  if (grpcStatus !== undefined) tags.push(['grpc.status_code', grpcStatus]);
}

function addRpc(tags: SpanTag[], exchange: ActiveExchange, asked: AskedFor): void {
  const { request, response } = exchange;
  tags.push(['rpc.system', request.protocol], ['rpc.service', clipped(asked.authority)]);
  tags.push(['rpc.method', clipped(asked.path.slice(1))]);
  if (request.oneWay) tags.push(['rpc.one_way', true]);
  // An answer of the proxy's own has no status of the protocol until its codec writes it.
  if (response !== undefined && !exchange.answered) tags.push(['rpc.status_code', response.nativeStatus]);
  else if (exchange.status !== 0) tags.push(['http.status_code', exchange.status]);
  if (response?.applicationError) tags.push(['rpc.application_error', true]);
}

/** An error for whoever asked: no answer where one was expected, one of 5xx, or one by which the application says so. */
export function hasFailed({ request, response, responseTrailers, status, proxy }: ActiveExchange): boolean {
  if (status === 0) return !request.oneWay;
  if (status >= 500 || response?.applicationError === true) return true;
  if (proxy.edge === undefined) return false;
  const grpcStatus = grpcStatusOf(responseTrailers) ?? grpcStatusOf(response);
  return grpcStatus !== undefined && httpStatusOfGrpc(grpcStatus) >= 500;
}

/** A tag that is configured replaces one of the same name. */
function withCustom(tags: SpanTag[], request: RequestHead, custom: readonly CustomTagConfig[]): SpanTag[] {
  for (const tag of custom) {
    const value = tag.kind === 'literal' ? tag.value : (request.get(tag.header) ?? tag.fallback);
    if (value === undefined) continue;
    const at = tags.findIndex(([name]) => name === tag.name);
    if (at < 0) tags.push([tag.name, clipped(value)]);
    else tags[at] = [tag.name, clipped(value)];
  }
  return tags;
}

export function clipped(text: string): string {
  return text.length > tagCharactersMax ? text.slice(0, tagCharactersMax) : text;
}
