import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { type Figures, FiguresSum, quantile, since } from './route-figures.ts';
import { renderRoutes, rowsOf } from './route-table.ts';

const host = 'vhost.catalog.bookstore.svc.cluster.local:9080';
const cluster = (version: string) => `outbound|9080|${version}|catalog.bookstore.svc.cluster.local`;

interface Counts {
  readonly total: number;
  readonly errors?: number;
  readonly injected?: number;
  readonly v1?: number;
  readonly v2?: number;
  readonly times?: Readonly<Record<number, number>>;
}

function page({ total, errors = 0, injected = 0, v1 = 0, v2 = 0, times = {} }: Counts): string {
  const route = `${host}.route.all.of.them`;
  const counters = {
    [`${route}.upstream_rq_total`]: total,
    [`${route}.upstream_rq_error`]: errors,
    [`${route}.upstream_rq_injected`]: injected,
    [`${route}.cluster.${cluster('v1')}.upstream_rq_total`]: v1,
    [`${route}.cluster.${cluster('v2')}.upstream_rq_total`]: v2,
    [`vhost.inbound|http|9080.route.default.upstream_rq_total`]: 99,
    'vhost.broken': 1,
  };
  const totals = Object.entries(times).map(([lower, count]) => ({ lower_bound: Number(lower), width: 2, count }));
  const stats = Object.entries(counters).map(([name, value]) => ({ name, value }));
  const details = [{ name: `${route}.upstream_rq_time`, totals }];
  return JSON.stringify({ stats: [...stats, { histograms: { supported_percentiles: [], details } }] });
}

function sumOf(...pages: string[]): Figures {
  const sum = new FiguresSum();
  for (const text of pages) sum.add(text);
  return sum.figures;
}

describe('figures of routes', () => {
  test('are added up over sidecars, inbound ones left out', () => {
    const figures = sumOf(
      page({ total: 10, errors: 2, injected: 3, v1: 8, v2: 2, times: { 4: 6, 8: 4 } }),
      page({ total: 30, v1: 24, v2: 6, times: { 4: 30 } }),
    );
    assert.equal(figures.size, 1);
    const [route] = figures.values();
    assert.equal(route!.route, 'all.of.them');
    assert.equal(route!.service, 'catalog.bookstore.svc.cluster.local');
    assert.deepEqual([route!.requests, route!.errors, route!.injected], [40, 2, 3]);
    assert.deepEqual(
      [...route!.shares],
      [
        [cluster('v1'), 32],
        [cluster('v2'), 8],
      ],
    );
    assert.equal(route!.times.get(4)!.count, 36);
  });

  test('answer quantiles from buckets', () => {
    const [route] = sumOf(page({ total: 100, times: { 4: 50, 10: 49, 100: 1 } })).values();
    assert.equal(quantile(route!, 0.25), 5);
    assert.equal(quantile(route!, 0.5), 6);
    assert.equal(quantile(route!, 1), 102);
    const [empty] = sumOf(page({ total: 0 })).values();
    assert.equal(quantile(empty!, 0.5), undefined);
  });

  test('tell what came between two looks, and a restarted sidecar does not count backwards', () => {
    const before = [...sumOf(page({ total: 10, v1: 10, times: { 4: 10 } })).values()][0]!;
    const now = [...sumOf(page({ total: 25, v1: 15, v2: 10, times: { 4: 11, 8: 14 } })).values()][0]!;
    const recent = since(now, before);
    assert.equal(recent.requests, 15);
    assert.deepEqual([...recent.shares.values()], [5, 10]);
    assert.deepEqual(
      [...recent.times.values()].map(({ count }) => count),
      [1, 14],
    );
    assert.equal(since(before, now).requests, 0);
  });

  test('become a table', () => {
    const before = sumOf(page({ total: 100, v1: 100, times: { 4: 100 } }));
    const now = sumOf(page({ total: 140, injected: 4, v1: 110, v2: 30, times: { 4: 100, 20: 40 } }));
    const lines = renderRoutes(rowsOf(now, before, 4_000)).map(stripVTControlCharacters);
    assert.match(lines[0]!, /^SERVICE +ROUTE +REQUESTS +REQ\/S +ERRORS +INJECTED +P50 +P99 +VERSIONS$/);
    assert.match(lines[1]!, /^catalog\.bookstore +all\.of\.them +140 +10\.0 +0 +4 +21 ms +22 ms +v1 25% {2}v2 75%$/);
  });
});
