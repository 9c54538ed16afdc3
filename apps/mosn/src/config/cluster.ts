import type { Cluster } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { RoutingPriority } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import type {
  HttpProtocolOptions as CommonOptions,
  Http1ProtocolOptions,
} from '@sofamesh/api/gen/envoy/config/core/v3/protocol_pb';
import {
  type HttpProtocolOptions,
  HttpProtocolOptionsSchema,
} from '@sofamesh/api/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import type { ClusterConfig, ClusterLimits } from '@sofamesh/proxy/config/cluster';
import { readDiscovery } from './cluster-discovery.ts';
import type { ReadContext } from './context.ts';
import { decodeAny, typeNameOf } from './extensions.ts';
import { durationMs, FieldError, present, snake } from './fields.ts';
import { readHttp1Settings } from './http1.ts';
import { readBalancer } from './load-balancing.ts';
import { readClientTls } from './tls.ts';

export const upstreamSchemas = [HttpProtocolOptionsSchema];

const httpOptionsKey = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const defaultConnectTimeoutMs = 5_000;
const defaultIdleTimeoutMs = 3_600_000;
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
  const options = readHttpOptions(cluster, context);
  const common = options?.commonHttpProtocolOptions ?? cluster.commonHttpProtocolOptions;
  return {
    fetchTimeoutMs,
    config: {
      name: cluster.name,
      version,
      statName: (cluster.altStatName || cluster.name).replaceAll(':', '_'),
      discovery,
      balancer: readBalancer(cluster),
      connectTimeoutMs: readConnectTimeout(cluster),
      ...readCodec(cluster, options, context),
      tls: readClientTls(cluster.transportSocket, 'transport_socket'),
      limits: readLimits(cluster),
      maxRequestsPerConnection: common?.maxRequestsPerConnection ?? cluster.maxRequestsPerConnection ?? 0,
      idleTimeoutMs: readIdleTimeout(common),
      multiplexedConnections: 1,
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

function readIdleTimeout(common: CommonOptions | undefined): number {
  return durationMs(common?.idleTimeout, defaultIdleTimeoutMs, 'common_http_protocol_options.idle_timeout');
}

function readHttpOptions(cluster: Cluster, context: ReadContext): HttpProtocolOptions | undefined {
  let options: HttpProtocolOptions | undefined;
  for (const [key, any] of Object.entries(cluster.typedExtensionProtocolOptions)) {
    const path = `typed_extension_protocol_options[${JSON.stringify(key)}]`;
    if (typeNameOf(any) !== HttpProtocolOptionsSchema.typeName) {
      if (key === httpOptionsKey)
        throw new FieldError(path, any.typeUrl, `must be ${HttpProtocolOptionsSchema.typeName}`);
      context.ignored(path);
      continue;
    }
    options = decodeAny(HttpProtocolOptionsSchema, any, path);
    if (options.httpFilters.some(({ name }) => name !== 'envoy.filters.http.upstream_codec')) {
      throw new FieldError(`${path}.http_filters`, present, 'is not supported');
    }
  }
  return options;
}

type Codec = Pick<ClusterConfig, 'httpCodec' | 'codecSettings'>;

/** HTTP/2 is kept as it is asked for: a cluster that only carries xDS never meets the engine's codecs. */
function readCodec(cluster: Cluster, options: HttpProtocolOptions | undefined, context: ReadContext): Codec {
  const http1 = (fields: Http1ProtocolOptions | undefined): Codec => ({
    httpCodec: 'http1',
    codecSettings: readHttp1Settings(fields),
  });
  const http2: Codec = { httpCodec: 'http2', codecSettings: undefined };
  const choice = options?.upstreamProtocolOptions ?? { case: undefined };
  switch (choice.case) {
    case undefined:
      return cluster.http2ProtocolOptions === undefined ? http1(cluster.httpProtocolOptions) : http2;
    case 'explicitHttpConfig':
      switch (choice.value.protocolConfig.case) {
        case 'http2ProtocolOptions':
          return http2;
        case 'http3ProtocolOptions': {
          const path = `typed_extension_protocol_options["${httpOptionsKey}"].explicit_http_config.http3_protocol_options`;
          throw new FieldError(path, present, 'is not supported');
        }
        default:
          return http1(choice.value.protocolConfig.value);
      }
    default:
      if (choice.value.http2ProtocolOptions !== undefined)
        context.ignored(`${snake(choice.case)}.http2_protocol_options`);
      return http1(choice.value.httpProtocolOptions);
  }
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
