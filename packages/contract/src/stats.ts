/**
 * Metrics under Envoy's names (`cluster.NAME.upstream_rq_total`). A metric is looked up once, when configuration
 * arrives, and then counts without a look-up; asking twice for one name gives the same metric.
 */
export interface Stats {
  counter(name: string): Counter;
  gauge(name: string): Gauge;
  histogram(name: string): Histogram;
}

export interface Counter {
  increment(): void;
  add(amount: number): void;
  readonly value: number;
}

export interface Gauge {
  set(value: number): void;
  /** May be negative. */
  add(amount: number): void;
  readonly value: number;
}

/** Of milliseconds, unless the name says otherwise. */
export interface Histogram {
  record(value: number): void;
}
