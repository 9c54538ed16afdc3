import type { NameFilter, StatsAggregate } from './aggregate.ts';
import { bucketStart, type HistogramCounts } from './histogram-buckets.ts';

/** The quantiles that Envoy prints at `/stats`. */
const quantiles = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100];

export interface StatsQuery {
  /** Only names that pass this. */
  readonly filter?: NameFilter;
  /** Leave out what was never touched. */
  readonly usedOnly?: boolean;
  /** Histograms as their buckets, so that a reader can add up those of several proxies. JSON only. */
  readonly detailed?: boolean;
}

/** The body of `/stats`: `name: value` lines, then the histograms. */
export function renderStatsText(stats: StatsAggregate, { filter, usedOnly }: StatsQuery = {}): string {
  let text = '';
  for (const { name, value } of stats.scalars(filter)) {
    if (!(usedOnly && value === 0)) text += `${name}: ${value}\n`;
  }
  for (const { name, total, interval } of stats.histograms(filter)) {
    if (usedOnly && total.total === 0) continue;
    text += `${name}: ${renderQuantiles(total, interval)}\n`;
  }
  return text;
}

/** The body of `/stats?format=json`, with `&histogram_buckets=detailed` for `detailed`. */
export function renderStatsJson(stats: StatsAggregate, { filter, usedOnly, detailed }: StatsQuery = {}): string {
  const list: unknown[] = [];
  for (const { name, value } of stats.scalars(filter)) {
    if (!(usedOnly && value === 0)) list.push({ name, value });
  }
  const computed: unknown[] = [];
  for (const { name, total, interval } of stats.histograms(filter)) {
    if (usedOnly && total.total === 0) continue;
    if (detailed) {
      computed.push({ name, totals: bucketsOf(total), intervals: interval === undefined ? [] : bucketsOf(interval) });
      continue;
    }
    const values = quantiles.map((percent) => ({
      interval: orNull(interval?.quantile(percent / 100)),
      cumulative: orNull(total.quantile(percent / 100)),
    }));
    computed.push({ name, values });
  }
  const histograms = detailed
    ? { supported_percentiles: quantiles, details: computed }
    : { supported_quantiles: quantiles, computed_quantiles: computed };
  list.push({ histograms });
  return JSON.stringify({ stats: list });
}

/** Those that are not empty, as Envoy prints them. */
function bucketsOf(counts: HistogramCounts): unknown[] {
  const buckets: unknown[] = [];
  for (const [bucket, count] of counts.counts.entries()) {
    if (count === 0) continue;
    const start = bucketStart(bucket);
    buckets.push({ lower_bound: start, width: bucketStart(bucket + 1) - start, count });
  }
  return buckets;
}

function orNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

function renderQuantiles(total: HistogramCounts, interval: HistogramCounts | undefined): string {
  if (total.total === 0) return 'No recorded values';
  const parts = quantiles.map((percent) => {
    const share = percent / 100;
    return `P${percent}(${format(interval?.quantile(share))},${format(total.quantile(share))})`;
  });
  return parts.join(' ');
}

function format(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? 'nan' : String(Number(value.toPrecision(4)));
}
