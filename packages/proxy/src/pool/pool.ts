import type { Clock } from '@sofamesh/base/clock';
import type { TimerWheel } from '@sofamesh/base/timer-wheel';
import type { CodecOptions, Protocol } from '@sofamesh/contract/protocol';
import type { Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import type { CircuitBreakers } from '../cluster/circuit-breakers.ts';
import type { ClusterStats } from '../cluster/cluster-stats.ts';
import type { PendingStream, UpstreamAttempt } from '../cluster/upstream.ts';
import type { UpstreamHost } from '../cluster/upstream-host.ts';
import type { ClusterConfig } from '../config/cluster.ts';

/** The connections to one host in one protocol. */
export interface Pool {
  readonly protocol: Protocol;
  /** As {@link UpstreamCluster.newStream}. */
  newStream(downstream: Connection, attempt: UpstreamAttempt): PendingStream | undefined;
  /** Keeps no connection that has nothing to do, now and later; what is under way or waits is served. */
  drain(): void;
  /** Closes every connection; who waits is told. */
  close(): void;
}

/** What a pool has from its cluster. */
export interface PoolEnvironment {
  readonly host: UpstreamHost;
  readonly config: ClusterConfig;
  readonly stats: ClusterStats;
  readonly breakers: CircuitBreakers;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly codecOptions: CodecOptions;
  /** Only dials: the pool does the counting. */
  dial(handler: ConnectionHandler): Connection;
}
