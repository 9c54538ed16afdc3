import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { installOnce, runFor } from './install.ts';
import { cacheFolder } from './peer.ts';

/** Packages from npm that the repository does not depend on, in a folder of the cache from which they are required. */
export interface NpmPackages {
  version: string;
  folder: string;
}

/** Installs the packages, each as name@version. */
export async function ensureNpmPackages(...packages: readonly string[]): Promise<NpmPackages> {
  const version = packages.join(' ');
  const folder = join(cacheFolder('npm'), version.replaceAll(/[^\w.-]+/g, '-'));
  await installOnce(
    version,
    () => existsSync(folder),
    () => {
      const unfinished = `${folder}.unfinished`;
      rmSync(unfinished, { recursive: true, force: true });
      mkdirSync(unfinished);
      const options = [
        '--no-save',
        '--no-package-lock',
        '--no-audit',
        '--no-fund',
        '--ignore-scripts',
        '--loglevel=error',
      ];
      runFor(version, 'npm', ['install', ...options, '--prefix', unfinished, ...packages]);
      renameSync(unfinished, folder);
    },
  );
  return { version, folder };
}
