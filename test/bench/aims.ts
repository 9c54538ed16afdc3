import type { AimResult, ContenderResult, IdleRow, SidecarRow } from './results.ts';

/** Upper bounds of mosn's CPU time per request over a peer's. Whether they hold never fails a run: machines differ. */
const cpuAims = [
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
] as const;

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
  if (!contenders.some((one) => one.name === 'mosn')) return [];
  return cpuAims
    .filter(({ scenario }) => scenario === name)
    .map(({ peer, max }) => {
      const value = contenders.find((one) => one.name === peer)?.mosnRatio?.cpuUsPerRequest ?? Number.NaN;
      return { text: `CPU per request ≤ ${max} × ${peer}`, value, max, met: value <= max };
    });
}

export function judgeSidecar(rows: readonly SidecarRow[]): AimResult[] {
  return sidecarAims.map(({ row, figure, max, unit }) => {
    const value = rows.find((one) => one.name === row)?.[figure] ?? Number.NaN;
    return { text: `${row}: ≤ ${max} ${unit}`, value, max, met: value <= max };
  });
}
