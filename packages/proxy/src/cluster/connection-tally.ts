import type { Clock } from '@sofamesh/base/clock';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import type { CircuitBreakers } from './circuit-breakers.ts';
import type { ClusterStats } from './cluster-stats.ts';
import type { UpstreamHost } from './upstream-host.ts';

/** What counting a connection needs of its cluster. */
export interface TallyEnvironment {
  readonly host: UpstreamHost;
  readonly stats: ClusterStats;
  readonly breakers: CircuitBreakers;
  readonly clock: Clock;
}

/**
 * The books of one upstream connection, from the dial to the end. The place under the connection limit is taken by who
 * dials and given back here.
 */
export class ConnectionTally {
  readonly #environment: TallyEnvironment;
  #sinceMs: number;
  #sentBytes = 0;
  #connected = false;

  constructor(environment: TallyEnvironment) {
    const { stats, host, clock } = environment;
    this.#environment = environment;
    this.#sinceMs = clock.now();
    stats.cxTotal.increment();
    stats.cxActive.add(1);
    host.cxTotal++;
    host.cxActive++;
  }

  connected({ tls }: Connection): void {
    const { stats, clock } = this.#environment;
    if (tls !== undefined) stats.tls.secured(tls);
    const nowMs = clock.now();
    stats.cxConnectMs.record(nowMs - this.#sinceMs);
    this.#sinceMs = nowMs;
    this.#connected = true;
  }

  received(bytes: number, connection: Connection): void {
    this.#environment.stats.cxRxBytesTotal.add(bytes);
    this.#countSent(connection);
  }

  /** `peerEnded`: the peer had ended its direction before; `busy`: there were requests on it. */
  closed(connection: Connection, cause: CloseCause, peerEnded: boolean, busy: boolean): void {
    const { stats, host, breakers, clock } = this.#environment;
    const remote = peerEnded || cause.kind !== 'closed';
    this.#countSent(connection);
    if (cause.kind === 'tls-failed') stats.tls.ended(cause);
    stats.cxActive.add(-1);
    host.cxActive--;
    breakers.connections.release();
    if (this.#connected) stats.cxLengthMs.record(clock.now() - this.#sinceMs);
    else if (remote) {
      // Otherwise this side gave up before it stood.
      stats.cxConnectFail.increment();
      host.cxConnectFail++;
      if (cause.kind === 'connect-timeout') stats.cxConnectTimeout.increment();
    }
    stats.cxDestroy.increment();
    (remote ? stats.cxDestroyRemote : stats.cxDestroyLocal).increment();
    if (!busy) return;
    stats.cxDestroyWithActiveRq.increment();
    (remote ? stats.cxDestroyRemoteWithActiveRq : stats.cxDestroyLocalWithActiveRq).increment();
  }

  #countSent(connection: Connection): void {
    const sent = connection.bytesSent;
    this.#environment.stats.cxTxBytesTotal.add(sent - this.#sentBytes);
    this.#sentBytes = sent;
  }
}
