// Plain JavaScript that Node 20 can parse: the first lines of every program of this repository.
import { spawn } from 'node:child_process';
import module from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { findModules } from './find-modules.js';
import { pinnedNode } from './pinned-node.js';

/** Below this Node cannot run the TypeScript sources. */
const majorMin = 24;

/** Releases of a line that lack its later network and TLS fixes are warned of; older lines get none any more. */
const floors = new Map([
  [24, [21, 0]],
  [26, [10, 0]],
]);

/**
 * Runs the program of a bin file: `../src/main.ts` beside it, in this process, or with the pinned Node when this one is
 * too old. `binUrl` is the bin file's `import.meta.url`; `loadChanges` loads what changes the text of libraries, once this
 * Node is known to read TypeScript.
 */
export async function startProgram(binUrl, loadChanges) {
  const [major, minor, patch] = process.versions.node.split('.').map(Number);
  if (major < majorMin) {
    runWithPinnedNode(fileURLToPath(binUrl));
    return;
  }
  const floor = floors.get(major);
  const old = floor === undefined ? major % 2 === 1 : minor < floor[0] || (minor === floor[0] && patch < floor[1]);
  if (old) {
    process.stderr.write(
      `warning: Node ${process.version} lacks fixes for known holes in HTTP and TLS; run with ${[...floors].map(([line, [m, p]]) => `${line}.${m}.${p}`).join(' or ')} or later\n`,
    );
  }
  module.enableCompileCache();
  const { changeLibrary } = await loadChanges();
  findModules((url, source) => changeLibrary(url, source).source);
  await import(new URL('../src/main.ts', binUrl).href);
}

function runWithPinnedNode(file) {
  const { node, missing } = pinnedNode();
  if (node === undefined) {
    process.stderr.write(
      `Node ${process.version} is too old (needs ${majorMin}) and ${missing} is not installed: run npm ci\n`,
    );
    process.exitCode = 1;
    return;
  }
  const child = spawn(node, [...process.execArgv, file, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) => {
    process.stderr.write(`${node}: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1;
      return;
    }
    // Ends as the child did, so that whoever started this sees the signal.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 100);
  });
}
