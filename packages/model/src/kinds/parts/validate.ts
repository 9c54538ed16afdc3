import type { Report } from '../../finding.ts';
import type { Input } from '../../kind.ts';
import type { HttpRetry, WorkloadSelector } from './types.ts';

/** Reports every entry that an earlier one repeats. */
export function checkUnique<Item>(
  items: readonly Item[],
  key: (item: Item) => unknown,
  report: Report,
  what: string,
): void {
  const seen = new Set<unknown>();
  for (const [index, item] of items.entries()) {
    const value = key(item);
    if (value === undefined) continue;
    if (seen.has(value)) report.at(index).error(`repeats an earlier ${what}`);
    seen.add(value);
  }
}

/** `~` is for service entries: nobody but the workloads behind it sees such a service. */
export function checkExportTo(
  exportTo: readonly string[] | undefined,
  namespace: string,
  report: Report,
  allowNobody: boolean,
): void {
  if (exportTo === undefined) return;
  checkUnique(exportTo, (entry) => (entry === '.' ? namespace : entry), report, 'entry');
  for (const [index, entry] of exportTo.entries()) {
    if (entry === '~' && !allowNobody) report.at(index).error('may be ~ in a ServiceEntry only');
    if ((entry === '*' || entry === '~') && exportTo.length > 1) {
      report.at(index).error(`must stand alone: ${entry} already says everything`);
    }
  }
}

export function checkWorkloadSelector(selector: Input<WorkloadSelector> | undefined, report: Report): void {
  if (selector === undefined) return;
  if (Object.keys(selector.labels ?? {}).length === 0) {
    report.warn('has no labels, so it selects every workload of the namespace');
  }
}

export function checkRetry(retry: Input<HttpRetry> | undefined, report: Report): void {
  if (retry === undefined || (retry.attempts ?? 0) > 0) return;
  const others = (['perTryTimeout', 'retryOn', 'retryRemoteLocalities'] as const).filter(
    (field) => retry[field] !== undefined,
  );
  if (others.length > 0) report.error(`has ${others.join(', ')}, but attempts is 0, which switches retries off`);
}
