import type { Counter, Gauge, Histogram, Stats } from '@sofamesh/contract/stats';

class Metric implements Counter, Gauge, Histogram {
  value = 0;
  /** Of a histogram. */
  readonly recorded: number[] = [];

  increment(): void {
    this.value++;
  }

  add(amount: number): void {
    this.value += amount;
  }

  set(value: number): void {
    this.value = value;
  }

  record(value: number): void {
    this.recorded.push(value);
  }
}

/** Metrics that a test can read by name. */
export class MemoryStats implements Stats {
  readonly #metrics = new Map<string, Metric>();
  readonly #gauges = new Set<string>();

  counter(name: string): Metric {
    let metric = this.#metrics.get(name);
    if (metric === undefined) this.#metrics.set(name, (metric = new Metric()));
    return metric;
  }

  gauge(name: string): Metric {
    this.#gauges.add(name);
    return this.counter(name);
  }

  histogram(name: string): Metric {
    return this.counter(name);
  }

  /** Undefined when nobody asked for it. */
  value(name: string): number | undefined {
    return this.#metrics.get(name)?.value;
  }

  /** 0 for a metric that nobody asked for. */
  get(name: string): number {
    return this.value(name) ?? 0;
  }

  /** How many values a histogram has taken. */
  records(name: string): number {
    return this.#metrics.get(name)?.recorded.length ?? 0;
  }

  get names(): readonly string[] {
    return [...this.#metrics.keys()];
  }

  /** Metrics below `prefix` that are not zero. */
  nonZero(prefix: string): Record<string, number> {
    const found: Record<string, number> = {};
    for (const [name, { value }] of this.#metrics) {
      if (name.startsWith(prefix) && value !== 0) found[name.slice(prefix.length)] = value;
    }
    return found;
  }

  /** Gauges that are not 0, but those of `except`. */
  gaugesLeft(except?: RegExp): string[] {
    return [...this.#gauges].filter((name) => !except?.test(name) && this.value(name) !== 0);
  }
}
