import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { AimResult, ContenderResult, IdleResult, Results, ScenarioResult, SidecarResult } from './results.ts';
import { microsecondsMax } from './rpc/latencies.ts';

/** Lines of one scenario: its title, a table, the aims. */
export function scenarioText({ name, title, contenders, aims }: ScenarioResult): string {
  const columns = [...mainColumns, ...(contenders.some(isPaced) ? pacedColumns(contenders) : []), ...ratioColumns];
  const head = columns.map((column) => column.head);
  const rows = contenders.map((contender) => columns.map((column) => column.cell(contender)));
  const faults = contenders.flatMap((one) => one.faults.map((fault) => `  ! ${one.name}: ${fault}`));
  return [`${name}: ${title}`, table([head, ...rows]), ...faults, ...aims.map(aimText)].join('\n');
}

interface Column {
  readonly head: string;
  cell(contender: ContenderResult): string;
}

const mainColumns: readonly Column[] = [
  { head: '', cell: ({ name }) => name },
  { head: 'req/s', cell: ({ median }) => figure(median.requestsPerSecond, 0) },
  { head: 'p50 ms', cell: ({ median }) => figure(median.p50Us / 1000, 3) },
  { head: 'p99 ms', cell: ({ median }) => figure(median.p99Us / 1000, 3) },
  { head: 'CPU µs/req', cell: ({ median }) => cpuText(median) },
  { head: 'spread', cell: ({ runs }) => spreadText(runs.map(({ cpuUsPerRequest }) => cpuUsPerRequest)) },
  {
    head: 'core',
    cell: ({ median }) => (Number.isFinite(median.coreShare) ? `${figure(median.coreShare * 100, 0)} %` : '–'),
  },
  { head: 'RSS MB', cell: ({ median }) => figure(median.rssMb, 0) },
  { head: 'fresh', cell: ({ freshRssMb }) => figure(freshRssMb, 0) },
];

const ratioColumns: readonly Column[] = [
  { head: 'mosn/it: CPU', cell: ({ mosnRatio }) => figure(mosnRatio?.cpuUsPerRequest, 2) },
  { head: 'req/s', cell: ({ mosnRatio }) => figure(mosnRatio?.requestsPerSecond, 2) },
  { head: 'p50', cell: ({ mosnRatio }) => figure(mosnRatio?.p50Us, 2) },
  { head: 'p99', cell: ({ mosnRatio }) => figure(mosnRatio?.p99Us, 2) },
];

const isPaced = ({ median }: ContenderResult) => median.pacedP99Us !== undefined;

/** At a pace latency is the proxy's, not the queue's, so what it adds to a direct connection means something. */
function pacedColumns(contenders: readonly ContenderResult[]): Column[] {
  const direct = contenders.find(({ name }) => name === 'direct')?.median;
  const ms = (us = Number.NaN) => (us >= microsecondsMax ? `≥ ${microsecondsMax / 1000}` : figure(us / 1000, 3));
  const added = (us = Number.NaN, directUs = Number.NaN) =>
    us >= microsecondsMax ? '–' : figure((us - directUs) / 1000, 3);
  return [
    { head: 'paced p50 ms', cell: ({ median }) => ms(median.pacedP50Us) },
    { head: 'p99 ms', cell: ({ median }) => ms(median.pacedP99Us) },
    { head: 'added p50', cell: ({ median }) => added(median.pacedP50Us, direct?.pacedP50Us) },
    { head: 'added p99', cell: ({ median }) => added(median.pacedP99Us, direct?.pacedP99Us) },
  ];
}

/** With the part of each proxy where there are two. */
function cpuText({ cpuUsPerRequest, hopsCpuUs }: ContenderResult['median']): string {
  const total = figure(cpuUsPerRequest, 2);
  return hopsCpuUs === undefined ? total : `${total} = ${hopsCpuUs.map((us) => figure(us, 2)).join(' + ')}`;
}

function spreadText(cpus: readonly number[]): string {
  return Number.isFinite(cpus[0]) ? `${figure(Math.min(...cpus), 2)}–${figure(Math.max(...cpus), 2)}` : '–';
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
