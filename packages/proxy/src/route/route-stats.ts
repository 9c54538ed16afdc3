import type { Counter, Histogram, Stats } from '@sofamesh/contract/stats';

/**
 * What a named route carried: `vhost.VHOST.route.ROUTE.…`, looked up when the table is compiled. `error` counts requests
 * that ended with a status of 500 or more, or with no answer at all, and were not hit by fault injection; those that were
 * are counted by `injected`, however they ended.
 */
export class RouteStats {
  readonly total: Counter;
  readonly error: Counter;
  readonly injected: Counter;
  readonly time: Histogram;
  readonly #prefix: string;
  readonly #stats: Stats;

  constructor(stats: Stats, virtualHost: string, route: string) {
    this.#stats = stats;
    this.#prefix = `vhost.${virtualHost}.route.${route}.`;
    this.total = stats.counter(`${this.#prefix}upstream_rq_total`);
    this.error = stats.counter(`${this.#prefix}upstream_rq_error`);
    this.injected = stats.counter(`${this.#prefix}upstream_rq_injected`);
    this.time = stats.histogram(`${this.#prefix}upstream_rq_time`);
  }

  /** Requests of the route that went to one cluster: its share. */
  share(cluster: string): Counter {
    return this.#stats.counter(`${this.#prefix}cluster.${cluster}.upstream_rq_total`);
  }
}
