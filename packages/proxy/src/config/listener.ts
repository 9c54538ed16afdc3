import type { Address } from '@sofamesh/base/address';
import type { CodecLimits } from '@sofamesh/contract/protocol';
import type { ServerTls } from '@sofamesh/contract/transport';
import type { AccessLogConfig, FilterConfig } from './extension.ts';
import type { RouteTableConfig } from './route.ts';

/**
 * What the engine is configured with: plain data, made from Envoy's resources in the main thread and posted to workers.
 * Names follow Envoy's fields; every default is already filled in.
 */
export interface ListenerConfig {
  readonly name: string;
  /** Changes when the resource changes; an equal version is left alone. */
  readonly version: string;
  readonly address: Address;
  /** Statistics begin with `listener.STAT_PREFIX`, or with `listener.ADDRESS` when it is empty. */
  readonly statPrefix: string;
  readonly filterChains: readonly FilterChainConfig[];
  /** Used when no chain matches. */
  readonly defaultFilterChain: FilterChainConfig | undefined;
  /** Look at the first bytes before a chain is chosen: `tls` finds the ClientHello's SNI and ALPN, `protocol` the codec. */
  readonly inspect: { readonly tls: boolean; readonly protocol: boolean };
  readonly inspectTimeoutMs: number;
  /** After `inspectTimeoutMs`: go on with what is known, or close. */
  readonly continueOnInspectTimeout: boolean;
  readonly bufferBytesMax: number;
  readonly connectionsMax: number;
  readonly reusePort: boolean;
  /** For `/listeners` and statistics: `inbound`, `outbound`, or unspecified. */
  readonly direction: 'inbound' | 'outbound' | 'unspecified';
}

export interface FilterChainConfig {
  readonly name: string;
  readonly match: FilterChainMatch;
  readonly tls: ServerTls | undefined;
  readonly network: NetworkConfig;
}

/** Empty arrays and undefined match everything; the most specific chain wins in Envoy's order of criteria. */
export interface FilterChainMatch {
  readonly destinationPort: number | undefined;
  readonly destinationPrefixes: readonly string[];
  readonly serverNames: readonly string[];
  readonly transportProtocol: 'raw_buffer' | 'tls' | undefined;
  readonly applicationProtocols: readonly string[];
  readonly sourcePrefixes: readonly string[];
}

/** The terminal network filter of a chain. */
export type NetworkConfig = HttpProxyConfig | RpcProxyConfig | TcpProxyConfig;

export type RouteSource =
  | { readonly kind: 'inline'; readonly table: RouteTableConfig }
  | { readonly kind: 'named'; readonly name: string };

interface StreamProxyConfig {
  readonly statPrefix: string;
  readonly routes: RouteSource;
  readonly filters: readonly FilterConfig[];
  readonly accessLogs: readonly AccessLogConfig[];
  readonly limits: CodecLimits;
  /** From the protocol's `config.ts`. */
  readonly codecSettings: unknown;
  /** Connection without a stream; 0 disables. Envoy's default: 1 h. */
  readonly idleTimeoutMs: number;
  /** Stream without any activity; 0 disables. Envoy's default: 5 min. */
  readonly streamIdleTimeoutMs: number;
  /** A head or frame that has begun must be whole after this; 0 disables. */
  readonly messageProgressTimeoutMs: number;
  /** Bytes of incomplete messages that all connections of the listener may hold together. */
  readonly heldBytesMax: number;
}

/** `envoy.filters.network.http_connection_manager`. */
export interface HttpProxyConfig extends StreamProxyConfig {
  readonly kind: 'http';
  /** Codec of the connection: `http1`, or `auto` to detect among the catalogue's HTTP protocols. */
  readonly codec: string;
  /** Whole request, from its first byte; 0 disables (default). */
  readonly requestTimeoutMs: number;
  readonly maxRequestsPerConnection: number;
  readonly serverName: string;
  readonly serverHeader: 'overwrite' | 'append-if-absent' | 'pass-through';
  readonly generateRequestId: boolean;
  readonly preserveExternalRequestId: boolean;
  readonly useRemoteAddress: boolean;
  readonly skipXffAppend: boolean;
  readonly xffTrustedHops: number;
  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  /** Lower-case tokens that may be upgraded to. */
  readonly upgrades: readonly string[];
  readonly via: string;
  readonly drainTimeoutMs: number;
}

/** `mosn.filters.network.x_proxy`. */
export interface RpcProxyConfig extends StreamProxyConfig {
  readonly kind: 'rpc';
  /** Name of a protocol in the catalogue. */
  readonly protocol: string;
  readonly serviceLevel: 'full' | 'light' | 'relay';
}

/** `envoy.filters.network.tcp_proxy`. */
export interface TcpProxyConfig {
  readonly kind: 'tcp';
  readonly statPrefix: string;
  readonly clusters: readonly { readonly name: string; readonly weight: number }[];
  /** Default 1 h; 0 disables. */
  readonly idleTimeoutMs: number;
  readonly maxConnectAttempts: number;
  readonly accessLogs: readonly AccessLogConfig[];
}
