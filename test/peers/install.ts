import { type SpawnSyncOptionsWithStringEncoding, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PeerMissing, peersFolder } from './peer.ts';

const installTimeoutMs = 600_000;
const lockWaitMs = 900_000;
let aptListsFresh = false;

/** PATH with the folders where Debian keeps servers and what only root uses, which others do not have there. */
export function systemPath(): string {
  return [process.env['PATH'] ?? '', '/usr/sbin', '/usr/local/sbin', '/sbin'].join(delimiter);
}

/** Full path of a program in {@link systemPath}, or undefined. */
export function which(program: string): string | undefined {
  for (const folder of systemPath().split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** Runs a command to its end. Throws PeerMissing with the last lines it said if it cannot start, fails or hangs. */
export function runFor(
  peer: string,
  command: string,
  args: string[],
  options: Partial<SpawnSyncOptionsWithStringEncoding> = {},
): string {
  const result = spawnSync(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: installTimeoutMs,
    maxBuffer: 64 * 1024 * 1024,
    ...options,
    encoding: 'utf8',
  });
  const said = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim().split('\n').slice(-8).join('\n');
  if (result.error) throw new PeerMissing(peer, `${command} ${args[0] ?? ''}: ${result.error.message}\n${said}`);
  if (result.status !== 0)
    throw new PeerMissing(peer, `${command} ${args[0] ?? ''} ended with ${result.status}\n${said}`);
  return result.stdout;
}

/** Runs `install` unless `isThere()`, and never in two processes at once. `isThere` is asked again behind the lock. */
export async function installOnce(peer: string, isThere: () => boolean, install: () => void): Promise<void> {
  if (isThere()) return;
  const lock = join(peersFolder, 'install.lock');
  await takeLock(peer, lock);
  const startedAt = Date.now();
  try {
    if (isThere()) return;
    console.log(`installing ${peer} …`);
    install();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
  if (!isThere()) throw new PeerMissing(peer, 'was installed without an error, yet is not there');
  console.log(`installed ${peer} in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
}

/** Making a folder is the one step that only one of several processes can win. */
async function takeLock(peer: string, lock: string): Promise<void> {
  mkdirSync(peersFolder, { recursive: true });
  const deadline = Date.now() + lockWaitMs;
  while (Date.now() < deadline) {
    try {
      mkdirSync(lock);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw new PeerMissing(peer, String(error));
    }
    // Left behind by a run that was killed.
    if (existsSync(lock) && Date.now() - statSync(lock, { throwIfNoEntry: false })!.mtimeMs > installTimeoutMs)
      rmSync(lock, { recursive: true, force: true });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new PeerMissing(peer, `another install holds ${lock}`);
}

/** Installs Debian packages with apt-get, as root or through a sudo that asks for no password. */
export function aptInstall(peer: string, packages: string[]): void {
  const apt = which('apt-get');
  if (apt === undefined) throw new PeerMissing(peer, `not found, and no apt-get to install ${packages.join(' ')} with`);
  const asRoot = process.getuid?.() === 0;
  const sudo = which('sudo');
  if (!asRoot && sudo === undefined)
    throw new PeerMissing(peer, `not found, and installing ${packages.join(' ')} needs root`);
  const run = (...args: string[]) => {
    const env = ['DEBIAN_FRONTEND=noninteractive', apt, '-o', 'DPkg::Lock::Timeout=300', ...args];
    return asRoot ? runFor(peer, 'env', env) : runFor(peer, sudo!, ['-n', 'env', ...env]);
  };
  if (!aptListsFresh) run('-qq', 'update');
  aptListsFresh = true;
  run('-qq', '-y', '--no-install-recommends', 'install', ...packages);
}

/** The program, installed from a Debian package when the machine lacks it. */
export async function ensureProgram(program: string, packages: string[]): Promise<string> {
  await installOnce(
    program,
    () => which(program) !== undefined,
    () => aptInstall(program, packages),
  );
  return which(program)!;
}
