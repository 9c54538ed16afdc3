import type { Host, PickContext } from '@sofamesh/contract/balancer';
import type { ResetReason } from '@sofamesh/contract/message';
import type { ClientStream, ClientStreamHandler, Protocol } from '@sofamesh/contract/protocol';
import type { Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import type { ClusterConfig } from '../config/cluster.ts';
import type { ClusterStats } from './cluster-stats.ts';

/**
 * The upstream half of the engine, as exchanges and TCP sessions see it. Names are looked up for every request, so a
 * cluster that was replaced is found in its new form and requests under way keep the old one until they end.
 */
export interface Clusters {
  get(name: string): UpstreamCluster | undefined;
  /** A downstream connection is gone: the upstream connections that were bound to it (`bound` pools) end. */
  releaseDownstream?(downstream: Connection): void;
}

export interface UpstreamCluster {
  readonly name: string;
  readonly config: ClusterConfig;
  readonly stats: ClusterStats;
  /** Undefined: no healthy host. Allocates nothing. */
  pick(context: PickContext): Host | undefined;
  /**
   * Asks for a stream to `host`. The answer, `onPoolReady` or `onPoolFailure`, comes inside this call when a connection
   * is at hand (or a limit says no), else later; exactly one of them unless cancelled. `downstream` is the key of `bound`
   * pools. Returns undefined when the answer was given inside the call.
   */
  newStream(
    host: Host,
    protocol: Protocol,
    downstream: Connection,
    attempt: UpstreamAttempt,
  ): PendingStream | undefined;
  /** TCP proxy: a connection to `host` of its own, counted and limited (`undefined`: over the connection limit). */
  dial(host: Host, handler: ConnectionHandler): Connection | undefined;
  /** Circuit breakers: false when the limit is reached (and counted). Each success is given back once. */
  acquireRequest(): boolean;
  releaseRequest(): void;
  acquireRetry(): boolean;
  releaseRetry(): void;
}

/** One try of one request. The pool opens the stream with the attempt itself as the stream's handler. */
export interface UpstreamAttempt extends ClientStreamHandler {
  /** The request's; 0 when it has none. */
  readonly dialect: number;
  /** `stream` is open and nothing was sent on it. */
  onPoolReady(stream: ClientStream, connection: Connection): void;
  /** `connection-failure`, `connection-timeout` or `overflow`. `detail` is for logs (`ECONNREFUSED`, TLS reason). */
  onPoolFailure(reason: ResetReason, detail: string): void;
}

export interface PendingStream {
  /** The attempt no longer wants the stream; neither of its two methods is called after this. */
  cancel(): void;
}
