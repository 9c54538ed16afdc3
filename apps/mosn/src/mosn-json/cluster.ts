import { isIP } from 'node:net';
import type { JsonObject } from '@bufbuild/protobuf';
import { type HostPort, message, optional, parseHostPort, pipeAddress, socketAddress } from './envoy-json.ts';
import { secondsText } from './go-duration.ts';
import type { JsonFields } from './json-fields.ts';
import { readLoadBalancing } from './load-balancing.ts';
import { clientTransport } from './tls-context.ts';
import type { ClusterVariant } from './upstream-use.ts';

const connectTimeoutMs = 10_000;
/** As MOSN cuts them. */
const hostWeightMax = 128;
const httpOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const rpcOptions = 'mosn.extensions.upstreams.rpc.v1.RpcProtocolOptions';
/** More connections than this mean no number to MOSN's pools. */
const largestPool = 65_535;
const unlimited = 2 ** 32 - 1;

const types: ReadonlySet<string> = new Set(['SIMPLE', 'STATIC', 'DYNAMIC', 'EDS', 'STRICT_DNS', 'ORIGINAL_DST']);

/** Envoy's Cluster for an entry of `clusters`, one for each way in which it is used. `managerTls`: of the cluster manager. */
export function readCluster(
  cluster: JsonFields,
  managerTls: JsonFields | undefined,
  variants: readonly ClusterVariant[],
): JsonObject[] {
  const type = cluster.text('type') ?? 'SIMPLE';
  if (!types.has(type)) cluster.refuse('type', `must be one of ${[...types].join(', ')}`);
  const hosts = readHosts(cluster);
  ignoreWeights(cluster, hosts);
  const transport = readTransport(cluster, managerTls, hosts);
  const breakers = readCircuitBreakers(cluster);
  const heartbeat = readHeartbeat(cluster);
  const idleMs = cluster.durationMs('idle_timeout');
  const refreshMs = cluster.durationMs('dns_refresh_rate');
  const balancing = cluster.text('lb_type');
  const originalDestination = type === 'ORIGINAL_DST' || balancing === 'LB_ORIGINAL_DST';
  const discovery = originalDestination ? readOriginalDestination(cluster) : discoveryOf(type, hosts, refreshMs);
  const shared: JsonObject = {
    connect_timeout: secondsText(cluster.durationMs('connect_timeout') || connectTimeoutMs),
    ...discovery,
    ...(!originalDestination && readLoadBalancing(cluster)),
    ...transport,
    circuit_breakers: { thresholds: [breakers] },
  };
  if (originalDestination) {
    for (const name of ['hosts', 'lbconfig']) cluster.ignore(name, 'connections go where they went');
  } else cluster.ignore('original_dst_lb_config', 'the cluster is not of type ORIGINAL_DST');
  if (discovery['type'] !== 'STRICT_DNS') cluster.ignore('dns_refresh_rate', 'no host is a name');
  ignoreOthers(cluster);
  cluster.end('a cluster');
  return variants.map((variant) => ({
    name: variant.name,
    ...shared,
    ...(!originalDestination && { load_assignment: assignment(variant.name, hosts) }),
    ...protocolOptions(variant, idleMs, poolSizeOf(breakers), heartbeat),
  }));
}

interface Host {
  readonly fields: JsonFields;
  /** `host:port`, or the path of a Unix socket. */
  readonly address: HostPort | string;
  readonly hostname: string | undefined;
  weight: number;
  readonly plain: boolean;
}

/** MOSN's other policies that take hosts in turn or by chance take all alike. */
const unweighted: readonly string[] = ['LB_ROUNDROBIN', 'LB_RANDOM', 'LB_REQUEST_ROUNDROBIN'];

function ignoreWeights(cluster: JsonFields, hosts: readonly Host[]): void {
  const type = cluster.text('lb_type') ?? 'LB_ROUNDROBIN';
  if (!unweighted.includes(type) || new Set(hosts.map(({ weight }) => weight)).size < 2) return;
  for (const host of hosts) {
    if (host.weight !== 1)
      host.fields.warn('weight', `has no effect with ${type}, as in MOSN: say LB_WEIGHTED_ROUNDROBIN`);
    host.weight = 1;
  }
}

function readHosts(cluster: JsonFields): Host[] {
  return cluster.objects('hosts').flatMap((fields) => {
    const text = fields.text('address');
    const address = text === undefined ? undefined : parseHostAddress(text);
    const hostname = fields.text('hostname');
    const weight = Math.min(Math.max(fields.count('weight') ?? 1, 1), hostWeightMax);
    const plain = fields.flag('tls_disable');
    fields.ignore('metadata', 'there are no subsets of hosts');
    fields.end('a host');
    if (address !== undefined) return [{ fields, address, hostname, weight, plain }];
    fields.refuse('address', 'must be host:port, or unix:PATH');
    return [];
  });
}

function parseHostAddress(text: string): HostPort | string | undefined {
  const path = text.startsWith('unix:') ? text.slice(5) : text;
  return path.startsWith('/') ? path : parseHostPort(text);
}

/** Names are looked up again and again here, where MOSN looks once unless the type is STRICT_DNS. */
function discoveryOf(type: string, hosts: readonly Host[], refreshMs: number | undefined): JsonObject {
  if (type !== 'STRICT_DNS' && hosts.every(({ address }) => typeof address === 'string' || isIP(address.host) !== 0))
    return { type: 'STATIC' };
  return { type: 'STRICT_DNS', ...(refreshMs && { dns_refresh_rate: secondsText(refreshMs) }) };
}

function readOriginalDestination(cluster: JsonFields): JsonObject {
  const config = cluster.object('original_dst_lb_config');
  const useHeader = config?.flag('use_header') ?? false;
  const header = config?.text('header_name');
  config?.refuseGiven('replace_local', 'is not supported');
  config?.end('original_dst_lb_config');
  const byHeader = { use_http_header: true, ...optional('http_header_name', header) };
  return {
    type: 'ORIGINAL_DST',
    lb_policy: 'CLUSTER_PROVIDED',
    ...(useHeader && { original_dst_lb_config: byHeader }),
  };
}

function assignment(name: string, hosts: readonly Host[]): JsonObject {
  const endpoints = hosts.map(({ address, hostname, weight }) => ({
    endpoint: {
      address: typeof address === 'string' ? pipeAddress(address) : socketAddress(address),
      ...optional('hostname', hostname),
    },
    ...(weight !== 1 && { load_balancing_weight: weight }),
  }));
  return { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] };
}

function readTransport(cluster: JsonFields, managerTls: JsonFields | undefined, hosts: readonly Host[]): JsonObject {
  const ofManager = cluster.flag('cluster_manager_tls');
  const own = cluster.object('tls_context');
  if (ofManager && managerTls === undefined) {
    cluster.warn(
      'cluster_manager_tls',
      'has no effect, and connections are plain text: the cluster manager has no tls_context',
    );
  }
  if (ofManager) cluster.ignore('tls_context', 'cluster_manager_tls takes the other one');
  const transport = clientTransport(ofManager ? managerTls : own);
  const plain = hosts.filter((host) => host.plain);
  if (Object.keys(transport).length === 0 || plain.length === 0) return transport;
  if (plain.length === hosts.length) return {};
  for (const { fields } of plain) fields.refuse('tls_disable', 'is not supported for some hosts of a cluster only');
  return transport;
}

/** 0, and nothing at all, mean no limit. */
function readCircuitBreakers(cluster: JsonFields): JsonObject {
  const [first, ...rest] = cluster.objects('circuit_breakers');
  for (const { path, report } of rest) report.warn(path, path, 'has no effect: only the first one counts, as in MOSN');
  const names = ['max_connections', 'max_pending_requests', 'max_requests', 'max_retries'];
  const limits = Object.fromEntries(names.map((name) => [name, first?.count(name) || unlimited]));
  first?.end('circuit_breakers');
  return limits;
}

function poolSizeOf({ max_connections: most }: JsonObject): number | undefined {
  return typeof most === 'number' && most > 1 && most < largestPool ? most : undefined;
}

function readHeartbeat(cluster: JsonFields): JsonObject | undefined {
  const keepalive = cluster.object('keepalive');
  const intervalMs = keepalive?.durationMs('interval') ?? 0;
  const timeoutMs = keepalive?.durationMs('timeout') || 1000;
  keepalive?.end('keepalive');
  return intervalMs === 0 ? undefined : { interval: secondsText(intervalMs), timeout: secondsText(timeoutMs) };
}

function protocolOptions(
  { http, rpc }: ClusterVariant,
  idleMs: number | undefined,
  poolSize: number | undefined,
  heartbeat: JsonObject | undefined,
): JsonObject {
  const idle = idleMs ? { common_http_protocol_options: { idle_timeout: secondsText(idleMs) } } : undefined;
  const ofRpc: JsonObject = {
    ...(rpc === 'http2' && { carrier: 'HTTP2' }),
    ...(rpc !== undefined && optional('connections_per_host', poolSize)),
    ...(rpc === 'same' && optional('heartbeat', heartbeat)),
  };
  const options: JsonObject = {
    ...((http !== undefined || idle !== undefined) && {
      [httpOptions]: message(httpOptions, { ...httpVersions[http ?? 'http1'], ...idle }),
    }),
    ...(Object.keys(ofRpc).length > 0 && { [rpcOptions]: message(rpcOptions, ofRpc) }),
  };
  return Object.keys(options).length === 0 ? {} : { typed_extension_protocol_options: options };
}

const httpVersions: Readonly<Record<'same' | 'http1' | 'http2', JsonObject>> = {
  same: { use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} } },
  http1: { explicit_http_config: { http_protocol_options: {} } },
  http2: { explicit_http_config: { http2_protocol_options: {} } },
};

function ignoreOthers(cluster: JsonFields): void {
  cluster.ignore('health_check', 'hosts are not asked whether they are well');
  cluster.ignore('lb_subset_config', 'there are no subsets of hosts: all of the cluster get calls');
  cluster.ignore('slow_start', 'a new host gets its full share at once');
  cluster.ignore('max_request_per_conn', 'MOSN does not look at it either');
  cluster.ignore('conn_buffer_limit_bytes', 'MOSN does not look at it either');
  cluster.ignore('mark', 'sockets are not marked');
  cluster.ignore('respect_dns_ttl', 'names are looked up at dns_refresh_rate');
  cluster.ignore('dns_lookup_family', 'addresses of both families are used');
  for (const name of ['dns_resolvers', 'dns_resolver_file', 'dns_resolver_port'])
    cluster.ignore(name, "the system's resolver is asked");
  cluster.ignore('spec', 'there is no registry to subscribe to');
  cluster.ignore('cluster_pool_enable', 'each cluster has pools of its own in any case');
  cluster.ignore('sub_type', 'nothing reads it');
}
