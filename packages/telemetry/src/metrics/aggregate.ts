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

/** Which names are asked for. A RegExp does; where strangers write the pattern, one that takes linear time must. */
export interface NameFilter {
  test(name: string): boolean;
}

/** Metrics by name. One that is there stays, so they are put in order only when others have come. */
class Metrics<Metric> {
  readonly #byName = new Map<string, Metric>();
  #names: string[] = [];

  get(name: string): Metric | undefined {
    return this.#byName.get(name);
  }

  add(name: string, metric: Metric): void {
    this.#byName.set(name, metric);
  }

  all(): Iterable<Metric> {
    return this.#byName.values();
  }

  /** Sorted by name. */
  *passing(filter: NameFilter | undefined): Generator<readonly [name: string, metric: Metric]> {
    if (this.#names.length !== this.#byName.size) this.#names = [...this.#byName.keys()].sort();
    for (const name of this.#names) {
      if (filter === undefined || filter.test(name)) yield [name, this.#byName.get(name)!];
    }
  }
}

/** All threads' metrics, added up by name. Lives in the main thread; threads tell it of new metrics. */
export class StatsAggregate {
  readonly #scalars = new Metrics<Scalar>();
  readonly #distributions = new Metrics<Distribution>();

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
      this.#scalars.add(name, scalar);
    }
    if (memory !== undefined) scalar.parts.set(thread, { page: new Float64Array(memory), index });
  }

  /** A thread ended: its counts stay, its gauges go. */
  retire(thread: number): void {
    for (const scalar of this.#scalars.all()) {
      const part = scalar.parts.get(thread);
      if (part === undefined) continue;
      if (scalar.kind === 'counter') scalar.retired += part.page[part.index]!;
      scalar.parts.delete(thread);
    }
    for (const distribution of this.#distributions.all()) {
      const part = distribution.parts.get(thread);
      if (part === undefined) continue;
      distribution.retired.addFrom(part.buckets, part.sum[0]!);
      distribution.parts.delete(thread);
    }
  }

  /** `POST /reset_counters`. Threads go on counting in memory of their own: what they have counted is taken off the sum. */
  resetCounters(): void {
    for (const scalar of this.#scalars.all()) {
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
      this.#distributions.add(name, distribution);
    }
    return distribution;
  }

  /** Value of a counter or gauge; undefined when nobody has it. */
  value(name: string): number | undefined {
    const scalar = this.#scalars.get(name);
    return scalar === undefined ? undefined : totalOf(scalar);
  }

  /** Sorted by name. */
  *scalars(
    filter?: NameFilter,
  ): Generator<{ readonly name: string; readonly kind: 'counter' | 'gauge'; readonly value: number }> {
    for (const [name, scalar] of this.#scalars.passing(filter)) {
      yield { name, kind: scalar.kind, value: totalOf(scalar) };
    }
  }

  /** Sorted by name. `interval` is undefined when nothing was recorded between the last two flushes. */
  *histograms(filter?: NameFilter): Generator<{
    readonly name: string;
    readonly total: HistogramCounts;
    readonly interval: HistogramCounts | undefined;
  }> {
    for (const [name, distribution] of this.#distributions.passing(filter)) {
      yield { name, total: countsOf(distribution), interval: distribution.interval };
    }
  }

  /** Closes the interval of all histograms; the main thread calls it every few seconds. */
  flush(): void {
    for (const distribution of this.#distributions.all()) {
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
