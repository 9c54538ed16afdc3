import type { Address } from '@sofamesh/base/address';
import type { ClientTls } from '@sofamesh/contract/transport';

/** `envoy.config.cluster.v3.Cluster` as plain data, defaults filled in. */
export interface ClusterConfig {
  readonly name: string;
  readonly version: string;
  /** Shown in statistics instead of the name (`:` of a name is replaced by `_` as Envoy does). */
  readonly statName: string;
  readonly discovery: ClusterDiscovery;
  readonly balancer: { readonly name: string; readonly options: unknown };
  readonly connectTimeoutMs: number;
  /** Codec towards the hosts of HTTP requests: `http1`, …. RPC listeners use their own protocol. */
  readonly httpCodec: string;
  readonly codecSettings: unknown;
  readonly tls: ClientTls | undefined;
  readonly limits: ClusterLimits;
  /** Requests after which an upstream connection is closed; 0: no limit. */
  readonly maxRequestsPerConnection: number;
  /** Idle upstream connections are closed after this; 0 disables. Default 1 h. */
  readonly idleTimeoutMs: number;
  /** Connections per host that a multiplexed protocol spreads over, in each worker. Default 1. */
  readonly multiplexedConnections: number;
  readonly bufferBytesMax: number;
}

export type ClusterDiscovery =
  | { readonly kind: 'static'; readonly endpoints: EndpointsConfig }
  /** Endpoints arrive by EDS under this name. */
  | { readonly kind: 'eds'; readonly serviceName: string }
  /** Names are resolved by the main thread, which sends endpoints as if by EDS under the cluster's name. */
  | {
      readonly kind: 'dns';
      readonly strict: boolean;
      readonly endpoints: readonly DnsEndpointConfig[];
      readonly refreshMs: number;
    }
  /** The address that the connection was made to before it was redirected. */
  | { readonly kind: 'original-dst' };

export interface DnsEndpointConfig {
  readonly host: string;
  readonly port: number;
  readonly weight: number;
}

/** `envoy.config.endpoint.v3.ClusterLoadAssignment`. */
export interface EndpointsConfig {
  /** Cluster or EDS service name. */
  readonly name: string;
  readonly version: string;
  readonly groups: readonly EndpointGroupConfig[];
}

export interface EndpointGroupConfig {
  readonly locality: string;
  readonly priority: number;
  /** Locality weight; 0 means unset. */
  readonly weight: number;
  readonly hosts: readonly EndpointConfig[];
}

export interface EndpointConfig {
  readonly address: Address;
  readonly weight: number;
  readonly healthy: boolean;
  readonly hostname: string;
}

/** Circuit breakers of the default priority; Envoy's defaults are 1024 and 3 retries. */
export interface ClusterLimits {
  readonly connectionsMax: number;
  readonly pendingRequestsMax: number;
  readonly requestsMax: number;
  readonly retriesMax: number;
}
