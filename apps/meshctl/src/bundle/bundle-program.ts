import { type BuildOptions, build } from 'esbuild';
import { lazyProtobuf } from './lazy-protobuf.ts';

/** What bundles of every form have in common. */
export const bundleOptions = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  // A bundle makes no others.
  external: ['esbuild'],
  // Names stay, so that stack traces can be read.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
  plugins: [lazyProtobuf],
} as const satisfies BuildOptions;

// CommonJS packages inside an ECMAScript module ask for Node's own modules by require.
const banner = [
  `import { createRequire as createRequireForBundle } from 'node:module';`,
  'const require = createRequireForBundle(import.meta.url);',
].join('\n');

/**
 * Makes one file of a program, which needs nothing but Node beside it. What the program imports dynamically stays
 * unevaluated inside until it is asked for, so one file serves as the main program and as its worker threads. The files
 * that it was made of, relative to the working directory.
 */
export async function bundleProgram(entry: string, outfile: string): Promise<string[]> {
  const { metafile } = await build({
    ...bundleOptions,
    entryPoints: [entry],
    outfile,
    format: 'esm',
    banner: { js: banner },
    metafile: true,
  });
  return Object.keys(metafile.inputs);
}
