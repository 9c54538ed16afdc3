import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '@sofamesh/base/errors';
import { type MetricDefinition, ThreadStats } from '@sofamesh/telemetry/metrics/thread-stats';
import { ProgramLog } from '../lifecycle/program-log.ts';
import type { CommandMessage, CommandName, Commands, ReportMessage, WorkerSettings } from './messages.ts';
import { EngineWorker } from './worker.ts';

/** Runs an engine in this worker thread, under the commands that arrive from the main thread. */
export function runWorkerThread(): void {
  const port = parentPort;
  if (port === null) throw new Error('not a worker thread');
  const report = (message: ReportMessage) => port.postMessage(message);
  const { levels, logPath, drainMs, downstreamConnectionsMax } = workerData as WorkerSettings;

  // New metrics are told together: a new cluster has a hundred.
  let definitions: MetricDefinition[] = [];
  const tellMetrics = () => {
    if (definitions.length === 0) return;
    report({ kind: 'metrics', definitions });
    definitions = [];
  };
  const stats = new ThreadStats((definition) => {
    if (definitions.length === 0) queueMicrotask(tellMetrics);
    definitions.push(definition);
  });

  const worker = new EngineWorker({ stats, log: new ProgramLog(logPath, levels), drainMs, downstreamConnectionsMax });
  port.on('message', ({ id, name, argument }: CommandMessage) => {
    worker.handle(name, argument as Commands[CommandName]['takes']).then(
      (result) => {
        tellMetrics();
        report({ kind: 'done', id, result });
      },
      (thrown: unknown) => report({ kind: 'failed', id, reason: messageOf(thrown) }),
    );
  });
  report({ kind: 'ready' });
}
