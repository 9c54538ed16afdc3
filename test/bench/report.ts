import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AimResult, ContenderResult, IdleResult, Results, ScenarioResult, SidecarResult } from './results.ts';

/** Lines of one scenario: its title, a table, the aims. */
export function scenarioText({ name, title, contenders, aims }: ScenarioResult): string {
  const head = ['', 'req/s', 'p50 ms', 'p99 ms', 'CPU µs/req', 'spread', 'core', 'RSS MB', 'fresh', ...ratioHead];
  const rows = contenders.map(contenderRow);
  const faults = contenders.flatMap((one) => one.faults.map((fault) => `  ! ${one.name}: ${fault}`));
  return [`${name}: ${title}`, table([head, ...rows]), ...faults, ...aims.map(aimText)].join('\n');
}

const ratioHead = ['mosn/it: CPU', 'req/s', 'p50', 'p99'];

function contenderRow({ name, freshRssMb, runs, median, mosnRatio }: ContenderResult): string[] {
  const cpus = runs.map(({ cpuUsPerRequest }) => cpuUsPerRequest);
  const spread = `${figure(Math.min(...cpus), 2)}–${figure(Math.max(...cpus), 2)}`;
  return [
    name,
    figure(median.requestsPerSecond, 0),
    figure(median.p50Us / 1000, 3),
    figure(median.p99Us / 1000, 3),
    figure(median.cpuUsPerRequest, 2),
    Number.isFinite(cpus[0]) ? spread : '–',
    Number.isFinite(median.coreShare) ? `${figure(median.coreShare * 100, 0)} %` : '–',
    figure(median.rssMb, 0),
    figure(freshRssMb, 0),
    figure(mosnRatio?.cpuUsPerRequest, 2),
    figure(mosnRatio?.requestsPerSecond, 2),
    figure(mosnRatio?.p50Us, 2),
    figure(mosnRatio?.p99Us, 2),
  ];
}

export function sidecarText({ rows, aims }: SidecarResult): string {
  const head = ['', 'ready ms', 'spread', 'RSS MB', 'after load'];
  const body = rows.map(({ name, readyMs, medianReadyMs, medianRssMb, loadedRssMb }) => [
    name,
    figure(medianReadyMs, 0),
    readyMs.length > 0 ? `${figure(Math.min(...readyMs), 0)}–${figure(Math.max(...readyMs), 0)}` : '–',
    figure(medianRssMb, 0),
    figure(loadedRssMb, 0),
  ]);
  const faults = rows.flatMap(({ name, fault }) => (fault === undefined ? [] : [`  ! ${name}: ${fault}`]));
  const title = 'sidecar: one thread; from spawn to the first 200 of /ready, and memory 1 s later';
  return [title, table([head, ...body]), ...faults, ...aims.map(aimText)].join('\n');
}

export function idleText({ rows, aims }: IdleResult): string {
  const head = ['', 'proxy', 'connections', 'KiB each', 'RSS MB', 'with a few'];
  const body = rows.map(({ proxy, mode, connections, freshRssMb, rssMb, kibEach }) => [
    mode,
    proxy,
    String(connections),
    figure(kibEach, 1),
    figure(rssMb, 0),
    figure(freshRssMb, 0),
  ]);
  const faults = rows.flatMap(({ proxy, mode, fault }) =>
    fault === undefined ? [] : [`  ! ${mode} ${proxy}: ${fault}`],
  );
  const title = 'idle: what an open connection costs in resident memory, after one request where there are requests';
  return [title, table([head, ...body]), ...faults, ...aims.map(aimText)].join('\n');
}

function aimText({ text, value, max, met }: AimResult): string {
  if (Number.isNaN(value)) return `  aim ${text}: not measured`;
  return `  aim ${text}: ${figure(value, max < 10 ? 2 : 0)}, ${met ? 'met' : 'NOT MET'}`;
}

/** Whether anything went wrong that is not a matter of speed. */
export function hasFaults({ scenarios, idle, sidecar }: Results): boolean {
  const inScenarios = scenarios.some(({ contenders }) => contenders.some(({ faults }) => faults.length > 0));
  const inIdle = idle?.rows.some(({ fault }) => fault !== undefined) ?? false;
  return inScenarios || inIdle || (sidecar?.rows.some(({ fault }) => fault !== undefined) ?? false);
}

export function writeJson(file: string, results: Results): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
}

function figure(value: number | undefined, digits: number): string {
  return value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(digits);
}

/** Names to the left, figures to the right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => {
      const cells = row.map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      );
      return `  ${cells.join('  ')}`.trimEnd();
    })
    .join('\n');
}
