import type { Counter, Gauge, Histogram, Stats } from '@sofamesh/contract/stats';

class Value implements Counter, Gauge, Histogram {
  value = 0;
  records = 0;

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
    this.records++;
    this.value = value;
  }
}

/** Metrics that a test can read by name. */
export class MemoryStats implements Stats {
  readonly #values = new Map<string, Value>();
  readonly #gauges = new Set<string>();

  counter(name: string): Value {
    let value = this.#values.get(name);
    if (value === undefined) this.#values.set(name, (value = new Value()));
    return value;
  }

  gauge(name: string): Value {
    this.#gauges.add(name);
    return this.counter(name);
  }

  histogram(name: string): Value {
    return this.counter(name);
  }

  /** 0 for a metric that nobody asked for. */
  get(name: string): number {
    return this.#values.get(name)?.value ?? 0;
  }

  records(name: string): number {
    return this.#values.get(name)?.records ?? 0;
  }

  /** Gauges that are not 0, but those of `except`. */
  gaugesLeft(except: RegExp): string[] {
    return [...this.#gauges].filter((name) => !except.test(name) && this.get(name) !== 0);
  }
}
