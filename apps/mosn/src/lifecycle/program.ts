import { fileURLToPath } from 'node:url';
import { systemClock } from '@sofamesh/base/clock';
import { messageOf } from '@sofamesh/base/errors';
import type { Options } from '../argv.ts';
import { mayBeMosnConfig } from '../mosn-json/is-mosn-config.ts';
import { asksForPlugins } from '../plugins/asks-for-plugins.ts';
import { type LoadParts, type LocatedText, loadBootstrap, readTexts } from './load-bootstrap.ts';
import { ProgramLog } from './program-log.ts';
import { startServer } from './server.ts';
import { tuneHeap } from './startup-heap.ts';
import { validate } from './validate.ts';

export interface Start {
  /** `process.argv`. */
  readonly argv: readonly string[];
  /** The file that worker threads start with. */
  readonly entry: URL;
  /**
   * Node can neither make threads in a process that was started from a snapshot (26.10 aborts in its own start of them) nor
   * import a module there.
   */
  readonly fromSnapshot: boolean;
}

/**
 * The program from its command line, which is read already, to its end. Resolves when the server runs, or when there is
 * nothing more to do; exit codes: 0 fine, 1 wrong configuration.
 */
export async function runProgram(options: Options, { argv, entry, fromSnapshot }: Start): Promise<void> {
  if (fromSnapshot && options.concurrency > 1 && options.mode === 'serve') startAgain(entry, argv);
  try {
    const log = new ProgramLog(options.logPath, options.logLevels);
    endOnUncaught(log);
    const texts = readTexts(options);
    const withPlugins = texts.some(({ text }) => asksForPlugins(text));
    if (fromSnapshot && withPlugins) startAgain(entry, argv);
    const bootstrap = loadBootstrap(texts, log.logger('config'), {
      ...(withPlugins && (await loadPlugins(texts, log))),
      ...(texts.some(({ text }) => mayBeMosnConfig(text)) && (await loadTranslation())),
    });
    if (options.mode === 'validate') {
      await validate(bootstrap, log);
      process.stdout.write(`configuration '${options.configPath ?? '--config-yaml'}' OK\n`);
      return;
    }
    tuneHeap(systemClock);
    await startServer({ options, bootstrap, log, entry, fromSnapshot });
  } catch (thrown) {
    fail(messageOf(thrown));
  }
}

/** Most programs have no plug-ins, and do without what loads them. */
async function loadPlugins(texts: readonly LocatedText[], log: ProgramLog): Promise<LoadParts> {
  const { readPluginSources } = await import('../plugins/read-sources.ts');
  const sources = texts.flatMap((text) => readPluginSources(text, text.folder));
  const load = await import('../plugins/load.ts');
  const plugins = await load.loadPlugins(sources, { clock: systemClock, logger: log.logger('plugins') });
  log.logger('plugins').info('loaded', { from: sources.map(({ label }) => label).join(', ') });
  return { pluginSources: sources, plugins };
}

/** Few have MOSN's configuration. */
async function loadTranslation(): Promise<LoadParts> {
  const { translateMosnConfig } = await import('../mosn-json/mosn-config.ts');
  return { translate: translateMosnConfig };
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
