import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../peers/ports.ts';
import { RunningProcess } from '../../peers/process.ts';
import { pinned } from '../cores.ts';
import { type Additions, accessLogOf, bootstrap, standardFilter } from './bootstrap.ts';
import { isRpc, type ProxyProgram, type StartedProxy, type Task } from './proxy.ts';
import { rpcFilter } from './rpc-filter.ts';
import { farSide, nearSide } from './rpc-link.ts';

const repository = join(import.meta.dirname, '..', '..', '..');
export const mosnSource = join(repository, 'apps', 'mosn', 'bin', 'mosn.js');
export const mosnBundle = join(repository, 'dist', 'mosn.mjs');
const mosnSnapshot = join(repository, 'dist', 'mosn.blob');
export const meshdBundle = join(repository, 'dist', 'meshd.mjs');
/** Resources that a meshd serves to the sidecars of the benchmark. */
export const exampleConfig = join(repository, 'examples', 'bookstore', 'config');

let nextBaseId = 20_000 + (process.pid % 10_000);

/** Arguments for Node that start mosn on one thread; a bundle starts from its snapshot, as `dist/mosn` does. */
export function mosnArgs(program: string, bootstrapFile: string): string[] {
  const snapshot = program === mosnBundle ? ['--snapshot-blob', mosnSnapshot] : [];
  return [...snapshot, program, '-c', bootstrapFile, '--concurrency', '1', '--base-id', String(nextBaseId++)];
}

/** Makes the bundles anew. Throws an Error with what the bundler said. */
export function makeBundles(): void {
  const script = join(repository, 'scripts', 'bundle.ts');
  if (!existsSync(script)) throw new Error('there is no scripts/bundle.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { cwd: repository, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm run bundle ended with ${status}\n${stdout}${stderr}`);
}

export function mosnProxy(program: string): ProxyProgram {
  const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { version: string };
  return {
    name: 'mosn',
    version,
    async start(task: Task): Promise<StartedProxy> {
      if (!existsSync(program)) throw new Error(`there is no ${program}`);
      const { link, certificate, folder } = task;
      if (link === undefined) return startOne(program, task);
      const nextFolder = join(folder, 'next');
      mkdirSync(nextFolder);
      const next = await startOne(program, { ...task, folder: nextFolder }, farSide(link, certificate));
      const first = await startOne(program, { ...task, backendPort: next.port }, nearSide(link, certificate));
      return { ...first, next };
    },
  };
}

async function startOne(program: string, task: Task, additions: Additions = {}): Promise<StartedProxy> {
  const port = await freePort();
  const file = join(task.folder, 'mosn.json');
  const networkFilter = isRpc(task.mode) ? rpcFilter(task) : standardFilter(task);
  writeFileSync(file, JSON.stringify(bootstrap(task, port, await freePort(), networkFilter, additions)));
  const launch = { name: 'mosn', command: process.execPath, args: mosnArgs(program, file) };
  const running = new RunningProcess(pinned(task.cores.proxy, launch));
  await running.listening(port);
  return { process: running, port, accessLog: accessLogOf(task) };
}
