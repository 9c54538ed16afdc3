import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunningProcess } from '../../peers/process.ts';
import { judgeIdle } from '../aims.ts';
import { pinned } from '../cores.ts';
import type { Bench } from '../measure.ts';
import { startHttpBackend } from '../proxies/nginx.ts';
import type { Mode, ProxyProgram } from '../proxies/proxy.ts';
import { faultOf, type IdleResult, type IdleRow } from '../results.ts';
import { usageOf } from '../usage.ts';
import { idleConnections } from './connections.ts';

const kinds: readonly Mode[] = ['tcp', 'http', 'tls', 'http2-tls'];
const settleMs = 2_000;
const openTimeoutMs = 120_000;
const kibInMib = 1024;

/** What idle connections cost in resident memory of the proxy, by kind of connection. */
export async function measureIdle(bench: Bench): Promise<IdleResult> {
  const rows: IdleRow[] = [];
  // MOSN is here for its RPC protocols.
  const proxies = [...bench.proxies.values()].filter(({ name }) => name !== 'mosn-go');
  for (const mode of kinds)
    for (const proxy of proxies) {
      const row = await measureOne(proxy, mode, bench);
      bench.progress(`idle ${mode} ${proxy.name} ${row.fault ?? `${row.kibEach.toFixed(1)} KiB`}`);
      rows.push(row);
    }
  return { rows, aims: judgeIdle(rows) };
}

async function measureOne(proxy: ProxyProgram, mode: Mode, bench: Bench): Promise<IdleRow> {
  const folder = join(bench.folder, `idle-${mode}-${proxy.name}`);
  mkdirSync(join(folder, 'backend'), { recursive: true });
  const { certificate, cores, programs } = bench;
  const running: RunningProcess[] = [];
  const nothing = { proxy: proxy.name, mode, connections: idleConnections, freshRssMb: Number.NaN, rssMb: Number.NaN };
  try {
    const backend = await startHttpBackend(programs.nginx, join(folder, 'backend'), cores.backend);
    running.push(backend.process);
    const task = {
      mode,
      upstream: 'http1',
      backendPort: backend.port,
      observed: true,
      certificate,
      folder,
      cores,
    } as const;
    const started = await proxy.start(task);
    running.push(started.process);
    // A few first, so that what is compiled and allocated once is not counted.
    const first = await openConnections(mode, started.port, 50, bench);
    running.push(first);
    await sleep(settleMs);
    const freshRssMb = usageOf(started.process.pid).rssMb;
    running.push(await openConnections(mode, started.port, idleConnections, bench));
    await sleep(settleMs);
    const rssMb = usageOf(started.process.pid).rssMb;
    return {
      ...nothing,
      freshRssMb,
      rssMb,
      kibEach: ((rssMb - freshRssMb) * kibInMib) / idleConnections,
      fault: undefined,
    };
  } catch (error) {
    return { ...nothing, kibEach: Number.NaN, fault: faultOf(error) };
  } finally {
    for (const one of running.reverse()) await one.stop(1_000);
  }
}

/** In a process of its own, so that neither side runs out of descriptors because of the other. */
async function openConnections(mode: Mode, port: number, count: number, { cores }: Bench): Promise<RunningProcess> {
  const args = [join(import.meta.dirname, 'client.ts'), mode, String(port), String(count)];
  const client = new RunningProcess(pinned(cores.load, { name: 'idle client', command: process.execPath, args }));
  await client.printed(/^ready \d+$/m, openTimeoutMs);
  return client;
}
