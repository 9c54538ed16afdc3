import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../peers/ports.ts';
import { type Launch, RunningProcess } from '../peers/process.ts';
import { judgeSidecar, sidecarRowNames } from './aims.ts';
import { median } from './figures.ts';
import { HttpLoad, sumOf } from './load.ts';
import type { Bench } from './measure.ts';
import { address, bootstrap, standardFilter } from './proxies/bootstrap.ts';
import { envoyFlags } from './proxies/envoy.ts';
import { exampleConfig, makeBundles, meshdBundle, mosnArgs, mosnBundle, mosnSource } from './proxies/mosn.ts';
import { startHttpBackend } from './proxies/nginx.ts';
import type { Task } from './proxies/proxy.ts';
import { faultOf, type SidecarResult, type SidecarRow } from './results.ts';
import { usageOf } from './usage.ts';

const readyTimeoutMs = 10_000;
const pollMs = 1;
/** Memory is read when what starting left behind has had time to go. */
const settleMs = 1_000;

/** A program to start over and over, each time with a fresh bootstrap. */
interface Sidecar {
  readonly name: string;
  /** Why it cannot be started, if that is known. */
  readonly missing: string | undefined;
  /** With its bootstrap in `folder`. */
  launch(folder: string, adminPort: number, port: number): Launch;
  /** Takes HTTP traffic on `port`, so its memory under load can be seen. */
  readonly loadable: boolean;
}

/** Memory and start of one sidecar on one thread, unpinned, as a container with a core to itself would see them. */
export async function measureSidecar(bench: Bench): Promise<SidecarResult> {
  const folder = join(bench.folder, 'sidecar');
  mkdirSync(join(folder, 'backend'), { recursive: true });
  const withMosn = bench.options.mosn !== 'none';
  const bundles = withMosn ? await attempt(makeBundles) : undefined;
  const backend = await startHttpBackend(bench.programs.nginx, join(folder, 'backend'), bench.cores.backend);
  const meshd = withMosn ? await attempt(startMeshd) : undefined;
  try {
    const { certificate, cores } = bench;
    const task: Task = {
      mode: 'http',
      upstream: 'http1',
      backendPort: backend.port,
      observed: true,
      certificate,
      folder,
      cores,
    };
    const rows: SidecarRow[] = [];
    for (const sidecar of sidecarsOf(bench, task, bundles?.fault, meshd)) {
      const row = await measureOne(sidecar, bench, join(folder, String(rows.length)));
      bench.progress(
        `sidecar  ${row.name}  ${row.fault === undefined ? `${Math.round(row.medianReadyMs)} ms` : 'FAILED'}`,
      );
      rows.push(row);
    }
    return { rows, aims: withMosn ? judgeSidecar(rows) : [] };
  } finally {
    await meshd?.value?.process.stop(500);
    await backend.process.stop(500);
  }
}

/** What came of something that may fail and whose failure is a line of the report. */
interface Attempt<T> {
  readonly value?: T;
  readonly fault?: string;
}

async function attempt<T>(act: () => T | Promise<T>): Promise<Attempt<T>> {
  try {
    return { value: await act() };
  } catch (error) {
    return { fault: faultOf(error) };
  }
}

function sidecarsOf(
  { programs, options }: Bench,
  task: Task,
  bundleFault: string | undefined,
  meshd: Attempt<Meshd> | undefined,
): Sidecar[] {
  const sidecars: Sidecar[] = [];
  const node = process.execPath;
  const mosn = (program: string) => (file: string) => mosnArgs(program, file);
  const add = (name: string, command: string, argsOf: (file: string) => string[], missing?: string) =>
    sidecars.push({
      name,
      missing,
      loadable: true,
      launch: (place, adminPort, port) =>
        launchWith(bootstrap(task, port, adminPort, standardFilter(task)), place, { name, command, argsOf }),
    });
  const addDriven = (name: string, command: string, argsOf: (file: string) => string[], missing?: string) =>
    sidecars.push({
      name,
      missing,
      loadable: false,
      launch: (place, adminPort) =>
        launchWith(adsBootstrap(adminPort, meshd?.value?.port ?? 0), place, { name, command, argsOf }),
    });
  if (options.mosn !== 'none') {
    add(sidecarRowNames.static, node, mosn(mosnBundle), bundleFault);
    add(sidecarRowNames.source, node, mosn(mosnSource));
    addDriven(sidecarRowNames.ads, node, mosn(mosnBundle), bundleFault ?? meshd?.fault);
  }
  if (programs.envoy !== undefined) {
    const { binary } = programs.envoy;
    const args = (file: string) => ['-c', file, ...envoyFlags];
    add(sidecarRowNames.envoy, binary, args);
    if (meshd?.value !== undefined) addDriven(sidecarRowNames.envoyAds, binary, args);
  }
  return sidecars;
}

function launchWith(
  config: object,
  folder: string,
  { name, command, argsOf }: { name: string; command: string; argsOf: (file: string) => string[] },
): Launch {
  const file = join(folder, 'bootstrap.json');
  writeFileSync(file, JSON.stringify(config));
  return { name, command, args: argsOf(file) };
}

async function measureOne(sidecar: Sidecar, bench: Bench, folder: string): Promise<SidecarRow> {
  const readyMs: number[] = [];
  const rssMb: number[] = [];
  let loadedRssMb: number | undefined;
  let fault: string | undefined;
  try {
    if (sidecar.missing !== undefined) throw new Error(sidecar.missing);
    // The first start only fills what caches there are.
    for (let run = 0; run <= bench.options.runs; run++) {
      const place = join(folder, String(run));
      mkdirSync(place, { recursive: true });
      const [adminPort, port] = [await freePort(), await freePort()];
      const launch = sidecar.launch(place, adminPort, port);
      const startMs = performance.now();
      const running = new RunningProcess(launch);
      try {
        const tookMs = await untilReady(running, adminPort, startMs);
        if (run === 0) continue;
        readyMs.push(tookMs);
        await sleep(settleMs);
        rssMb.push(usageOf(running.pid).rssMb);
        if (sidecar.loadable && run === bench.options.runs) loadedRssMb = await rssAfterLoad(running, port, bench);
      } finally {
        await running.stop(1_500);
      }
    }
  } catch (error) {
    fault = faultOf(error);
  }
  const { name } = sidecar;
  return { name, readyMs, medianReadyMs: median(readyMs), rssMb, medianRssMb: median(rssMb), loadedRssMb, fault };
}

async function rssAfterLoad(
  running: RunningProcess,
  port: number,
  { programs, cores, options }: Bench,
): Promise<number> {
  const load = new HttpLoad(programs.wrk, cores, { scheme: 'http', connections: 64 });
  await load.check(port);
  const { faults } = await load.run(port, options.seconds);
  if (sumOf(faults) > 0) throw new Error(`the load saw ${JSON.stringify(faults)}`);
  return usageOf(running.pid).rssMb;
}

/** Milliseconds from the start to the first 200 of /ready. */
async function untilReady(running: RunningProcess, adminPort: number, startMs: number): Promise<number> {
  while (performance.now() - startMs < readyTimeoutMs) {
    if (await isReady(adminPort)) return performance.now() - startMs;
    if (!running.alive) throw new Error(`ended before it was ready\n${running.tail()}`);
    await sleep(pollMs);
  }
  throw new Error(`not ready within ${readyTimeoutMs} ms\n${running.tail()}`);
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ port, host: '127.0.0.1', path: '/ready', agent: false, timeout: 1_000 }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode === 200));
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(false));
    asked.end();
  });
}

interface Meshd {
  readonly process: RunningProcess;
  readonly port: number;
}

/** meshd, from the bundle, with the example's configuration. */
async function startMeshd(): Promise<Meshd> {
  if (!existsSync(meshdBundle)) throw new Error(`there is no ${meshdBundle}`);
  const port = await freePort();
  const addresses = [
    ...['--grpc-address', `127.0.0.1:${port}`],
    ...['--tls-address', `127.0.0.1:${await freePort()}`],
    ...['--http-address', `127.0.0.1:${await freePort()}`],
    ...['--webhook-address', `127.0.0.1:${await freePort()}`],
  ];
  const args = [meshdBundle, '--config', exampleConfig, ...addresses];
  const running = new RunningProcess({ name: 'meshd', command: process.execPath, args });
  await running.listening(port);
  return { process: running, port };
}

/** The sidecar of the example's shopper, which gets everything from the control plane. */
function adsBootstrap(adminPort: number, xdsPort: number): object {
  const http2 = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const ads = { ads: {}, resource_api_version: 'V3' };
  return {
    node: {
      id: 'sidecar~127.0.0.11~shopper.bookstore~bookstore.svc.cluster.local',
      cluster: 'bench',
      metadata: {
        NAMESPACE: 'bookstore',
        LABELS: { app: 'shopper', version: 'v1' },
        INTERCEPTION_MODE: 'NONE',
        CLUSTER_ID: 'Kubernetes',
      },
    },
    admin: { address: address(adminPort) },
    dynamic_resources: {
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
      lds_config: ads,
      cds_config: ads,
    },
    static_resources: {
      clusters: [
        {
          name: 'xds-grpc',
          type: 'STATIC',
          connect_timeout: '5s',
          load_assignment: {
            cluster_name: 'xds-grpc',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(xdsPort) } }] }],
          },
          typed_extension_protocol_options: {
            [http2]: {
              '@type': `type.googleapis.com/${http2}`,
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
        },
      ],
    },
  };
}
