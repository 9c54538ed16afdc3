import type { Cluster } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { RoutingPriority } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import { HttpProtocolOptionsSchema } from '@sofamesh/api/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import { RpcProtocolOptionsSchema } from '@sofamesh/api/gen/mosn/extensions/upstreams/rpc/v1/rpc_protocol_options_pb';
import type { ClusterConfig, ClusterLimits } from '@sofamesh/proxy/config/cluster';
import { readDiscovery } from './cluster-discovery.ts';
import type { ReadContext } from './context.ts';
import { durationMs, FieldError, present, snake } from './fields.ts';
import { readBalancer } from './load-balancing.ts';
import type { SecretReference } from './secret-reference.ts';
import type { SecretSources } from './secrets.ts';
import { readClientTls } from './tls.ts';
import { readUpstreamHttp } from './upstream-http.ts';
import { unwrapProxyProtocol, upstreamProxySchemas } from './upstream-proxy-protocol.ts';
import { readUpstreamRpc } from './upstream-rpc.ts';

export const upstreamSchemas = [HttpProtocolOptionsSchema, RpcProtocolOptionsSchema, ...upstreamProxySchemas];

const defaultConnectTimeoutMs = 5_000;
const defaultBufferBytes = 1024 * 1024;
const defaultLimits: ClusterLimits = {
  connectionsMax: 1024,
  pendingRequestsMax: 1024,
  requestsMax: 1024,
  retriesMax: 3,
};

export interface ReadCluster {
  readonly config: ClusterConfig;
  /** How long the cluster waits for its first endpoints; 0 for ever. */
  readonly fetchTimeoutMs: number;
  /** When one of these changes, the cluster is to be read again. */
  readonly secretFiles: readonly string[];
  /** Secrets of control planes that it needs; it waits for those that have not come. */
  readonly secrets: readonly SecretReference[];
}

/** Fields whose absence would let in, or leave out, somebody: a cluster that has one is refused. */
const refused = ['transportSocketMatches', 'lbSubsetConfig', 'upstreamConfig', 'upstreamBindConfig'] as const;
/** Fields that only tune: they have no effect here, which is logged. */
const ignored = [
  'healthChecks',
  'outlierDetection',
  'preconnectPolicy',
  'dnsResolvers',
  'filters',
  'lrsServer',
] as const;

/** Reads `envoy.config.cluster.v3.Cluster`. Throws a FieldError for the first field that cannot be used. */
export function readCluster(cluster: Cluster, version: string, context: ReadContext): ReadCluster {
  if (cluster.name === '') throw new FieldError('name', '', 'must not be empty');
  for (const field of refused)
    if (isGiven(cluster[field])) throw new FieldError(snake(field), present, 'is not supported');
  for (const field of ignored) if (isGiven(cluster[field])) context.ignored(snake(field));
  const { discovery, fetchTimeoutMs } = readDiscovery(cluster, version);
  const transport = unwrapProxyProtocol(cluster.transportSocket, 'transport_socket');
  const sources: SecretSources = { files: [], references: [] };
  const secrets = context.secrets?.reportingTo(sources);
  const tls = readClientTls(transport.inner, transport.path, { ...context, ...(secrets && { secrets }) });
  const http = readUpstreamHttp(cluster, tls !== undefined, context);
  return {
    fetchTimeoutMs,
    secretFiles: sources.files,
    secrets: sources.references,
    config: {
      name: cluster.name,
      version,
      statName: (cluster.altStatName || cluster.name).replaceAll(':', '_'),
      discovery,
      balancer: readBalancer(cluster, context.extensions),
      connectTimeoutMs: readConnectTimeout(cluster),
      ...http,
      ...readUpstreamRpc(cluster, http),
      tls,
      ...(transport.proxyProtocol !== undefined && { proxyProtocol: transport.proxyProtocol }),
      limits: readLimits(cluster),
      bufferBytesMax: cluster.perConnectionBufferLimitBytes ?? defaultBufferBytes,
    },
  };
}

function isGiven(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

function readConnectTimeout({ connectTimeout }: Cluster): number {
  const timeoutMs = durationMs(connectTimeout, defaultConnectTimeoutMs, 'connect_timeout');
  if (timeoutMs === 0) throw new FieldError('connect_timeout', '0s', 'must be above 0');
  return timeoutMs;
}

function readLimits({ circuitBreakers }: Cluster): ClusterLimits {
  const thresholds = circuitBreakers?.thresholds.find(({ priority }) => priority === RoutingPriority.DEFAULT);
  return {
    connectionsMax: thresholds?.maxConnections ?? defaultLimits.connectionsMax,
    pendingRequestsMax: thresholds?.maxPendingRequests ?? defaultLimits.pendingRequestsMax,
    requestsMax: thresholds?.maxRequests ?? defaultLimits.requestsMax,
    retriesMax: thresholds?.maxRetries ?? defaultLimits.retriesMax,
  };
}
