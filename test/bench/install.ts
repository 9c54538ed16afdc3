import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureEnvoy } from '../peers/envoy.ts';
import { aptInstall, ensureProgram, installOnce, runFor } from '../peers/install.ts';
import { ensureMosnGo } from '../peers/mosn-go.ts';
import { ensureNghttp2 } from '../peers/nghttp2.ts';
import { ensureNginx } from '../peers/nginx.ts';
import type { PeerName } from './options.ts';

export interface Program {
  readonly binary: string;
  readonly version: string;
}

export interface NginxProgram extends Program {
  /** The `load_module` line that the TCP proxy needs, or nothing where it is built in. */
  readonly loadStream: string;
}

/** Programs of others that the benchmark runs. nginx is also the HTTP backend, so it is always there. */
export interface Programs {
  readonly nginx: NginxProgram;
  readonly wrk: Program;
  readonly h2load: Program;
  readonly haproxy: Program | undefined;
  readonly envoy: Program | undefined;
  readonly mosnGo: Program | undefined;
}

/** Finds or installs what the run needs. Throws PeerMissing. */
export async function installPrograms(peers: readonly PeerName[]): Promise<Programs> {
  await ensureProgram('taskset', ['util-linux']);
  await ensureProgram('openssl', ['openssl']);
  const { h2load, version: h2loadVersion } = await ensureNghttp2();
  const wrk = await ensureProgram('wrk', ['wrk']);
  // wrk ends its usage message, which has the version, with status 1.
  const wrkSays = spawnSync(wrk, ['-v'], { encoding: 'utf8' }).stdout;
  return {
    nginx: await nginxWithStream(),
    wrk: { binary: wrk, version: versionIn(wrkSays) },
    h2load: { binary: h2load, version: h2loadVersion },
    haproxy: peers.includes('haproxy') ? await haproxyProgram() : undefined,
    envoy: peers.includes('envoy') ? await ensureEnvoy() : undefined,
    mosnGo: peers.includes('mosn-go') ? await ensureMosnGo() : undefined,
  };
}

async function nginxWithStream(): Promise<NginxProgram> {
  const nginx = await ensureNginx();
  const built = runFor('nginx', 'sh', ['-c', '"$0" -V 2>&1', nginx.binary]);
  if (!built.includes('--with-stream=dynamic')) return { ...nginx, loadStream: '' };
  const folder = /--modules-path=(\S+)/.exec(built)?.[1] ?? '/usr/lib/nginx/modules';
  const module = join(folder, 'ngx_stream_module.so');
  await installOnce(
    'nginx stream module',
    () => existsSync(module),
    () => aptInstall('nginx stream module', ['libnginx-mod-stream']),
  );
  return { ...nginx, loadStream: `load_module ${module};` };
}

async function haproxyProgram(): Promise<Program> {
  const binary = await ensureProgram('haproxy', ['haproxy']);
  return { binary, version: versionIn(runFor('haproxy', binary, ['-v'])) };
}

function versionIn(text: string): string {
  return /\d+\.\d+\.\d+/.exec(text)?.[0] ?? '?';
}
