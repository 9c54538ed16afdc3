import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);

/**
 * What Node is started with to run `mosn` or `meshd`. In a bundle the program's file lies beside this one. Else one is made of
 * the sources as they are now, with a snapshot to start from: that takes seconds, saves each of many sidecars most of its
 * start, and is kept for as long as no source changes. Where there is nothing to make one with, the program is started
 * from its sources.
 */
export async function programArguments(name: 'mosn' | 'meshd'): Promise<string[]> {
  const beside = dirname(here);
  if (here.endsWith('.mjs')) return [join(beside, `${name}.mjs`)];
  const root = join(beside, '..', '..', '..', '..');
  const bundler = await import('../bundle/kept-program.ts').catch(ifMissing);
  if (bundler === undefined) return [join(root, 'apps', name, 'bin', `${name}.js`)];
  const { file, snapshot } = await bundler.keepProgram(root, name, join(root, 'node_modules', '.cache', 'sofamesh'));
  return snapshot === undefined ? [file] : ['--snapshot-blob', snapshot, file];
}

function ifMissing(thrown: unknown): undefined {
  if ((thrown as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw thrown;
}

/** PATH in which `node` is the Node that runs this program. */
export function pathWithNode(): string {
  return [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
}
