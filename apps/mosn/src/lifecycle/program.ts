import { fileURLToPath } from 'node:url';
import { messageOf } from '@sofamesh/base/errors';
import { CommanderError } from 'commander';
import { type Options, readArguments } from '../argv.ts';
import { loadBootstrap } from './load-bootstrap.ts';
import { ProgramLog } from './program-log.ts';
import { startServer } from './server.ts';
import { tuneHeap } from './startup-heap.ts';
import { validate } from './validate.ts';

export interface Start {
  /** The file that worker threads start with. */
  readonly entry: URL;
  /** Node cannot make threads in a process that was started from a snapshot (26.10 aborts in its own start of them). */
  readonly fromSnapshot: boolean;
}

/**
 * The program from its command line to its end. Resolves when the server runs, or when there is nothing (more) to do; exit
 * codes: 0 fine, 1 wrong arguments or configuration.
 */
export async function runProgram(argv: readonly string[], { entry, fromSnapshot }: Start): Promise<void> {
  let options: Options;
  try {
    options = readArguments(argv);
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    process.exitCode = thrown.exitCode;
    return;
  }
  if (fromSnapshot && options.concurrency > 1 && options.mode === 'serve') startAgain(entry, argv);
  try {
    const log = new ProgramLog(options.logPath, options.logLevels);
    endOnUncaught(log);
    const bootstrap = loadBootstrap(options, log.logger('config'));
    if (options.mode === 'validate') {
      await validate(bootstrap, log);
      process.stdout.write(`configuration '${options.configPath ?? '--config-yaml'}' OK\n`);
      return;
    }
    tuneHeap();
    await startServer({ options, bootstrap, log, entry, fromSnapshot });
  } catch (thrown) {
    fail(messageOf(thrown));
  }
}

/** The same process, without the snapshot. */
function startAgain(entry: URL, [node, _, ...args]: readonly string[]): never {
  process.removeAllListeners('warning');
  return process.execve!(process.execPath, [node ?? process.execPath, fileURLToPath(entry), ...args]);
}

/** One line for each thing that is wrong. Threads and sockets that were opened meanwhile go with the process. */
function fail(lines: string): never {
  process.stderr.write(`${lines}\n`);
  process.exit(1);
}

/** An error that nobody expected leaves the process in a state that nobody knows. */
function endOnUncaught(log: ProgramLog): void {
  process.on('uncaughtException', (thrown) => {
    log.logger('main').error('uncaught error', { stack: thrown instanceof Error ? thrown.stack : String(thrown) });
    process.exit(1);
  });
}
