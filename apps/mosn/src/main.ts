import { enableCompileCache } from 'node:module';
import { isMainThread } from 'node:worker_threads';

// This file is the entry of the program and of its worker threads, from source and as a bundle alike. Each of the two
// loads only its own half: a worker never sees protobuf.
if (isMainThread) {
  const { runProgram } = await import('./lifecycle/program.ts');
  await runProgram(process.argv, { entry: new URL(import.meta.url), fromSnapshot: false });
} else {
  enableCompileCache();
  const { runWorkerThread } = await import('./worker/thread.ts');
  await runWorkerThread();
}
