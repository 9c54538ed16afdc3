import type { Labels } from '../../labels.ts';
import type { WorkloadSelector } from '../parts/types.ts';

/** What happens to traffic for a host after routing has chosen it. */
export interface DestinationRuleSpec {
  /** As written: a short name means a service in the resource's namespace; may be a wildcard (see `resolveHost`). */
  readonly host: string;
  /** Absent: the mesh's defaults. */
  readonly trafficPolicy?: TrafficPolicy;
  /** Names are unique. */
  readonly subsets: readonly Subset[];
  /** Empty: the mesh's default. */
  readonly exportTo: readonly string[];
  /** Of the clients it holds for; absent: all. */
  readonly workloadSelector?: WorkloadSelector;
}

/** The instances that have all these labels; without labels, all instances. */
export interface Subset {
  readonly name: string;
  readonly labels: Labels;
  /** What it says wins, field by field, over the policy of the whole. */
  readonly trafficPolicy?: TrafficPolicy;
}

export interface TrafficPolicy extends PortPolicy {
  /** Replaces the rest on its port: nothing is inherited. */
  readonly portLevelSettings: readonly PortTrafficPolicy[];
  /** Not acted on. */
  readonly tunnel?: unknown;
  /** Not acted on. */
  readonly proxyProtocol?: unknown;
  /** Not acted on. */
  readonly retryBudget?: unknown;
}

export interface PortTrafficPolicy extends PortPolicy {
  readonly port: { readonly number: number };
}

/** What can be said for a port alone as well. */
export interface PortPolicy {
  readonly loadBalancer?: LoadBalancer;
  readonly connectionPool?: ConnectionPool;
  readonly tls?: ClientTls;
  /** Not acted on. */
  readonly outlierDetection?: unknown;
}

export type SimpleLoadBalancer = 'UNSPECIFIED' | 'ROUND_ROBIN' | 'LEAST_REQUEST' | 'RANDOM' | 'PASSTHROUGH';

export interface LoadBalancer {
  /** UNSPECIFIED: the mesh's default. The older LEAST_CONN is turned into LEAST_REQUEST. */
  readonly simple: SimpleLoadBalancer;
  /** Not acted on. */
  readonly consistentHash?: unknown;
  /** Not acted on. */
  readonly localityLbSetting?: unknown;
  /** Not acted on. */
  readonly warmup?: unknown;
  /** Not acted on. */
  readonly warmupDurationSecs?: string;
}

export interface ConnectionPool {
  readonly tcp?: TcpPool;
  readonly http?: HttpPool;
}

export interface TcpPool {
  /** Absent or 0: no limit. */
  readonly maxConnections?: number;
  /** Duration; absent: the mesh's default. */
  readonly connectTimeout?: string;
  readonly tcpKeepalive?: { readonly probes?: number; readonly time?: string; readonly interval?: string };
  /** Duration. */
  readonly maxConnectionDuration?: string;
  /** Duration. */
  readonly idleTimeout?: string;
}

export interface HttpPool {
  /** Absent or 0: no limit. */
  readonly http1MaxPendingRequests?: number;
  /** Absent or 0: no limit. */
  readonly http2MaxRequests?: number;
  /** Absent or 0: no limit. 1 switches keep-alive off. */
  readonly maxRequestsPerConnection?: number;
  /** Absent or 0: no limit. */
  readonly maxRetries?: number;
  /** Duration. */
  readonly idleTimeout?: string;
  readonly h2UpgradePolicy: 'DEFAULT' | 'DO_NOT_UPGRADE' | 'UPGRADE';
  readonly useClientProtocol: boolean;
  readonly maxConcurrentStreams?: number;
  /** Not acted on. */
  readonly http2KeepAlive?: unknown;
}

/** How the proxy speaks TLS to the host. */
export interface ClientTls {
  readonly mode: 'DISABLE' | 'SIMPLE' | 'MUTUAL' | 'ISTIO_MUTUAL';
  /** File. Its own certificate, with MUTUAL. */
  readonly clientCertificate?: string;
  /** File. */
  readonly privateKey?: string;
  /** File. Without it the server's certificate is checked against the system's authorities. */
  readonly caCertificates?: string;
  /** Not acted on: a secret instead of files. */
  readonly credentialName?: string;
  /** One of them has to be in the server's certificate; empty: not checked. */
  readonly subjectAltNames: readonly string[];
  /** Server name to ask for. */
  readonly sni?: string;
  readonly insecureSkipVerify: boolean;
  /** File. Not acted on. */
  readonly caCrl?: string;
}
