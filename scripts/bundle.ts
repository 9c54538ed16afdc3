/**
 * Makes the single files for distribution: `dist/mosn.mjs`, `dist/meshd.mjs`, `dist/meshctl.mjs`. Each needs nothing but
 * Node beside it. What a program imports dynamically stays unevaluated inside until it is asked for, so one file serves
 * as the main program and as its worker threads.
 */
import { existsSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const outdir = join(root, 'dist');

// CommonJS packages inside an ECMAScript module ask for Node's own modules by require.
const banner = [
  `import { createRequire as createRequireForBundle } from 'node:module';`,
  'const require = createRequireForBundle(import.meta.url);',
].join('\n');

rmSync(outdir, { recursive: true, force: true });
for (const program of ['mosn', 'meshd', 'meshctl']) {
  const entry = join(root, 'apps', program, 'src', 'main.ts');
  if (!existsSync(entry)) {
    console.error(`${program}: there is no ${entry}`);
    process.exitCode = 1;
    continue;
  }
  const outfile = join(outdir, `${program}.mjs`);
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Names stay, so that stack traces can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'warning',
    banner: { js: banner },
  });
  console.log(`${outfile}  ${(statSync(outfile).size / 1024).toFixed(0)} KiB`);
}
