import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../peers/ports.ts';
import { RunningProcess } from '../peers/process.ts';
import { emptyLog, logFault } from './access-log.ts';
import { judgeScenario } from './aims.ts';
import type { Certificate } from './certificate.ts';
import { type Cores, pinned } from './cores.ts';
import { medianSample, noCpu, ratioOf, type Sample } from './figures.ts';
import { H2Load } from './h2load.ts';
import { HalfLoad } from './half-load.ts';
import type { Programs } from './install.ts';
import { BoltLoad, HttpLoad, type Load, sumOf, WebSocketLoad } from './load.ts';
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
    const load = loadOf(scenario, bench, folder);
    for (const name of scenario.proxies) {
      const contender = await enter(name, scenario, bench, backend.port, folder);
      if (contender !== undefined) contenders.push(contender);
    }
    for (const contender of contenders) await warmUp(contender, load, bench);
    const well = contenders.filter(({ faults }) => faults.length === 0);
    await load.calibrate?.(
      well.map(({ port }) => port),
      bench.options.seconds,
    );
    for (const contender of well) emptyLogOf(contender);
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
  { traffic, upstream }: Scenario,
  { programs, cores }: Bench,
  folder: string,
): Promise<{ process: RunningProcess; port: number }> {
  const place = join(folder, 'backend');
  mkdirSync(place);
  if (traffic.kind !== 'bolt' && traffic.kind !== 'websocket')
    return startHttpBackend(programs.nginx, place, cores.backend, upstream);
  const port = await freePort();
  const args = [join(import.meta.dirname, traffic.kind, 'echo-server.ts'), String(port)];
  const launch = { name: `${traffic.kind} backend`, command: process.execPath, args };
  const running = new RunningProcess(pinned(cores.backend, launch));
  await running.listening(port);
  return { process: running, port };
}

function loadOf({ traffic }: Scenario, { programs, cores }: Bench, folder: string): Load {
  switch (traffic.kind) {
    case 'http':
      return new HttpLoad(programs.wrk, cores, traffic);
    case 'half':
      return new HalfLoad(programs, cores, traffic.connections, folder);
    case 'http2':
      return new H2Load(programs.h2load, cores, traffic, folder);
    case 'grpc':
      return new H2Load(programs.h2load, cores, { ...traffic, grpc: true }, folder);
    case 'websocket':
      return new WebSocketLoad(cores, traffic.connections);
    case 'bolt':
      return new BoltLoad(cores, traffic.connections, traffic.inFlight);
  }
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
    const { mode, upstream, observed } = scenario;
    const perConnection = mode === 'tcp' || mode === 'websocket' || (mode === 'bolt' && name !== 'mosn');
    const logsRequests = observed && !perConnection;
    const started = await proxy.start({ mode, upstream, backendPort, observed, certificate, folder, cores });
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
