import { create, toBinary } from '@bufbuild/protobuf';
import type { Duration } from '@bufbuild/protobuf/wkt';
import { CircuitBreakers_ThresholdsSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/circuit_breaker_pb';
import { type Cluster, ClusterSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import {
  HttpProtocolOptionsSchema as CommonHttpOptionsSchema,
  Http1ProtocolOptionsSchema,
  Http2ProtocolOptionsSchema,
} from '@sofamesh/api/gen/envoy/config/core/v3/protocol_pb';
import {
  type HttpProtocolOptions,
  HttpProtocolOptions_ExplicitHttpConfigSchema,
  HttpProtocolOptions_UseDownstreamHttpConfigSchema,
  HttpProtocolOptionsSchema,
} from '@sofamesh/api/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import type { NamedResource, TranslationNote } from '../input.ts';
import type { PortKind } from './port-kind.ts';
import { duration, typedConfig } from './protobuf.ts';

/** A cluster while discovery and policies work on it. */
export interface ClusterDraft {
  readonly cluster: Cluster;
  readonly host: string;
  readonly port: PortKind;
  readonly notes: TranslationNote[];
  /** What becomes `envoy.extensions.upstreams.http.v3.HttpProtocolOptions`. */
  http: HttpDraft;
}

export interface HttpDraft {
  readonly codec: 'http1' | 'http2' | 'as-downstream';
  readonly maxConcurrentStreams?: number;
  readonly maxRequestsPerConnection?: number;
  readonly idleTimeout?: Duration;
  readonly maxConnectionDuration?: Duration;
}

/** Envoy's own limits are low ones for a sidecar: as in Istio there are none but those that a rule sets. */
const unlimited = 2 ** 32 - 1;

export function draftCluster(name: string, host: string, port: PortKind, connectTimeoutMs: number): ClusterDraft {
  return {
    cluster: create(ClusterSchema, {
      name,
      connectTimeout: duration(connectTimeoutMs),
      circuitBreakers: { thresholds: [unlimitedThresholds()] },
    }),
    host,
    port,
    notes: [],
    http: { codec: port.kind === 'http' && port.http2 ? 'http2' : 'http1' },
  };
}

function unlimitedThresholds() {
  return create(CircuitBreakers_ThresholdsSchema, {
    maxConnections: unlimited,
    maxPendingRequests: unlimited,
    maxRequests: unlimited,
    maxRetries: unlimited,
    trackRemaining: true,
  });
}

const httpProtocolOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

export function encodeCluster({ cluster, http }: ClusterDraft): NamedResource {
  if (http.codec !== 'http1' || Object.keys(http).length > 1) {
    cluster.typedExtensionProtocolOptions[httpProtocolOptions] = typedConfig(HttpProtocolOptionsSchema, {
      commonHttpProtocolOptions: create(CommonHttpOptionsSchema, {
        ...(http.maxRequestsPerConnection !== undefined && { maxRequestsPerConnection: http.maxRequestsPerConnection }),
        ...(http.idleTimeout !== undefined && { idleTimeout: http.idleTimeout }),
        ...(http.maxConnectionDuration !== undefined && { maxConnectionDuration: http.maxConnectionDuration }),
      }),
      upstreamProtocolOptions: protocolOptions(http),
    });
  }
  return { name: cluster.name, bytes: toBinary(ClusterSchema, cluster) };
}

function protocolOptions({ codec, maxConcurrentStreams }: HttpDraft): HttpProtocolOptions['upstreamProtocolOptions'] {
  const http2 = create(Http2ProtocolOptionsSchema, maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams });
  const http1 = create(Http1ProtocolOptionsSchema);
  if (codec === 'as-downstream') {
    return {
      case: 'useDownstreamProtocolConfig',
      value: create(HttpProtocolOptions_UseDownstreamHttpConfigSchema, {
        httpProtocolOptions: http1,
        http2ProtocolOptions: http2,
      }),
    };
  }
  return {
    case: 'explicitHttpConfig',
    value: create(HttpProtocolOptions_ExplicitHttpConfigSchema, {
      protocolConfig:
        codec === 'http2'
          ? { case: 'http2ProtocolOptions', value: http2 }
          : { case: 'httpProtocolOptions', value: http1 },
    }),
  };
}
