import type { Address } from '@sofamesh/base/address';
import type { ConfigUpdate } from './config/update.ts';

/**
 * The data plane of one thread: listeners, routes and clusters behind one switch. Configuration is applied in two phases
 * so that all workers change together: every worker prepares (compiles, binds; may fail in parts without a trace), the
 * main thread gathers what was refused, then every worker commits all the rest in one turn.
 */
export interface EngineApi {
  prepare(update: ConfigUpdate): Promise<PreparedUpdate>;
  /** Plain data, cheap enough to be asked for by every admin request. */
  status(): EngineStatus;
  /**
   * Graceful drain: stops accepting, tells clients to go (goAway of their codecs), and resolves when the last connection
   * is gone or after `deadlineMs`, when the rest is closed.
   */
  drain(deadlineMs: number): Promise<void>;
  /** Closes everything at once. */
  close(): Promise<void>;
}

export interface PreparedUpdate {
  /** Resources of the update that cannot be used, each with a reason that names the field. */
  readonly rejections: readonly Rejection[];
  /** Switches to everything but the own rejections and those in `except` (what other workers refused). */
  commit(except: readonly Rejection[]): void;
  /** Releases what was prepared (bound sockets). Instead of {@link commit}. */
  abandon(): void;
}

export interface Rejection {
  readonly kind: 'cluster' | 'endpoints' | 'route' | 'listener';
  readonly name: string;
  /** `filter_chains[0].filters[0]: …: reason`. */
  readonly reason: string;
}

export interface EngineStatus {
  readonly listeners: readonly ListenerStatus[];
  readonly clusters: readonly ClusterStatus[];
}

export interface ListenerStatus {
  readonly name: string;
  /** Where it really listens (a port 0 is resolved). */
  readonly address: Address;
  readonly connections: number;
}

export interface ClusterStatus {
  readonly name: string;
  readonly version: string;
  readonly hosts: readonly HostStatus[];
}

/** Counters of `/clusters`, Envoy's names. */
export interface HostStatus {
  readonly address: Address;
  readonly weight: number;
  readonly healthy: boolean;
  readonly hostname: string;
  readonly locality: string;
  readonly priority: number;
  readonly cxActive: number;
  readonly cxConnectFail: number;
  readonly cxTotal: number;
  readonly rqActive: number;
  readonly rqError: number;
  readonly rqSuccess: number;
  readonly rqTimeout: number;
  readonly rqTotal: number;
}
