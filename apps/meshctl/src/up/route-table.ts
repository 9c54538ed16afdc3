import { type Column, paint, renderTable } from '../output.ts';
import { type Figures, quantile, type RouteFigures, since } from './route-figures.ts';

export interface Row {
  /** Since the mesh started. */
  readonly total: RouteFigures;
  /** In the last seconds: what a change of configuration shows in. */
  readonly recent: RouteFigures;
  readonly recentMs: number;
}

/** Rows by service, then by name; `before` is what was counted `recentMs` ago. */
export function rowsOf(now: Figures, before: Figures, recentMs: number): Row[] {
  return [...now]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, total]) => ({ total, recent: since(total, before.get(key)), recentMs }));
}

const columns: readonly Column<Row>[] = [
  { title: 'SERVICE', value: ({ total }) => total.service.replace(/\.svc\..*$/, '') },
  { title: 'ROUTE', value: ({ total }) => total.route },
  { title: 'REQUESTS', align: 'right', value: ({ total }) => String(total.requests) },
  { title: 'REQ/S', align: 'right', value: ({ recent, recentMs }) => perSecond(recent.requests, recentMs) },
  { title: 'ERRORS', align: 'right', value: ({ total }) => emphasized(total.errors, 'red') },
  { title: 'INJECTED', align: 'right', value: ({ total }) => emphasized(total.injected, 'yellow') },
  { title: 'P50', align: 'right', value: ({ recent }) => milliseconds(quantile(recent, 0.5)) },
  { title: 'P99', align: 'right', value: ({ recent }) => milliseconds(quantile(recent, 0.99)) },
  { title: 'VERSIONS', value: ({ recent }) => shares(recent) },
];

export function renderRoutes(rows: readonly Row[]): string[] {
  return renderTable(columns, rows);
}

function perSecond(count: number, ms: number): string {
  return ms > 0 ? ((count * 1000) / ms).toFixed(1) : '-';
}

function emphasized(count: number, colour: 'red' | 'yellow'): string {
  return count === 0 ? '0' : paint(colour, String(count));
}

function milliseconds(value: number | undefined): string {
  if (value === undefined) return '-';
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

/** `v1 80%  v2 20%`, by the subset in the cluster's name. */
function shares({ shares: counts }: RouteFigures): string {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  if (total === 0) return '-';
  return [...counts]
    .map(([cluster, count]): [string, number] => [cluster.split('|')[2] || 'all', count])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([version, count]) => `${version} ${Math.round((100 * count) / total)}%`)
    .join('  ');
}
