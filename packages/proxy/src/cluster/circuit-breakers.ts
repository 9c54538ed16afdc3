import type { Counter, Gauge, Stats } from '@sofamesh/contract/stats';
import type { ClusterLimits } from '../config/cluster.ts';

/** How many of a thing a cluster may have at a time. The gauge is 1 while no more are allowed (Envoy: `…_open`). */
export class Limit {
  readonly #max: number;
  readonly #open: Gauge;
  readonly #overflow: Counter;
  #used = 0;
  #retired = false;

  constructor(max: number, open: Gauge, overflow: Counter) {
    this.#max = max;
    this.#open = open;
    this.#overflow = overflow;
    open.set(max <= 0 ? 1 : 0);
  }

  /** False, and counted, when the limit is reached. Each success is given back by {@link release}. */
  acquire(): boolean {
    if (this.#used >= this.#max) {
      this.#overflow.increment();
      return false;
    }
    this.force();
    return true;
  }

  /** Takes one beyond the limit if it must be. */
  force(): void {
    if (++this.#used === this.#max && !this.#retired) this.#open.set(1);
  }

  release(): void {
    if (this.#used-- === this.#max && !this.#retired) this.#open.set(0);
  }

  /** The cluster has a successor, to which the gauge belongs now. */
  retire(): void {
    this.#retired = true;
  }
}

/** The circuit breakers of a cluster's default priority, in this worker. */
export class CircuitBreakers {
  readonly connections: Limit;
  readonly pending: Limit;
  readonly requests: Limit;
  readonly retries: Limit;

  constructor(limits: ClusterLimits, stats: Stats, clusterStats: BreakerCounters) {
    const open = (name: string) => stats.gauge(`${clusterStats.prefix}circuit_breakers.default.${name}_open`);
    this.connections = new Limit(limits.connectionsMax, open('cx'), clusterStats.cxOverflow);
    this.pending = new Limit(limits.pendingRequestsMax, open('rq_pending'), clusterStats.rqPendingOverflow);
    // Envoy has one counter for both: a request over either limit was not taken by the pool.
    this.requests = new Limit(limits.requestsMax, open('rq'), clusterStats.rqPendingOverflow);
    this.retries = new Limit(limits.retriesMax, open('rq_retry'), clusterStats.rqRetryOverflow);
    open('cx_pool').set(0);
  }

  retire(): void {
    for (const limit of [this.connections, this.pending, this.requests, this.retries]) limit.retire();
  }
}

interface BreakerCounters {
  readonly prefix: string;
  readonly cxOverflow: Counter;
  readonly rqPendingOverflow: Counter;
  readonly rqRetryOverflow: Counter;
}
