import { enableCompileCache } from 'node:module';
import { isMainThread } from 'node:worker_threads';

// This file is the entry of the program and of its worker threads, from source and as a bundle alike. Each of the two
// loads only its own half: a worker never sees protobuf.
if (isMainThread) {
  // Help, the version and wrong arguments are told before all that a server consists of is loaded.
  const { readCommandLine } = await import('./argv.ts');
  const options = readCommandLine(process.argv);
  if (options !== undefined) {
    const { runProgram } = await import('./lifecycle/program.ts');
    await runProgram(options, { argv: process.argv, entry: workerEntry(), fromSnapshot: false });
  }
} else {
  enableCompileCache();
  const { runWorkerThread } = await import('./worker/thread.ts');
  await runWorkerThread();
}

/** From sources, what finds them sooner than Node does. */
function workerEntry(): URL {
  const own = import.meta.url;
  return own.endsWith('.ts') ? new URL('../bin/worker.js', own) : new URL(own);
}
