import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '@sofamesh/base/clock';
import { messageOf } from '@sofamesh/base/errors';
import { type MetricDefinition, ThreadStats } from '@sofamesh/telemetry/metrics/thread-stats';
import { ProgramLog } from '../lifecycle/program-log.ts';
import type { LoadedPlugins } from '../plugins/loaded-plugins.ts';
import type { PluginSource } from '../plugins/plugin-source.ts';
import type { CommandMessage, CommandName, Commands, ReportMessage, WorkerSettings } from './messages.ts';
import { EngineWorker } from './worker.ts';

/** Runs an engine in this worker thread, under the commands that arrive from the main thread. Rejects when a plug-in cannot be loaded. */
export async function runWorkerThread(): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('not a worker thread');
  const report = (message: ReportMessage) => port.postMessage(message);
  const { place = 0, levels, logPath, drainMs, downstream, plugins: sources = [] } = workerData as WorkerSettings;
  const log = new ProgramLog(logPath, levels);
  const plugins = sources.length === 0 ? undefined : await loadThese(sources, log);

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

  const worker = new EngineWorker({
    stats,
    log,
    place,
    drainMs,
    downstream,
    ...(plugins !== undefined && { plugins }),
  });
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

async function loadThese(sources: readonly PluginSource[], log: ProgramLog): Promise<LoadedPlugins> {
  const { loadPlugins } = await import('../plugins/load.ts');
  try {
    return await loadPlugins(sources, { clock: systemClock, logger: log.logger('plugins') });
  } catch (thrown) {
    // The program ends with what the main thread makes of it: the lines, and not where in this program they were found.
    const error = new Error(messageOf(thrown));
    error.stack = error.message;
    throw error;
  }
}
