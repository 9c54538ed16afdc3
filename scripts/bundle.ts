/**
 * Makes what is distributed: the single files `dist/mosn.mjs`, `dist/meshd.mjs`, `dist/meshctl.mjs`, and for the two that
 * run for long a start-up snapshot and a script that starts from it, `dist/mosn` and `dist/meshd`.
 */
import { chmodSync, existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleProgram } from '../apps/meshctl/src/bundle/bundle-program.ts';
import { snapshotProgram } from '../apps/meshctl/src/bundle/snapshot-program.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const outdir = join(root, 'dist');

/** `NODE` has to be the Node that made the snapshot; by default that of the checkout, then the first in PATH. */
const launcher = (program: string) => `#!/bin/sh
dir=$(dirname -- "$(readlink -f -- "$0")")
pinned=$dir/../node_modules/.bin/node
if [ -z "$NODE" ]; then if [ -x "$pinned" ]; then NODE=$pinned; else NODE=node; fi; fi
exec "$NODE" --snapshot-blob "$dir/${program}.blob" "$dir/${program}.mjs" "$@"
`;

rmSync(outdir, { recursive: true, force: true });
for (const program of ['mosn', 'meshd', 'meshctl']) {
  const source = join(root, 'apps', program, 'src');
  const outfile = join(outdir, `${program}.mjs`);
  await bundleProgram(join(source, 'main.ts'), outfile);
  const made = [outfile];
  const entry = join(source, 'snapshot.ts');
  if (existsSync(entry)) {
    const blob = join(outdir, `${program}.blob`);
    await snapshotProgram(entry, blob);
    const script = join(outdir, program);
    writeFileSync(script, launcher(program));
    chmodSync(script, 0o755);
    made.push(blob, script);
  }
  for (const file of made) console.log(`${file}  ${Math.ceil(statSync(file).size / 1024)} KiB`);
}
