import type { Address } from '@sofamesh/base/address';
import type { CodecLimits } from '@sofamesh/contract/protocol';
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
  /** Codec towards the hosts of HTTP requests. RPC listeners use their own protocol, or what `rpc` says. */
  readonly httpCodec: HttpCodecChoice;
  /** How calls of RPC listeners reach the hosts. Absent: each protocol as it is. */
  readonly rpc?: RpcUpstreamConfig;
  /** By the name of the HTTP codec, or of one that converts; made by the protocol's `config.ts`. */
  readonly codecSettings: Readonly<Record<string, unknown>>;
  /** On what hosts send in HTTP, and how many requests one HTTP/2 connection takes. */
  readonly codecLimits: CodecLimits;
  /** PING frames on HTTP/2 connections; undefined: none. */
  readonly keepalive: KeepaliveConfig | undefined;
  readonly tls: ClientTls | undefined;
  /** Hosts are told the client's addresses before anything else; absent: they are not. */
  readonly proxyProtocol?: UpstreamProxyConfig | undefined;
  /** The TLS server name follows the request; undefined: it is the one in `tls`. */
  readonly autoServerName: AutoServerNameConfig | undefined;
  readonly limits: ClusterLimits;
  /** Requests after which an upstream connection is closed; 0: no limit. */
  readonly maxRequestsPerConnection: number;
  /** Idle upstream connections are closed after this; 0 disables. Default 1 h. */
  readonly idleTimeoutMs: number;
  /** A connection takes no new requests when it is so old; 0: no limit. */
  readonly connectionDurationMs: number;
  /** A try of an HTTP request is given up when it has taken so long; 0: no limit. */
  readonly streamDurationMs: number;
  /** Connections per host that a multiplexed protocol spreads over, in each worker. Default 1. */
  readonly multiplexedConnections: number;
  readonly bufferBytesMax: number;
}

/** `envoy.extensions.upstreams.http.v3.HttpProtocolOptions`: which codec speaks to a cluster's hosts. */
export type HttpCodecChoice =
  | { readonly kind: 'named'; readonly name: string }
  /** What the host picks of HTTP/2 and HTTP/1.1 in its TLS handshake (`auto_config`). */
  | { readonly kind: 'alpn' }
  /** That of the request's client (`use_downstream_protocol_config`). */
  | { readonly kind: 'downstream' };

/** `mosn.extensions.upstreams.rpc.v1.RpcProtocolOptions`. */
export interface RpcUpstreamConfig {
  /** What calls are sent in whatever protocol they came in: the name of a protocol that rides on theirs, or converts. */
  readonly codec: string | undefined;
  /** Each downstream connection has upstream connections of its own. */
  readonly bound: boolean;
  /** The protocol's own heartbeats; undefined: none. */
  readonly heartbeat: KeepaliveConfig | undefined;
  /** On what hosts send in RPC protocols, those that requests are converted to included. Absent: defaults. */
  readonly codecLimits?: CodecLimits;
}

/** `envoy.config.core.v3.KeepaliveSettings`. */
export interface KeepaliveConfig {
  /** Between two PINGs; 0: none. */
  readonly intervalMs: number;
  /** Without an answer or any other byte for so long the connection is closed. */
  readonly timeoutMs: number;
  /** Up to so much of the interval is added to it by chance. */
  readonly jitterPercent: number;
  /** A request that finds nothing was received for so long sends a PING ahead; 0: none. */
  readonly idleIntervalMs: number;
}

/** `envoy.config.core.v3.UpstreamHttpProtocolOptions`. Connections are kept apart by the name. */
export interface AutoServerNameConfig {
  /** The name is sent as SNI, unless it is an IP address. */
  readonly sni: boolean;
  /** The host's certificate must be for the name. */
  readonly verify: boolean;
  /** Header that has the name; empty, or absent from a request: its authority. */
  readonly header: string;
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
  | OriginalDestinationConfig;

/** The address that the connection was made to before it was redirected. */
export interface OriginalDestinationConfig {
  readonly kind: 'original-dst';
  /** Header whose `IP:PORT` goes before that; undefined: none does. */
  readonly header: string | undefined;
  readonly portOverride: number | undefined;
  /** Hosts that nobody used for so long go. Envoy's default: 5 s. */
  readonly cleanupMs: number;
}

/** `envoy.transport_sockets.upstream_proxy_protocol`. */
export interface UpstreamProxyConfig {
  readonly version: 1 | 2;
  /** Extensions of the client's own header that are passed on. */
  readonly passTlvs: 'all' | readonly number[];
}

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
