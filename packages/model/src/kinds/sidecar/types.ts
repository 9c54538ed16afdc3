import type { WorkloadSelector } from '../parts/types.ts';

/** What the sidecars of some workloads take in, and what they see of the mesh. */
export interface SidecarSpec {
  /** Absent: every workload of the namespace; in the root namespace, of all namespaces that have no Sidecar of their own. */
  readonly workloadSelector?: WorkloadSelector;
  /** Empty: derived from the services of the workload. */
  readonly ingress: readonly SidecarIngress[];
  /** Empty: everything that is visible from the namespace. */
  readonly egress: readonly SidecarEgress[];
  /** Absent: the mesh's. */
  readonly outboundTrafficPolicy?: OutboundTrafficPolicy;
  /** Not acted on. */
  readonly inboundConnectionPool?: unknown;
}

export interface SidecarPort {
  readonly number: number;
  /** May be empty on the way out. */
  readonly name: string;
  /** As written (see `resolveIstioPort`); empty: the name says it. */
  readonly protocol: string;
}

export type CaptureMode = 'DEFAULT' | 'IPTABLES' | 'NONE';

export interface SidecarIngress {
  readonly port: SidecarPort;
  /** IP address; empty: the workload's own. */
  readonly bind: string;
  readonly captureMode: CaptureMode;
  /**
   * Where the application listens: `127.0.0.1:PORT`, `[::1]:PORT`, `unix:///path`; `0.0.0.0:PORT` and `[::]:PORT` are the
   * workload's own address. Empty: the workload at the port's own number.
   */
  readonly defaultEndpoint: string;
  /** Not acted on. */
  readonly tls?: unknown;
  /** Not acted on. */
  readonly connectionPool?: unknown;
}

export interface SidecarEgress {
  /** Absent: all ports. */
  readonly port?: SidecarPort;
  /** IP address or `unix:///path`; empty: chosen from the service. */
  readonly bind: string;
  readonly captureMode: CaptureMode;
  /** `NAMESPACE/HOST`: the namespace may be `.`, `*` or `~` (none), the host a wildcard. */
  readonly hosts: readonly string[];
}

export interface OutboundTrafficPolicy {
  /** What happens to traffic for unknown destinations. */
  readonly mode: 'REGISTRY_ONLY' | 'ALLOW_ANY';
  /** Not acted on. */
  readonly egressProxy?: unknown;
}
