import { relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatAddress } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';
import { type Output, paint } from '../output.ts';
import { adminUrl, Mesh } from '../up/mesh.ts';
import type { Program } from '../up/program.ts';
import type { Figures } from '../up/route-figures.ts';
import { renderRoutes, rowsOf } from '../up/route-table.ts';
import { Screen } from '../up/screen.ts';
import { readUpSpec, type UpSpec } from '../up/spec.ts';

export interface UpOptions {
  readonly folder: string;
  /** Undefined: until it is stopped. */
  readonly forMs: number | undefined;
  readonly apps: boolean;
}

const refreshMs = 500;
/** Rates, times and shares are those of this last while. */
const recentMs = 4_000;

/** How long `--for` waits for every client's first call before its time starts anyway: some never call. */
const firstCallsTimeoutMs = 15_000;

interface Sample {
  readonly atMs: number;
  readonly figures: Figures;
}

/** Runs a mesh from a folder until Ctrl-C or for a while; the exit code. */
export async function up(options: UpOptions, output: Output & { readonly columns?: number }): Promise<number> {
  const startMs = performance.now();
  const spec = readUpSpec(options.folder);
  const columns = process.stdout.isTTY ? () => process.stdout.columns : undefined;
  const screen = new Screen(output, columns, () => performance.now());
  const crashed: Program[] = [];
  const mesh = new Mesh(spec, {
    say: (line) => screen.say(line),
    ended: (program) => {
      crashed.push(program);
      screen.say(paint('red', [`${program.name} ended`, ...program.lastLines].join('\n  ')));
    },
  });
  const stop = new AbortController();
  const onSignal = () => stop.abort();
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal).on('SIGHUP', onSignal);
  try {
    screen.say(`starting the mesh of ${relative(process.cwd(), spec.folder) || '.'} …`);
    const started = mesh.start(options.apps);
    started.catch(() => {});
    await Promise.race([started, aborted(stop.signal)]);
    if (stop.signal.aborted) {
      screen.close();
      return options.forMs === undefined ? 0 : 1;
    }
    for (const line of describe(mesh, spec, performance.now() - startMs)) screen.say(line);
    const last = await watch(mesh, screen, options.forMs, stop.signal);
    screen.finish(tableOf(last, undefined));
    const complaints = options.forMs === undefined ? [] : judge(last.figures, crashed, options.apps);
    for (const complaint of complaints) output.write(`${paint('red', complaint)}\n`);
    return complaints.length === 0 ? 0 : 1;
  } catch (thrown) {
    screen.close();
    throw thrown;
  } finally {
    await mesh.stop();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal).off('SIGHUP', onSignal);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/**
 * Refreshes the table until it is over; the last that was counted while everything ran. `forMs` counts from when every
 * client has called something: a program that takes long to load has not failed to send.
 */
async function watch(mesh: Mesh, screen: Screen, forMs: number | undefined, signal: AbortSignal): Promise<Sample> {
  const durationMs = forMs ?? Number.POSITIVE_INFINITY;
  const startMs = performance.now();
  let untilMs = startMs + firstCallsTimeoutMs + durationMs;
  let counting = false;
  const samples: Sample[] = [];
  const take = async () => {
    const sample = { atMs: performance.now(), figures: await mesh.figures() };
    samples.push(sample);
    return sample;
  };
  for (;;) {
    const sample = await take();
    while (samples.length > 2 && samples[1]!.atMs <= sample.atMs - recentMs) samples.shift();
    screen.show(tableOf(sample, samples[0]));
    if (!counting && mesh.silentClients.length === 0) {
      counting = true;
      untilMs = Math.min(untilMs, performance.now() + durationMs);
    }
    if (signal.aborted || performance.now() >= untilMs) return sample;
    await sleep(Math.min(refreshMs, Math.max(0, untilMs - performance.now())), undefined, { signal }).catch(() => {});
  }
}

const nothingYet: Figures = new Map();

/** Without `before`, rates and times are those of the whole run. */
function tableOf({ figures, atMs }: Sample, before: Sample | undefined): string[] {
  const sinceMs = before === undefined ? 0 : atMs - before.atMs;
  return ['', ...renderRoutes(rowsOf(figures, before?.figures ?? nothingYet, sinceMs))];
}

function describe(mesh: Mesh, { workloads, configFolders }: UpSpec, tookMs: number): string[] {
  const folders = configFolders.map((folder) => relative(process.cwd(), folder) || '.').join(', ');
  const http = formatAddress(mesh.httpAddress);
  return [
    `${paint('green', 'ready')} in ${(tookMs / 1000).toFixed(1)} s`,
    '',
    `meshd     xDS ${formatAddress(mesh.grpcAddress)}, debug and metrics http://${http}`,
    ...workloads
      .filter(({ sidecar }) => sidecar)
      .map((workload) => `sidecar   ${workload.name.padEnd(16)} on ${workload.address}, admin ${adminUrl(workload)}`),
    `logs      ${relative(process.cwd(), mesh.logFolder)}`,
    `Edit a file in ${folders} and watch the table; Ctrl-C stops everything.`,
  ];
}

/** Why a run for a while was not a good one. */
function judge(figures: Figures, crashed: readonly Program[], apps: boolean): string[] {
  const complaints = crashed.map(({ name }) => `${name} ended by itself`);
  if (!apps) return complaints;
  if (figures.size === 0) complaints.push('there are no routes');
  for (const { service, route, requests, errors } of figures.values()) {
    if (requests === 0) complaints.push(`${service}: route ${route} carried no traffic`);
    if (errors > 0) complaints.push(`${service}: route ${route} had ${errors} errors that nobody injected`);
  }
  return complaints;
}

const durationPattern = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/;
const unitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** `20s`, `1.5m`: the value of `--for`. */
export function parseDuration(text: string): number {
  const [, number, unit] = durationPattern.exec(text) ?? [];
  if (number === undefined) {
    throw new CodedError('usage', `--for: ${JSON.stringify(text)}: must be a duration such as 20s or 5m`);
  }
  return Number(number) * unitsMs[unit as keyof typeof unitsMs];
}
