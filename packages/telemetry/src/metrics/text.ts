import type { StatsAggregate } from './aggregate.ts';
import type { HistogramCounts } from './histogram-buckets.ts';

/** The quantiles that Envoy prints at `/stats`. */
const quantiles = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100];

export interface StatsQuery {
  /** Only names in which this is found. */
  readonly filter?: RegExp;
  /** Leave out what was never touched. */
  readonly usedOnly?: boolean;
}

/** The body of `/stats`: `name: value` lines, then the histograms. */
export function renderStatsText(stats: StatsAggregate, { filter, usedOnly }: StatsQuery = {}): string {
  let text = '';
  for (const { name, value } of stats.scalars()) {
    if (isWanted(name, filter) && !(usedOnly && value === 0)) text += `${name}: ${value}\n`;
  }
  for (const { name, total, interval } of stats.histograms()) {
    if (!isWanted(name, filter) || (usedOnly && total.total === 0)) continue;
    text += `${name}: ${renderQuantiles(total, interval)}\n`;
  }
  return text;
}

/** The body of `/stats?format=json`. */
export function renderStatsJson(stats: StatsAggregate, { filter, usedOnly }: StatsQuery = {}): string {
  const list: unknown[] = [];
  for (const { name, value } of stats.scalars()) {
    if (isWanted(name, filter) && !(usedOnly && value === 0)) list.push({ name, value });
  }
  const computed: unknown[] = [];
  for (const { name, total, interval } of stats.histograms()) {
    if (!isWanted(name, filter) || (usedOnly && total.total === 0)) continue;
    const values = quantiles.map((percent) => ({
      interval: orNull(interval?.quantile(percent / 100)),
      cumulative: orNull(total.quantile(percent / 100)),
    }));
    computed.push({ name, values });
  }
  list.push({ histograms: { supported_quantiles: quantiles, computed_quantiles: computed } });
  return JSON.stringify({ stats: list });
}

function isWanted(name: string, filter: RegExp | undefined): boolean {
  return filter === undefined || filter.test(name);
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
