import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { CodedError, messageOf } from '@sofamesh/base/errors';
import { build } from 'esbuild';
import { bundleOptions } from './bundle-program.ts';
import { lazyBuiltins, lazyRequire } from './lazy-builtins.ts';

// A snapshot has no file of its own to ask for: it is started with the bundle's file as its first argument.
const banner = [
  `Object.defineProperty(globalThis, 'bundleUrl', {`,
  `  get: () => process.getBuiltinModule('node:url').pathToFileURL(process.argv[1]).href,`,
  '});',
].join('\n');

const buildTimeoutMs = 60_000;

/**
 * Makes a start-up snapshot of a program: the heap as it is when everything is loaded and nothing is done yet. A start from
 * it skips reading, compiling and evaluating, which is most of a start. `entry` sets the function that goes on from there.
 *
 *     node --snapshot-blob mosn.blob mosn.mjs -c bootstrap.yaml
 *
 * Only the Node that made it can start from it (`process.execPath`, the same version and flags).
 */
export async function snapshotProgram(entry: string, blobFile: string): Promise<void> {
  const script = `${blobFile}.cjs`;
  await build({
    ...bundleOptions,
    entryPoints: [entry],
    outfile: script,
    format: 'cjs',
    banner: { js: `${lazyRequire()}\n${banner}` },
    define: { 'import.meta.url': 'bundleUrl' },
    plugins: [...bundleOptions.plugins, lazyBuiltins],
  });
  try {
    const args = ['--no-warnings', '--snapshot-blob', blobFile, '--build-snapshot', script];
    await promisify(execFile)(process.execPath, args, { timeout: buildTimeoutMs, env: withoutNodeOptions() });
  } catch (thrown) {
    // The message of the failed command has the whole bundle in it.
    const firstLines = messageOf(thrown).slice(0, 500);
    throw new CodedError('no_snapshot', `${blobFile}: Node made no snapshot: ${firstLines}`, { cause: thrown });
  } finally {
    await rm(script, { force: true });
  }
}

function withoutNodeOptions(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, ...env } = process.env;
  return env;
}
