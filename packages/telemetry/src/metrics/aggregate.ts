import { HistogramCounts } from './histogram-buckets.ts';
import { histogramViews, type MetricDefinition } from './thread-stats.ts';

interface Scalar {
  readonly kind: 'counter' | 'gauge';
  readonly parts: Map<number, { readonly page: Float64Array; readonly index: number }>;
  /** What threads that are gone had counted, less what was reset: a counter never goes back by itself. */
  retired: number;
}

interface Distribution {
  readonly parts: Map<number, ReturnType<typeof histogramViews>>;
  readonly retired: HistogramCounts;
  /** State at the last flush, for the interval values that Envoy prints. */
  flushed: HistogramCounts;
  interval: HistogramCounts | undefined;
}

/** All threads' metrics, added up by name. Lives in the main thread; threads tell it of new metrics. */
export class StatsAggregate {
  readonly #scalars = new Map<string, Scalar>();
  readonly #distributions = new Map<string, Distribution>();

  /** For a {@link ThreadStats} of this thread or, by message, of a worker. */
  define(thread: number, { kind, name, memory, index }: MetricDefinition): void {
    if (kind === 'histogram') {
      const distribution = this.#distribution(name);
      if (memory !== undefined) distribution.parts.set(thread, histogramViews(memory));
      return;
    }
    let scalar = this.#scalars.get(name);
    if (scalar === undefined) {
      scalar = { kind, parts: new Map(), retired: 0 };
      this.#scalars.set(name, scalar);
    }
    if (memory !== undefined) scalar.parts.set(thread, { page: new Float64Array(memory), index });
  }

  /** A thread ended: its counts stay, its gauges go. */
  retire(thread: number): void {
    for (const scalar of this.#scalars.values()) {
      const part = scalar.parts.get(thread);
      if (part === undefined) continue;
      if (scalar.kind === 'counter') scalar.retired += part.page[part.index]!;
      scalar.parts.delete(thread);
    }
    for (const distribution of this.#distributions.values()) {
      const part = distribution.parts.get(thread);
      if (part === undefined) continue;
      distribution.retired.addFrom(part.buckets, part.sum[0]!);
      distribution.parts.delete(thread);
    }
  }

  /** `POST /reset_counters`. Threads go on counting in memory of their own: what they have counted is taken off the sum. */
  resetCounters(): void {
    for (const scalar of this.#scalars.values()) {
      if (scalar.kind === 'counter') scalar.retired -= totalOf(scalar);
    }
  }

  #distribution(name: string): Distribution {
    let distribution = this.#distributions.get(name);
    if (distribution === undefined) {
      distribution = {
        parts: new Map(),
        retired: new HistogramCounts(),
        flushed: new HistogramCounts(),
        interval: undefined,
      };
      this.#distributions.set(name, distribution);
    }
    return distribution;
  }

  /** Value of a counter or gauge; undefined when nobody has it. */
  value(name: string): number | undefined {
    const scalar = this.#scalars.get(name);
    return scalar === undefined ? undefined : totalOf(scalar);
  }

  /** Sorted by name. */
  *scalars(): Generator<{ readonly name: string; readonly kind: 'counter' | 'gauge'; readonly value: number }> {
    for (const name of [...this.#scalars.keys()].sort()) {
      const scalar = this.#scalars.get(name)!;
      yield { name, kind: scalar.kind, value: totalOf(scalar) };
    }
  }

  /** Sorted by name. `interval` is undefined when nothing was recorded between the last two flushes. */
  *histograms(): Generator<{
    readonly name: string;
    readonly total: HistogramCounts;
    readonly interval: HistogramCounts | undefined;
  }> {
    for (const name of [...this.#distributions.keys()].sort()) {
      const distribution = this.#distributions.get(name)!;
      yield { name, total: countsOf(distribution), interval: distribution.interval };
    }
  }

  /** Closes the interval of all histograms; the main thread calls it every few seconds. */
  flush(): void {
    for (const distribution of this.#distributions.values()) {
      if (distribution.parts.size === 0 && distribution.retired.total === 0) continue;
      const total = countsOf(distribution);
      const interval = total.minus(distribution.flushed);
      distribution.interval = interval.total > 0 ? interval : undefined;
      distribution.flushed = total;
    }
  }
}

function totalOf(scalar: Scalar): number {
  let total = scalar.retired;
  for (const { page, index } of scalar.parts.values()) total += page[index]!;
  return total;
}

function countsOf(distribution: Distribution): HistogramCounts {
  const counts = new HistogramCounts();
  counts.counts.set(distribution.retired.counts);
  counts.total = distribution.retired.total;
  counts.sum = distribution.retired.sum;
  for (const { buckets, sum } of distribution.parts.values()) counts.addFrom(buckets, sum[0]!);
  return counts;
}
