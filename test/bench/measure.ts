import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../peers/ports.ts';
import { RunningProcess } from '../peers/process.ts';
import { emptyLog, logFault } from './access-log.ts';
import { judgeScenario } from './aims.ts';
import type { Certificate } from './certificate.ts';
import { type Cores, pinned } from './cores.ts';
import { medianSample, noCpu, ratioOf, type Sample } from './figures.ts';
import type { Programs } from './install.ts';
import { BoltLoad, HttpLoad, type Load, sumOf } from './load.ts';
import type { Options } from './options.ts';
import { startHttpBackend } from './proxies/nginx.ts';
import type { ProxyProgram, StartedProxy } from './proxies/proxy.ts';
import { type ContenderResult, faultOf, type ScenarioResult } from './results.ts';
import type { Scenario } from './scenarios.ts';
import { type Usage, usageOf } from './usage.ts';

export interface Bench {
  readonly options: Options;
  readonly programs: Programs;
  readonly proxies: ReadonlyMap<string, ProxyProgram>;
  readonly cores: Cores;
  readonly certificate: Certificate;
  /** In memory; removed at the end. */
  readonly folder: string;
  /** Tells who waits how far it is. */
  readonly progress: (text: string) => void;
}

/** A proxy that takes part, or the direct connection, which is the backend's port and no process. */
interface Contender {
  readonly name: string;
  readonly started: StartedProxy | undefined;
  readonly port: number;
  readonly freshRssMb: number;
  /** Its log has a line per request; a TCP proxy's has one per connection. */
  readonly logsRequests: boolean;
  readonly samples: Sample[];
  readonly faults: string[];
}

/**
 * Runs one scenario: every proxy is started once and warmed up, then they take turns, beginning with another one each
 * time, so that what else happens on the machine meets all of them. Only one is under load at a time.
 */
export async function measureScenario(scenario: Scenario, bench: Bench): Promise<ScenarioResult> {
  const folder = join(bench.folder, scenario.name);
  mkdirSync(folder);
  const backend = await startBackend(scenario, bench, folder);
  const contenders: Contender[] = [];
  try {
    const load = loadOf(scenario, bench);
    for (const name of scenario.proxies) {
      const contender = await enter(name, scenario, bench, backend.port, folder);
      if (contender !== undefined) contenders.push(contender);
    }
    for (const contender of contenders) await warmUp(contender, load, bench);
    for (let run = 0; run < bench.options.runs; run++) {
      const fit = contenders.filter(({ faults }) => faults.length === 0);
      const first = run % Math.max(1, fit.length);
      for (const contender of [...fit.slice(first), ...fit.slice(0, first)]) {
        await measureOnce(contender, load, bench.options.seconds, run === 0);
      }
      bench.progress(`${scenario.name} ${run + 1}/${bench.options.runs}  ${fit.map(latestFigure).join('  ')}`);
    }
  } finally {
    await Promise.all(contenders.map(({ started }) => started?.process.stop(500)));
    await backend.process.stop(500);
  }
  return summary(scenario, contenders);
}

async function startBackend(
  { traffic }: Scenario,
  { programs, cores }: Bench,
  folder: string,
): Promise<{ process: RunningProcess; port: number }> {
  const place = join(folder, 'backend');
  mkdirSync(place);
  if (traffic.kind === 'http') return startHttpBackend(programs.nginx, place, cores.backend);
  const port = await freePort();
  const args = [join(import.meta.dirname, 'bolt', 'echo-server.ts'), String(port)];
  const process_ = new RunningProcess(pinned(cores.backend, { name: 'bolt backend', command: process.execPath, args }));
  await process_.listening(port);
  return { process: process_, port };
}

function loadOf({ traffic }: Scenario, { programs, cores }: Bench): Load {
  return traffic.kind === 'http'
    ? new HttpLoad(programs.wrk, cores, traffic.scheme)
    : new BoltLoad(cores, traffic.connections, traffic.inFlight);
}

/** Starts a proxy; one that cannot start takes part with a fault. Undefined when it is not wanted in this run. */
async function enter(
  name: string,
  scenario: Scenario,
  bench: Bench,
  backendPort: number,
  scenarioFolder: string,
): Promise<Contender | undefined> {
  const nothing = { name, freshRssMb: Number.NaN, logsRequests: false, samples: [], faults: [] };
  if (name === 'direct') return { ...nothing, started: undefined, port: backendPort };
  const proxy = bench.proxies.get(name);
  if (proxy === undefined) return undefined;
  const folder = join(scenarioFolder, name);
  mkdirSync(folder);
  const { cores, certificate } = bench;
  try {
    const { mode, observed } = scenario;
    const logsRequests = observed && mode !== 'tcp' && (mode !== 'bolt' || name === 'mosn');
    const started = await proxy.start({ mode, backendPort, observed, certificate, folder, cores });
    const freshRssMb = usageOf(started.process.pid).rssMb;
    return { ...nothing, started, port: started.port, freshRssMb, logsRequests };
  } catch (error) {
    return { ...nothing, started: undefined, port: 0, faults: [faultOf(error)] };
  }
}

async function warmUp(contender: Contender, load: Load, { options }: Bench): Promise<void> {
  if (contender.faults.length > 0) return;
  try {
    await load.check(contender.port);
    await load.run(contender.port, options.warmupSeconds);
    emptyLogOf(contender);
  } catch (error) {
    contender.faults.push(faultOf(error));
  }
}

async function measureOnce(contender: Contender, load: Load, seconds: number, checkLog: boolean): Promise<void> {
  const { started, port, logsRequests, samples, faults } = contender;
  try {
    const before = started && usageOf(started.process.pid);
    const { requests, requestsPerSecond, p50Us, p99Us, faults: seen } = await load.run(port, seconds);
    const after = started && usageOf(started.process.pid);
    const cpu = before && after ? cpuFigures(before, after, requests, seconds) : noCpu;
    samples.push({ requestsPerSecond, p50Us, p99Us, ...cpu });
    if (sumOf(seen) > 0) faults.push(`the load saw ${JSON.stringify(seen)}`);
    if (checkLog && logsRequests && started?.accessLog !== undefined) {
      const fault = await logFault(started.accessLog, requests);
      if (fault !== undefined) faults.push(fault);
    }
    emptyLogOf(contender);
  } catch (error) {
    faults.push(faultOf(error));
  }
}

/** Right after each load: some machines have little memory to write files to. */
function emptyLogOf({ started }: Contender): void {
  if (started?.accessLog !== undefined) emptyLog(started.accessLog);
}

function cpuFigures(before: Usage, after: Usage, requests: number, seconds: number): typeof noCpu {
  const cpuMs = after.cpuMs - before.cpuMs;
  return { cpuUsPerRequest: (cpuMs * 1000) / requests, coreShare: cpuMs / (seconds * 1000), rssMb: after.rssMb };
}

function summary({ name, title }: Scenario, contenders: readonly Contender[]): ScenarioResult {
  const mosn = contenders.find((one) => one.name === 'mosn' && one.faults.length === 0);
  const results = contenders.map((one): ContenderResult => {
    const its = medianSample(one.samples);
    const comparable = mosn !== undefined && mosn !== one && one.faults.length === 0;
    const mosnRatio = comparable ? ratioOf(mosn.samples, one.samples) : undefined;
    return {
      name: one.name,
      freshRssMb: one.freshRssMb,
      runs: one.samples,
      median: its,
      mosnRatio,
      faults: one.faults,
    };
  });
  return { name, title, contenders: results, aims: judgeScenario(name, results) };
}

function latestFigure({ name, samples, faults }: Contender): string {
  const latest = samples.at(-1);
  if (faults.length > 0 || latest === undefined) return `${name} FAILED`;
  const cpu = Number.isNaN(latest.cpuUsPerRequest) ? '' : ` ${latest.cpuUsPerRequest.toFixed(2)} µs`;
  return `${name} ${Math.round(latest.requestsPerSecond)}/s${cpu}`;
}
