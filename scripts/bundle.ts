/** Makes the single files for distribution: `dist/mosn.mjs`, `dist/meshd.mjs`, `dist/meshctl.mjs`. */
import { rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleProgram } from '../apps/meshctl/src/up/bundle-program.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const outdir = join(root, 'dist');

rmSync(outdir, { recursive: true, force: true });
for (const program of ['mosn', 'meshd', 'meshctl']) {
  const outfile = join(outdir, `${program}.mjs`);
  await bundleProgram(join(root, 'apps', program, 'src', 'main.ts'), outfile);
  console.log(`${outfile}  ${(statSync(outfile).size / 1024).toFixed(0)} KiB`);
}
