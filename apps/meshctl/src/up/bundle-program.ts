import { build } from 'esbuild';

// CommonJS packages inside an ECMAScript module ask for Node's own modules by require.
const banner = [
  `import { createRequire as createRequireForBundle } from 'node:module';`,
  'const require = createRequireForBundle(import.meta.url);',
].join('\n');

/**
 * Makes one file of a program, which needs nothing but Node beside it. What the program imports dynamically stays
 * unevaluated inside until it is asked for, so one file serves as the main program and as its worker threads.
 */
export async function bundleProgram(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // A bundle makes no others.
    external: ['esbuild'],
    // Names stay, so that stack traces can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'warning',
    banner: { js: banner },
  });
}
