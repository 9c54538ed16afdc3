/**
 * `npm run bench`: mosn beside nginx, HAProxy, Envoy and MOSN, each on one core, same backend, same load, in one run. Prints a
 * table per scenario with the ratios and writes all figures as JSON. Exits 1 when something answered wrongly or did not
 * start, never because something was slow. README.md says how to read the figures.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from './certificate.ts';
import { chooseCores } from './cores.ts';
import { measureIdle } from './idle/measure.ts';
import { installPrograms, type Programs } from './install.ts';
import { type Bench, measureScenario } from './measure.ts';
import { type Options, type PeerName, readOptions, usage } from './options.ts';
import { envoyProxy } from './proxies/envoy.ts';
import { haproxyProxy } from './proxies/haproxy.ts';
import { makeBundles, mosnBundle, mosnProxy, mosnSource } from './proxies/mosn.ts';
import { mosnGoProxy } from './proxies/mosn-go.ts';
import { nginxProxy } from './proxies/nginx.ts';
import type { ProxyProgram } from './proxies/proxy.ts';
import { hasFaults, idleText, scenarioText, sidecarText, writeJson } from './report.ts';
import type { Results, ScenarioResult } from './results.ts';
import { idleName, type Picked, pickNames, type Scenario, sidecarName } from './scenarios.ts';
import { measureSidecar } from './sidecar.ts';

/** Logs and configuration lie in memory, so that no disk takes part. */
const memoryFolder = '/dev/shm';

async function main(options: Options, { scenarios, others }: Picked): Promise<number> {
  const startedAt = new Date().toISOString();
  const wanted = others.size > 0 ? options.peers : options.peers.filter((peer) => takesPart(peer, scenarios));
  const programs = await installPrograms(wanted);
  if (options.mosn === 'bundle') makeBundles();
  const folder = mkdtempSync(join(memoryFolder, 'sofamesh-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const proxies = proxiesOf(options, programs);
  const cores = chooseCores();
  const progress = (text: string) => console.error(`  ${text}`);
  const bench: Bench = { options, programs, proxies, cores, certificate: makeCertificate(folder), folder, progress };

  const loads = [
    { name: 'wrk', version: programs.wrk.version },
    { name: 'h2load', version: programs.h2load.version },
  ];
  const programsUsed = [...proxies.values(), ...loads];
  const versions = Object.fromEntries(programsUsed.map(({ name, version }) => [name, version]));
  const machine = machineOf(cores.proxy, cores.load);
  const about = Object.entries({ ...versions, ...machine }).map(([name, value]) => `${name} ${value}`);
  console.log(about.join(', '));
  console.log(`median of ${options.runs} alternating runs of ${options.seconds} s\n`);

  const done: ScenarioResult[] = [];
  for (const scenario of scenarios) {
    const result = await measureScenario(scenario, bench);
    console.log(`${scenarioText(result)}\n`);
    done.push(result);
  }
  const idle = others.has(idleName) ? await measureIdle(bench) : undefined;
  if (idle !== undefined) console.log(`${idleText(idle)}\n`);
  const sidecar = others.has(sidecarName) ? await measureSidecar(bench) : undefined;
  if (sidecar !== undefined) console.log(`${sidecarText(sidecar)}\n`);

  const results: Results = { startedAt, machine, versions, options, scenarios: done, idle, sidecar };
  const file = options.json ?? join(import.meta.dirname, 'results', `${startedAt.replaceAll(':', '-')}.json`);
  writeJson(file, results);
  console.log(`figures in ${file}`);
  return hasFaults(results) ? 1 : 0;
}

function takesPart(name: PeerName, scenarios: readonly Scenario[]): boolean {
  return scenarios.some(({ entrants }) => entrants.some(({ proxy }) => proxy === name));
}

function proxiesOf({ mosn, peers }: Options, { nginx, haproxy, envoy, mosnGo }: Programs): Map<string, ProxyProgram> {
  const all: ProxyProgram[] = [];
  if (mosn !== 'none') all.push(mosnProxy(mosn === 'bundle' ? mosnBundle : mosnSource));
  if (peers.includes('nginx')) all.push(nginxProxy(nginx));
  if (haproxy !== undefined) all.push(haproxyProxy(haproxy));
  if (envoy !== undefined) all.push(envoyProxy(envoy));
  if (mosnGo !== undefined) all.push(mosnGoProxy(mosnGo));
  return new Map(all.map((proxy) => [proxy.name, proxy]));
}

function machineOf(proxyCore: number, loadCore: number): Record<string, string | number> {
  return {
    node: process.versions.node,
    linux: release(),
    processor: cpus()[0]?.model ?? '?',
    cores: availableParallelism(),
    'proxy on core': proxyCore,
    'load and backend on core': loadCore,
  };
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(usage);
  else process.exitCode = await main(options, pickNames(options.only));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
