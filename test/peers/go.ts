import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { installOnce, runFor, which } from './install.ts';
import { cacheFolder, PeerMissing } from './peer.ts';

/** Static and without debugging tables; the toolchain that is there and no other. */
const environment = { GOTOOLCHAIN: 'local', CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' };
const linkerFlags = ['-ldflags', '-s -w'];
/** Debian's Go is too old for what is built here, so it is not installed but has to be there. */
const oldestMinor = 25;

function goBinary(peer: string): string {
  const binary = which('go') ?? ['/usr/local/go/bin/go'].find((path) => existsSync(path));
  if (binary === undefined) throw new PeerMissing(peer, `needs Go 1.${oldestMinor} or later on PATH`);
  const version = runFor(peer, binary, ['env', 'GOVERSION'], { env: { ...process.env, ...environment } }).trim();
  const minor = Number(/^go1\.(\d+)/.exec(version)?.[1] ?? Number.NaN);
  if (!(minor >= oldestMinor)) throw new PeerMissing(peer, `needs Go 1.${oldestMinor} or later, found ${version}`);
  return binary;
}

/** The binary that `go install MODULE@VERSION` makes, kept in the cache. */
export async function ensureGoProgram(name: string, module: string, version: string): Promise<string> {
  const folder = cacheFolder('go', `${name}-${version}`);
  const binary = join(folder, name);
  await installOnce(
    name,
    () => existsSync(binary),
    () => {
      const env = { ...process.env, ...environment, GOBIN: folder };
      runFor(name, goBinary(name), ['install', ...linkerFlags, `${module}@${version}`], { env });
    },
  );
  return binary;
}

/** A program of our own, built in `folder`, which holds a whole module; the binary's name tells its sources apart. */
export async function ensureGoBuild(name: string, folder: string, sources: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of sources) hash.update(readFileSync(join(folder, file)));
  const binary = join(cacheFolder('go'), `${name}-${hash.digest('hex').slice(0, 16)}`);
  await installOnce(
    name,
    () => existsSync(binary),
    () => {
      const unfinished = `${binary}.unfinished`;
      const env = { ...process.env, ...environment };
      const args = ['build', '-mod=readonly', ...linkerFlags, '-o', unfinished, '.'];
      runFor(name, goBinary(name), args, { cwd: folder, env });
      renameSync(unfinished, binary);
    },
  );
  return binary;
}
