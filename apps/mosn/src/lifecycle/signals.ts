import type { Logger } from '@sofamesh/base/logger';

/**
 * SIGTERM and SIGINT stop the process, and so does SIGHUP: the terminal that it was started from is gone. SIGUSR1 reopens
 * the log files, as in Envoy.
 */
export function onSignals(actions: {
  readonly stop: () => void;
  readonly reopenLogs: () => void;
  readonly logger: Logger;
}): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      actions.logger.info('caught', { signal });
      actions.stop();
    });
  }
  process.on('SIGUSR1', actions.reopenLogs);
}
