import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);

/** The file to start `mosn` or `meshd` from: beside this one in a bundle, else in its workspace. */
export function programFile(name: 'mosn' | 'meshd'): string {
  const folder = dirname(here);
  if (here.endsWith('.mjs')) return join(folder, `${name}.mjs`);
  return join(folder, '..', '..', '..', name, 'bin', `${name}.js`);
}

/** PATH in which `node` is the Node that runs this program. */
export function pathWithNode(): string {
  return [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter);
}
