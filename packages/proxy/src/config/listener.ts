import type { Address } from '@sofamesh/base/address';
import type { CodecLimits } from '@sofamesh/contract/protocol';
import type { ServerTls } from '@sofamesh/contract/transport';
import type { KeepaliveConfig } from './cluster.ts';
import type { AccessLogConfig, FilterConfig } from './extension.ts';
import type {
  ClientCertificateConfig,
  ClientDetectionConfig,
  LocalRepliesConfig,
  ProxyStatusConfig,
  UpgradeConfig,
} from './http-edge.ts';
import type { HeaderAdditionConfig, RouteTableConfig } from './route.ts';
import type { TracingConfig } from './tracing.ts';

/**
 * What the engine is configured with: plain data, made from Envoy's resources in the main thread and posted to workers.
 * Names follow Envoy's fields; every default is already filled in.
 */
export interface ListenerConfig {
  readonly name: string;
  /** Changes when the resource changes; an equal version is left alone. */
  readonly version: string;
  readonly address: Address;
  /** It listens there as well. */
  readonly additionalAddresses: readonly Address[];
  /** False: has no socket, gets the connections that another listener's `useOriginalDst` hands over. */
  readonly bindToPort: boolean;
  /** A connection that was going to another listener's address (see `original-dst` filters) is handed over to it. */
  readonly useOriginalDst: boolean;
  /** TPROXY, see `ListenOptions.transparent`. */
  readonly transparent: boolean;
  /** Statistics begin with `listener.STAT_PREFIX`, or with `listener.ADDRESS` when it is empty. */
  readonly statPrefix: string;
  readonly filterChains: readonly FilterChainConfig[];
  /** Datagrams instead of connections; there are no filter chains then. */
  readonly udp: UdpListenerConfig | undefined;
  /** Used when no chain matches. */
  readonly defaultFilterChain: FilterChainConfig | undefined;
  /** What looks at a connection before a chain is chosen, in this order. */
  readonly listenerFilters: readonly ListenerFilterConfig[];
  /** For all listener filters together; 0 disables. */
  readonly inspectTimeoutMs: number;
  /** After `inspectTimeoutMs`: go on with what is known, or close. */
  readonly continueOnInspectTimeout: boolean;
  readonly bufferBytesMax: number;
  /** In all workers together. */
  readonly connectionsMax: number;
  /** Of `sharedMemory`: where workers count the connections of the listeners of this name. Absent: there are no others. */
  readonly places?: SharedArrayBuffer;
  /** The limit of all listeners together does not hold for this one. */
  readonly ignoreGlobalLimit: boolean;
  readonly reusePort: boolean;
  /** For `/listeners` and statistics: `inbound`, `outbound`, or unspecified. */
  readonly direction: 'inbound' | 'outbound' | 'unspecified';
}

export interface FilterChainConfig {
  readonly name: string;
  readonly match: FilterChainMatch;
  readonly tls: ServerTls | undefined;
  /** What stands before the filter that ends the chain, in this order. */
  readonly earlyFilters: readonly CatalogueFilterConfig[];
  /** The filter that ends the chain. */
  readonly network: NetworkConfig;
}

/** A network filter of the catalogue. */
export interface CatalogueFilterConfig {
  readonly kind: 'catalogue';
  readonly name: string;
  /** As the reader of its folder made it. */
  readonly config: unknown;
  /** Filters of its kind with the same text share memory; absent: it has its own. */
  readonly sharesAs?: string;
  /** What it shares with itself in other workers. Absent: there are none. */
  readonly shared?: SharedFilterMemory;
}

export interface SharedFilterMemory {
  /** Another one for other memory, whose content tells nothing. */
  readonly id: number;
  /** Of `sharedMemory`. */
  readonly memory: SharedArrayBuffer;
}

/** Empty arrays and undefined match everything; the most specific chain wins in Envoy's order of criteria. */
export interface FilterChainMatch {
  readonly destinationPort: number | undefined;
  readonly destinationPrefixes: readonly string[];
  readonly serverNames: readonly string[];
  readonly transportProtocol: 'raw_buffer' | 'tls' | undefined;
  readonly applicationProtocols: readonly string[];
  /** Of the peer itself, whatever a PROXY protocol header says. */
  readonly directSourcePrefixes: readonly string[];
  readonly sourceType: 'any' | 'same-ip-or-loopback' | 'external';
  readonly sourcePrefixes: readonly string[];
  readonly sourcePorts: readonly number[];
}

/** One listener filter. `disabled`: connections that it leaves alone. */
export type ListenerFilterConfig = (
  | { readonly kind: 'tls-inspector' }
  | { readonly kind: 'http-inspector' }
  /** Names of protocols in order; empty: all. */
  | { readonly kind: 'protocol-inspector'; readonly protocols: readonly string[] }
  | { readonly kind: 'original-dst' }
  | ProxyProtocolFilterConfig
) & { readonly disabled: PortPredicate | undefined };

/** `envoy.config.listener.v3.ListenerFilterChainMatchPredicate`, about the destination port. */
export type PortPredicate =
  | { readonly kind: 'any' }
  /** `from` ≤ port < `to`. */
  | { readonly kind: 'range'; readonly from: number; readonly to: number }
  | { readonly kind: 'not'; readonly rule: PortPredicate }
  | { readonly kind: 'and' | 'or'; readonly rules: readonly PortPredicate[] };

/** `envoy.filters.listener.proxy_protocol`. */
export interface ProxyProtocolFilterConfig {
  readonly kind: 'proxy-protocol';
  /** Versions that are read. */
  readonly versions: readonly (1 | 2)[];
  /** A connection without a header is served as it is. */
  readonly allowWithout: boolean;
  /** Extensions (TLVs) whose values are kept under a key. */
  readonly rules: readonly { readonly tlvType: number; readonly namespace: string; readonly key: string }[];
  /** Extensions that an upstream header may pass on. */
  readonly passTlvs: 'all' | readonly number[];
  readonly statPrefix: string;
}

/** The network filter that ends a chain: one of the engine's own, or one of the catalogue. */
export type NetworkConfig = HttpProxyConfig | RpcProxyConfig | TcpProxyConfig | CatalogueFilterConfig;

export type RouteSource =
  | { readonly kind: 'inline'; readonly table: RouteTableConfig }
  | { readonly kind: 'named'; readonly name: string };

interface StreamProxyConfig {
  readonly statPrefix: string;
  readonly routes: RouteSource;
  readonly filters: readonly FilterConfig[];
  readonly accessLogs: readonly AccessLogConfig[];
  /** Undefined: no spans are made. RPC has them at service level FULL. */
  readonly tracing?: TracingConfig | undefined;
  readonly limits: CodecLimits;
  /** By the protocol's name; a protocol without an entry has its defaults. */
  readonly codecSettings: Readonly<Record<string, unknown>>;
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
  /** Codec of the connection: `http1`, `http2`, or `auto`: by ALPN, else by the first bytes. */
  readonly codec: string;
  /** Whole request, from its first byte; 0 disables (default). */
  readonly requestTimeoutMs: number;
  /** Request and answer, from the first byte to the last; 0 disables (default). */
  readonly maxStreamDurationMs: number;
  readonly maxRequestsPerConnection: number;
  /** Age at which a connection is drained; 0 disables (default). */
  readonly maxConnectionDurationMs: number;
  /** Between the notice that a connection goes away and the moment from which new requests on it are refused. */
  readonly drainTimeoutMs: number;
  /**
   * How long a client may take nothing, and then not close, when its connection is closed; 0: it is not waited for.
   * Undefined: 5 s and 1 s.
   */
  readonly delayedCloseMs?: number | undefined;
  /** HTTP/2: asks the client whether it is alive; no answer in time closes the connection. */
  readonly heartbeat: KeepaliveConfig | undefined;

  readonly serverName: string;
  readonly serverHeader: 'overwrite' | 'append-if-absent' | 'pass-through';
  readonly schemeOverwrite: 'http' | 'https' | undefined;
  /** Requests go on with the scheme that the upstream is reached by. */
  readonly schemeOfUpstream: boolean;
  readonly via: string;
  readonly generateRequestId: boolean;
  readonly preserveExternalRequestId: boolean;
  /** `x-request-id` of the request is given to the client, too. */
  readonly requestIdInResponse: boolean;

  readonly useRemoteAddress: boolean;
  readonly skipXffAppend: boolean;
  readonly xffTrustedHops: number;
  readonly clientDetection: readonly ClientDetectionConfig[];
  /** Addresses whose requests count as internal; as in Envoy, none unless it is said. */
  readonly internalPrefixes: readonly string[];
  readonly unixSocketsInternal: boolean;
  readonly appendForwardedPort: boolean;
  readonly clientCertificate: ClientCertificateConfig;

  readonly normalizePath: boolean;
  readonly mergeSlashes: boolean;
  /** What `%2F` and `%5C` in a path mean. */
  readonly escapedSlashes: 'keep' | 'reject' | 'redirect' | 'forward';
  /** `matching`: only the port that the listener has. */
  readonly stripHostPort: 'any' | 'matching' | undefined;
  readonly stripTrailingHostDot: boolean;
  readonly underscores: 'allow' | 'reject' | 'drop';
  readonly upgrades: readonly UpgradeConfig[];
  readonly localReplies: LocalRepliesConfig | undefined;
  readonly proxyStatus?: ProxyStatusConfig | undefined;
  /** Requests say which proxy they come through (`add_user_agent`). */
  readonly userAgent?: { readonly cluster: string /** Empty: no id. */; readonly node: string } | undefined;
}

/** `mosn.filters.network.x_proxy`. */
export interface RpcProxyConfig extends StreamProxyConfig {
  readonly kind: 'rpc';
  /** Name of a protocol, names joined by `,`, or `auto` for all; `relay` needs none. */
  readonly protocol: string;
  readonly serviceLevel: 'full' | 'light' | 'relay';
  /** Metrics by interface and method. */
  readonly methodStats: boolean;
}

/** `envoy.filters.network.tcp_proxy`. */
export interface TcpProxyConfig {
  readonly kind: 'tcp';
  readonly statPrefix: string;
  readonly clusters: readonly { readonly name: string; readonly weight: number }[];
  /** Connections travel inside a request to an HTTP proxy; undefined: as they are. */
  readonly tunnel?: TunnelConfig | undefined;
  /** Default 1 h; 0 disables. */
  readonly idleTimeoutMs: number;
  readonly maxConnectAttempts: number;
  /** The client's connection is closed when it is so old; 0 disables (default). */
  readonly maxDurationMs: number;
  /** Hosts are picked by a hash of the client's address. */
  readonly hashSourceIp: boolean;
  /** A line of the access logs when the upstream connection stands, beside that at the end. */
  readonly logOnConnect: boolean;
  /** A line of the access logs so often while the session lasts; 0: none. */
  readonly logFlushIntervalMs: number;
  readonly accessLogs: readonly AccessLogConfig[];
}

/** `tunneling_config` of a TCP proxy. */
export interface TunnelConfig {
  /** Authority of the request, with operators as in access logs. */
  readonly hostname: string;
  /** Path of a POST; undefined: the request is a CONNECT. */
  readonly postPath: string | undefined;
  /** Values with operators as in access logs. */
  readonly headers: readonly HeaderAdditionConfig[];
  /** The answer's head or trailers are kept for access logs. */
  readonly keepsHead: boolean;
  readonly keepsTrailers: boolean;
}

/** A listener on UDP with `envoy.filters.udp_listener.udp_proxy`. */
export interface UdpListenerConfig {
  /** Longer datagrams of clients are dropped and counted. Envoy's default: 1500. */
  readonly datagramBytesMax: number;
  readonly proxy: UdpProxyConfig;
}

export interface UdpProxyConfig {
  readonly statPrefix: string;
  readonly cluster: string;
  /** Session without a datagram either way. Envoy's default: 60 s. */
  readonly idleTimeoutMs: number;
  /** Hosts are picked by a hash of the client's address. */
  readonly hashSourceIp: boolean;
  /** Every datagram picks a host anew. */
  readonly perPacket: boolean;
  /** Longer datagrams of hosts are dropped and counted. Envoy's default: 1500. */
  readonly upstreamDatagramBytesMax: number;
  /** Sessions of this listener in one worker. */
  readonly sessionsMax: number;
  /** A line for each session that ends. */
  readonly accessLogs: readonly AccessLogConfig[];
}
