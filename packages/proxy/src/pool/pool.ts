import type { Clock } from '@sofamesh/base/clock';
import type { Random } from '@sofamesh/base/random';
import type { TimerWheel } from '@sofamesh/base/timer-wheel';
import type { CodecOptions, Protocol } from '@sofamesh/contract/protocol';
import type { Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import type { CircuitBreakers } from '../cluster/circuit-breakers.ts';
import type { ClusterStats } from '../cluster/cluster-stats.ts';
import type { PendingStream, UpstreamAttempt, UpstreamProtocol } from '../cluster/upstream.ts';
import type { UpstreamHost } from '../cluster/upstream-host.ts';
import type { ClusterConfig } from '../config/cluster.ts';

/** The connections to one host in one protocol, or in that which it chooses. */
export interface Pool {
  readonly protocol: UpstreamProtocol;
  /** As {@link UpstreamCluster.newStream}. */
  newStream(downstream: Connection, attempt: UpstreamAttempt): PendingStream | undefined;
  /** Keeps no connection that has nothing to do, now and later; what is under way or waits is served. */
  drain(): void;
  /** Closes every connection; who waits is told. */
  close(): void;
  /** Nothing is under way and nobody waits. */
  readonly idle: boolean;
}

/** What a pool has from its cluster. */
export interface PoolEnvironment {
  readonly host: UpstreamHost;
  readonly config: ClusterConfig;
  readonly stats: ClusterStats;
  readonly breakers: CircuitBreakers;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
  codecOptionsOf(protocol: Protocol): CodecOptions;
  /** Only dials: the pool does the counting. */
  dial(handler: ConnectionHandler): Connection;
}
