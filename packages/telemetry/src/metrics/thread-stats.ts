import type { Counter, Gauge, Histogram, Stats } from '@sofamesh/contract/stats';
import { bucketCount, bucketOf } from './histogram-buckets.ts';

/**
 * The metrics of one thread. Each lives in memory that the main thread reads directly, so that counting is a plain
 * store and asking costs the worker nothing. Only this thread writes; the aggregate adds the threads up.
 */
export class ThreadStats implements Stats {
  readonly #announce: (definition: MetricDefinition) => void;
  readonly #counters = new Map<string, Slot>();
  readonly #gauges = new Map<string, Slot>();
  readonly #histograms = new Map<string, SharedHistogram>();
  #page = new Float64Array(new SharedArrayBuffer(0));
  #used = 0;

  /** `announce` passes new metrics to the main thread: plain data and shared memory. */
  constructor(announce: (definition: MetricDefinition) => void) {
    this.#announce = announce;
  }

  counter(name: string): Counter {
    return this.#slot(this.#counters, 'counter', name);
  }

  gauge(name: string): Gauge {
    return this.#slot(this.#gauges, 'gauge', name);
  }

  histogram(name: string): Histogram {
    let histogram = this.#histograms.get(name);
    if (histogram === undefined) {
      histogram = new SharedHistogram((memory) => this.#announce({ kind: 'histogram', name, memory, index: 0 }));
      this.#histograms.set(name, histogram);
      this.#announce({ kind: 'histogram', name, memory: undefined, index: 0 });
    }
    return histogram;
  }

  #slot(slots: Map<string, Slot>, kind: 'counter' | 'gauge', name: string): Slot {
    let slot = slots.get(name);
    if (slot === undefined) {
      if (this.#used === this.#page.length) {
        this.#page = new Float64Array(new SharedArrayBuffer(slotsPerPage * Float64Array.BYTES_PER_ELEMENT));
        this.#used = 0;
      }
      slot = new Slot(this.#page, this.#used);
      slots.set(name, slot);
      this.#announce({ kind, name, memory: this.#page.buffer, index: this.#used++ });
    }
    return slot;
  }
}

const slotsPerPage = 512;

/** What the main thread must know to read a metric. A histogram without memory has recorded nothing yet. */
export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly name: string;
  readonly memory: SharedArrayBuffer | undefined;
  /** Of the Float64 slot. */
  readonly index: number;
}

class Slot implements Counter, Gauge {
  readonly #page: Float64Array;
  readonly #index: number;

  constructor(page: Float64Array, index: number) {
    this.#page = page;
    this.#index = index;
  }

  get value(): number {
    return this.#page[this.#index]!;
  }

  increment(): void {
    this.#page[this.#index]!++;
  }

  add(amount: number): void {
    this.#page[this.#index]! += amount;
  }

  set(value: number): void {
    this.#page[this.#index] = value;
  }
}

/** Sum, then the buckets. Made at the first value: most histograms of a large mesh never see one. */
class SharedHistogram implements Histogram {
  readonly #onFirst: (memory: SharedArrayBuffer) => void;
  #buckets: Uint32Array | undefined;
  #sum: Float64Array = new Float64Array(0);

  constructor(onFirst: (memory: SharedArrayBuffer) => void) {
    this.#onFirst = onFirst;
  }

  record(value: number): void {
    const buckets = this.#buckets ?? this.#allocate();
    buckets[bucketOf(value)]!++;
    this.#sum[0]! += value;
  }

  #allocate(): Uint32Array {
    const memory = new SharedArrayBuffer(histogramBytes);
    const { buckets, sum } = histogramViews(memory);
    this.#buckets = buckets;
    this.#sum = sum;
    this.#onFirst(memory);
    return buckets;
  }
}

const histogramBytes = Float64Array.BYTES_PER_ELEMENT + bucketCount * Uint32Array.BYTES_PER_ELEMENT;

export function histogramViews(memory: SharedArrayBuffer): { sum: Float64Array; buckets: Uint32Array } {
  return {
    sum: new Float64Array(memory, 0, 1),
    buckets: new Uint32Array(memory, Float64Array.BYTES_PER_ELEMENT, bucketCount),
  };
}
