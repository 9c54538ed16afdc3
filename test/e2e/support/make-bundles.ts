import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleProgram } from '../../../apps/meshctl/src/bundle/bundle-program.ts';
import { keepProgram } from '../../../apps/meshctl/src/bundle/kept-program.ts';
import type { Bundles } from './bundles.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const cache = join(root, 'node_modules', '.cache');

/** Of the sources as they are now. mosn and meshd are where `meshctl up` looks for them, and are kept while no source changes. */
export async function makeBundles(): Promise<Bundles> {
  const folder = join(cache, 'sofamesh');
  const mosn = await keepProgram(root, 'mosn', folder);
  const meshd = await keepProgram(root, 'meshd', folder);
  return { mosn, meshd, meshctl: await bundleMeshctl() };
}

async function bundleMeshctl(): Promise<string> {
  const folder = join(cache, 'sofamesh-tests');
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'meshctl.mjs');
  // Several test files may do so at once.
  const unfinished = join(folder, `meshctl-${process.pid}.mjs`);
  await bundleProgram(join(root, 'apps', 'meshctl', 'src', 'main.ts'), unfinished);
  await rename(unfinished, file);
  return file;
}
