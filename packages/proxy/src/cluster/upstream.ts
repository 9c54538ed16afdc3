import type { Host, PickContext } from '@sofamesh/contract/balancer';
import type { RequestHead, ResetReason } from '@sofamesh/contract/message';
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
  /** What HTTP the hosts are spoken to in; undefined: there is no such codec. */
  httpProtocol(request: RequestHead): UpstreamProtocol | undefined;
  /** The same for calls of RPC protocols. */
  rpcProtocol(request: RequestHead): UpstreamProtocol | undefined;
  /**
   * Asks for a stream to `host`. The answer, `onPoolReady` or `onPoolFailure`, comes inside this call when a connection
   * is at hand (or a limit says no), else later; exactly one of them unless cancelled. `downstream` is the key of `bound`
   * pools. Returns undefined when the answer was given inside the call.
   */
  newStream(
    host: Host,
    protocol: UpstreamProtocol,
    downstream: Connection,
    attempt: UpstreamAttempt,
  ): PendingStream | undefined;
  /** TCP proxy: a connection to `host` of its own for that of `downstream`, counted and limited (`undefined`: over the connection limit). */
  dial(host: Host, handler: ConnectionHandler, downstream?: Connection): Connection | undefined;
  /** Circuit breakers: false when the limit is reached (and counted). Each success is given back once. */
  acquireConnection(): boolean;
  releaseConnection(): void;
  acquireRequest(): boolean;
  releaseRequest(): void;
  acquireRetry(): boolean;
  releaseRetry(): void;
}

/** One protocol, or what a host chooses of two in its TLS handshake. The same object for all requests of a cluster. */
export type UpstreamProtocol = Protocol | AlpnProtocols;

export interface AlpnProtocols {
  readonly http1: Protocol;
  readonly http2: Protocol;
}

/** One try of one request. The pool opens the stream with the attempt itself as the stream's handler. */
export interface UpstreamAttempt extends ClientStreamHandler {
  /** The request's; 0 when it has none. */
  readonly dialect: number;
  /** Whose certificate the host has to show, where the cluster lets that follow the request; undefined: the cluster's own. */
  readonly serverName: string | undefined;
  /** Do not use a connection that is there: one of them was just found dead under this request. */
  readonly wantsFresh: boolean;
  /** `stream` is open and nothing was sent on it. `fresh`: its connection has just been made, for a request that waited. */
  onPoolReady(stream: ClientStream, carrier: UpstreamCarrier, fresh: boolean): void;
  /** `connection-failure`, `connection-timeout` or `overflow`. `detail` is for logs (`ECONNREFUSED`, TLS reason). */
  onPoolFailure(reason: ResetReason, detail: string): void;
}

/** What carries a stream, as far as an attempt may ask. */
export interface UpstreamCarrier {
  readonly connection: Connection;
  /** Other requests may be on it at the same time. */
  readonly shared: boolean;
  /** It takes no new streams any more: the peer has said goodbye, or it is closing. */
  readonly retired: boolean;
  /** The time; of all that one chunk brings it is that of the chunk. */
  now(): number;
}

export interface PendingStream {
  /** The attempt no longer wants the stream; neither of its two methods is called after this. */
  cancel(): void;
}
