import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);

/**
 * The file to start `mosn` or `meshd` from. In a bundle it lies beside this one. Else one is made in `folder` of the sources as
 * they are now, which takes half a second and saves each of many sidecars more than that; where there is nothing to make one
 * with, the program is started from its sources.
 */
export async function programFile(name: 'mosn' | 'meshd', folder: string): Promise<string> {
  const beside = dirname(here);
  if (here.endsWith('.mjs')) return join(beside, `${name}.mjs`);
  const workspace = join(beside, '..', '..', '..', name);
  const bundler = await import('./bundle-program.ts').catch(ifMissing);
  if (bundler === undefined) return join(workspace, 'bin', `${name}.js`);
  const file = join(folder, `${name}.mjs`);
  await bundler.bundleProgram(join(workspace, 'src', 'main.ts'), file);
  return file;
}

function ifMissing(thrown: unknown): undefined {
  if ((thrown as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw thrown;
}

/** PATH in which `node` is the Node that runs this program. */
export function pathWithNode(): string {
  return [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
}
