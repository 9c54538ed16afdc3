import { parentPort } from 'node:worker_threads';
import type { CommandMessage } from '../../worker/messages.ts';

// A worker thread that answers `status`, dies of `prepare`, and is silent about everything else.
parentPort?.on('message', ({ id, name }: CommandMessage) => {
  if (name === 'status') parentPort?.postMessage({ kind: 'done', id, result: { listeners: [], clusters: [] } });
  if (name === 'commit') parentPort?.postMessage({ kind: 'failed', id, reason: 'nothing prepared' });
  if (name === 'prepare') {
    setImmediate(() => {
      throw new Error('fell over');
    });
  }
});
parentPort?.postMessage({
  kind: 'metrics',
  definitions: [{ kind: 'counter', name: 'c', memory: undefined, index: 0 }],
});
parentPort?.postMessage({ kind: 'ready' });
