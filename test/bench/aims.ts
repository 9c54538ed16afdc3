import { ratioOf } from './figures.ts';
import type { AimResult, ContenderResult, IdleRow, SidecarRow } from './results.ts';

interface CpuAim {
  readonly scenario: string;
  /** Which mosn, where a scenario has several; default the one that is called so. */
  readonly ours?: string;
  readonly peer: string;
  readonly max: number;
}

/** Upper bounds of mosn's CPU time per request over a peer's. Whether they hold never fails a run: machines differ. */
const cpuAims: readonly CpuAim[] = [
  { scenario: 'http-log', peer: 'nginx', max: 1.4 },
  { scenario: 'http-log', peer: 'envoy', max: 0.6 },
  { scenario: 'tcp', peer: 'envoy', max: 1 },
  { scenario: 'tls', peer: 'nginx', max: 1.3 },
  { scenario: 'tls', peer: 'envoy', max: 0.65 },
  { scenario: 'http2-8x32-http1', peer: 'nginx', max: 1.4 },
  { scenario: 'http2-8x32-http1', peer: 'envoy', max: 0.6 },
  { scenario: 'http2-1x32-http1', peer: 'envoy', max: 1 },
  { scenario: 'http2-8x32-http2', peer: 'envoy', max: 1.2 },
  { scenario: 'http2-1x32-http2', peer: 'envoy', max: 1.2 },
  { scenario: 'body-1m', peer: 'nginx', max: 1.5 },
  { scenario: 'bolt-64', peer: 'envoy', max: 5 },
  { scenario: 'bolt-16x4', peer: 'envoy', max: 1.8 },
  { scenario: 'bolt-64', ours: 'mosn-relay', peer: 'envoy', max: 1.5 },
  { scenario: 'bolt-256', ours: 'mosn-relay', peer: 'envoy', max: 1.5 },
  ...['bolt', 'dubbo'].flatMap((protocol) => [
    { scenario: `${protocol}-1`, peer: 'mosn-go', max: 0.75 },
    { scenario: `${protocol}-64`, peer: 'mosn-go', max: 0.2 },
    { scenario: `${protocol}-256`, peer: 'mosn-go', max: 0.2 },
    { scenario: `${protocol}-16x4`, peer: 'mosn-go', max: 0.3 },
  ]),
];

export const sidecarRowNames = {
  static: 'mosn bundle, static',
  source: 'mosn source, static',
  ads: 'mosn bundle, ADS',
  envoy: 'envoy, static',
  envoyAds: 'envoy, ADS',
} as const;

const sidecarAims = [
  { row: sidecarRowNames.static, figure: 'medianRssMb', max: 85, unit: 'MB' },
  { row: sidecarRowNames.ads, figure: 'medianRssMb', max: 115, unit: 'MB' },
  { row: sidecarRowNames.static, figure: 'medianReadyMs', max: 300, unit: 'ms to ready' },
  { row: sidecarRowNames.source, figure: 'medianReadyMs', max: 600, unit: 'ms to ready' },
] as const;

/** KiB of mosn's memory that an idle connection costs at most. */
const idleAims = [
  { mode: 'tcp', max: 12 },
  { mode: 'http', max: 12 },
  { mode: 'tls', max: 48 },
  { mode: 'http2-tls', max: 80 },
] as const;

export function judgeIdle(rows: readonly IdleRow[]): AimResult[] {
  if (!rows.some(({ proxy }) => proxy === 'mosn')) return [];
  return idleAims.map(({ mode, max }) => {
    const value = rows.find((one) => one.proxy === 'mosn' && one.mode === mode)?.kibEach ?? Number.NaN;
    return { text: `idle ${mode} connection ≤ ${max} KiB`, value, max, met: value <= max };
  });
}

export function judgeScenario(name: string, contenders: readonly ContenderResult[]): AimResult[] {
  const named = (wanted: string) => contenders.find((one) => one.name === wanted);
  return cpuAims
    .filter(({ scenario, ours = 'mosn' }) => scenario === name && named(ours) !== undefined)
    .map(({ ours = 'mosn', peer: peerName, max }) => {
      const [mosn, peer] = [named(ours), named(peerName)];
      const fit = mosn !== undefined && peer !== undefined && mosn.faults.length + peer.faults.length === 0;
      const value = fit ? ratioOf(mosn.runs, peer.runs).cpuUsPerRequest : Number.NaN;
      const whose = ours === 'mosn' ? '' : ` of ${ours}`;
      return { text: `CPU per request${whose} ≤ ${max} × ${peerName}`, value, max, met: value <= max };
    });
}

export function judgeSidecar(rows: readonly SidecarRow[]): AimResult[] {
  return sidecarAims.map(({ row, figure, max, unit }) => {
    const value = rows.find((one) => one.name === row)?.[figure] ?? Number.NaN;
    return { text: `${row}: ≤ ${max} ${unit}`, value, max, met: value <= max };
  });
}
