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
import { HttpLoad, type Load, type LoadResult, RpcLoad, sumOf, WebSocketLoad } from './load.ts';
import type { Options } from './options.ts';
import { startHttpBackend } from './proxies/nginx.ts';
import { hopsOf, isRpc, type ProxyProgram, type StartedProxy } from './proxies/proxy.ts';
import { type ContenderResult, faultOf, type ScenarioResult } from './results.ts';
import type { Entrant, Scenario } from './scenarios.ts';
import { type Usage, usageOf } from './usage.ts';
import { warmUp } from './warm-up.ts';

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
  readonly entrant: Entrant;
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
    for (const entrant of scenario.entrants) {
      const contender = await enter(entrant, scenario, bench, backend.port, folder);
      if (contender !== undefined) contenders.push(contender);
    }
    for (const contender of contenders) await prepare(contender, load, bench);
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
    await Promise.all(contenders.flatMap((one) => processesOf(one).map((process) => process.stop(500))));
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
  if (traffic.kind !== 'rpc' && traffic.kind !== 'websocket')
    return startHttpBackend(programs.nginx, place, cores.backend, upstream);
  const port = await freePort();
  const args = [join(import.meta.dirname, traffic.kind, 'echo-server.ts')];
  if (traffic.kind === 'rpc') args.push(traffic.protocol);
  const launch = { name: `${traffic.kind} backend`, command: process.execPath, args: [...args, String(port)] };
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
    case 'rpc':
      return new RpcLoad(cores, traffic);
  }
}

/** Starts a proxy; one that cannot start takes part with a fault. Undefined when it is not wanted in this run. */
async function enter(
  entrant: Entrant,
  scenario: Scenario,
  bench: Bench,
  backendPort: number,
  scenarioFolder: string,
): Promise<Contender | undefined> {
  const nothing = { entrant, freshRssMb: Number.NaN, logsRequests: false, samples: [], faults: [] };
  if (entrant.proxy === 'direct') return { ...nothing, started: undefined, port: backendPort };
  const proxy = bench.proxies.get(entrant.proxy);
  if (proxy === undefined) return undefined;
  const folder = join(scenarioFolder, entrant.name);
  mkdirSync(folder);
  const { cores, certificate } = bench;
  const { level, link } = entrant;
  try {
    const { mode, upstream, observed } = scenario;
    const started = await proxy.start({
      ...{ mode, upstream, backendPort, observed, certificate, folder, cores },
      ...(level && { level }),
      ...(link && { link }),
    });
    const freshRssMb = sum(hopsOf(started).map(({ process }) => usageOf(process.pid).rssMb));
    return {
      ...nothing,
      started,
      port: started.port,
      freshRssMb,
      logsRequests: observed && logsEach(scenario, entrant),
    };
  } catch (error) {
    return { ...nothing, started: undefined, port: 0, faults: [faultOf(error)] };
  }
}

/** Whether it writes a line for each request; TCP proxies write one for each connection, Envoy's dubbo_proxy none. */
function logsEach({ mode }: Scenario, { proxy, level }: Entrant): boolean {
  if (isRpc(mode)) return proxy !== 'envoy' && level !== 'RELAY';
  return mode !== 'tcp' && mode !== 'websocket';
}

/** Sees that answers are right, and warms up. */
async function prepare(contender: Contender, load: Load, { options }: Bench): Promise<void> {
  if (contender.faults.length > 0) return;
  try {
    await load.check(contender.port);
    const processes = processesOf(contender);
    const cpuMs = () => sum(processes.map(({ pid }) => usageOf(pid).cpuMs));
    if (processes.length > 0) await warmUp(load, contender.port, cpuMs, options.warmupSeconds);
    emptyLogOf(contender);
  } catch (error) {
    contender.faults.push(faultOf(error));
  }
}

async function measureOnce(contender: Contender, load: Load, seconds: number, checkLog: boolean): Promise<void> {
  const { port, logsRequests, samples, faults } = contender;
  try {
    const pids = processesOf(contender).map(({ pid }) => pid);
    const before = pids.map(usageOf);
    const full = await load.run(port, seconds);
    const after = pids.map(usageOf);
    const paced = await load.runPaced?.(port, seconds);
    samples.push(sampleOf(full, paced, cpuFigures(before, after, full.requests, seconds)));
    for (const { faults: seen } of paced === undefined ? [full] : [full, paced])
      if (sumOf(seen) > 0) faults.push(`the load saw ${JSON.stringify(seen)}`);
    if (checkLog && logsRequests) faults.push(...(await logFaults(contender, full.requests + (paced?.requests ?? 0))));
    emptyLogOf(contender);
  } catch (error) {
    faults.push(faultOf(error));
  }
}

type CpuFigures = Pick<Sample, 'cpuUsPerRequest' | 'coreShare' | 'rssMb' | 'hopsCpuUs'>;

function sampleOf(full: LoadResult, paced: LoadResult | undefined, cpu: CpuFigures): Sample {
  const { requestsPerSecond, p50Us, p99Us } = full;
  const atPace = paced && { pacedP50Us: paced.p50Us, pacedP99Us: paced.p99Us };
  return { requestsPerSecond, p50Us, p99Us, ...cpu, ...atPace };
}

function processesOf({ started }: Contender): RunningProcess[] {
  return started === undefined ? [] : hopsOf(started).map(({ process }) => process);
}

async function logFaults({ started }: Contender, requests: number): Promise<string[]> {
  const found: string[] = [];
  for (const { accessLog, logWords } of started === undefined ? [] : hopsOf(started)) {
    if (accessLog === undefined) continue;
    const fault = await logFault(accessLog, requests, logWords);
    if (fault !== undefined) found.push(fault);
  }
  return found;
}

/** Right after each load: some machines have little memory to write files to. */
function emptyLogOf({ started }: Contender): void {
  for (const { accessLog } of started === undefined ? [] : hopsOf(started))
    if (accessLog !== undefined) emptyLog(accessLog);
}

function cpuFigures(before: readonly Usage[], after: readonly Usage[], requests: number, seconds: number): CpuFigures {
  if (before.length === 0) return noCpu;
  const hopsCpuMs = after.map(({ cpuMs }, hop) => cpuMs - before[hop]!.cpuMs);
  const cpuMs = sum(hopsCpuMs);
  return {
    cpuUsPerRequest: (cpuMs * 1000) / requests,
    coreShare: cpuMs / (seconds * 1000),
    rssMb: sum(after.map(({ rssMb }) => rssMb)),
    ...(hopsCpuMs.length > 1 && { hopsCpuUs: hopsCpuMs.map((ms) => (ms * 1000) / requests) }),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Ratios are those of the first mosn in the table to all others. */
function summary({ name, title }: Scenario, contenders: readonly Contender[]): ScenarioResult {
  const mosn = contenders.find((one) => one.entrant.proxy === 'mosn');
  const results = contenders.map((one): ContenderResult => {
    const comparable = mosn !== undefined && mosn !== one && mosn.faults.length + one.faults.length === 0;
    return {
      name: one.entrant.name,
      freshRssMb: one.freshRssMb,
      runs: one.samples,
      median: medianSample(one.samples),
      mosnRatio: comparable ? ratioOf(mosn.samples, one.samples) : undefined,
      faults: one.faults,
    };
  });
  return { name, title, contenders: results, aims: judgeScenario(name, results) };
}

function latestFigure({ entrant: { name }, samples, faults }: Contender): string {
  const latest = samples.at(-1);
  if (faults.length > 0 || latest === undefined) return `${name} FAILED`;
  const cpu = Number.isNaN(latest.cpuUsPerRequest) ? '' : ` ${latest.cpuUsPerRequest.toFixed(2)} µs`;
  return `${name} ${Math.round(latest.requestsPerSecond)}/s${cpu}`;
}
