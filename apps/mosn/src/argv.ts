import { availableParallelism } from 'node:os';
import { type LogLevel, logLevels } from '@sofamesh/telemetry/component-log';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { LogLevels } from './lifecycle/program-log.ts';
import { versionLine } from './version.ts';

/** What the command line asks for. Names and meaning are Envoy's. */
export interface Options {
  readonly configPath: string | undefined;
  /** Merged over the file. */
  readonly configYaml: string | undefined;
  readonly mode: 'serve' | 'validate';
  /** Event loops; 1 means one thread for everything. */
  readonly concurrency: number;
  readonly serviceNode: string | undefined;
  readonly serviceCluster: string | undefined;
  readonly logLevels: LogLevels;
  readonly logPath: string | undefined;
  /** How long connections may take to end when the process is told to. */
  readonly drainMs: number;
  readonly parentShutdownMs: number;
  readonly baseId: number;
  /** A file that is told where the admin server really listens. */
  readonly adminAddressPath: string | undefined;
}

/** Threads beyond this many are taken for a mistake. */
const concurrencyMax = 1024;
/** Envoy's is 600 s; a mesh on one machine stops sooner. */
const drainDefaultS = 5;
const parentShutdownDefaultS = 900;

/**
 * Reads `process.argv`. Prints help or the version and ends the process with 0 when asked for; throws a CommanderError
 * with the exit code 1, after having printed what is wrong, when the arguments cannot be used.
 */
export function readArguments(argv: readonly string[]): Options {
  const command = new Command('mosn')
    .description('A network proxy: HTTP, TCP and RPC, configured as Envoy is.')
    .version(versionLine(), '--version', 'print the version')
    .option('-c, --config-path <file>', 'bootstrap of Envoy, or configuration of MOSN; YAML or JSON')
    .option('--config-yaml <text>', 'bootstrap as text; merged over that of --config-path')
    .addOption(
      new Option('--mode <mode>', 'serve, or only check the configuration')
        .choices(['serve', 'validate'])
        .default('serve'),
    )
    .option(
      '--concurrency <number>',
      'event loops (default: the processors it may use); 1: one thread for everything',
      integerFrom(1, concurrencyMax),
    )
    .option('--service-node <id>', "this node's id, instead of the bootstrap's")
    .option('--service-cluster <name>', "this node's cluster, instead of the bootstrap's")
    .option('-l, --log-level <level>', `${logLevels.join(', ')}`, logLevel, 'info')
    .option('--component-log-level <list>', 'levels of single components: name:level,name:level', componentLevels)
    .option('--log-path <file>', 'component log (default: standard error)')
    .option('--drain-time-s <seconds>', 'how long connections may take to end', integerFrom(0, 86_400), drainDefaultS)
    .option(
      '--parent-shutdown-time-s <seconds>',
      'how long a process that was replaced may take to end',
      integerFrom(0, 86_400),
      parentShutdownDefaultS,
    )
    .option('--base-id <number>', 'tells several proxies on one machine apart', integerFrom(0, 2 ** 31 - 1), 0)
    .option('--admin-address-path <file>', 'file to write the address of the admin server to')
    .allowExcessArguments(false)
    .exitOverride();
  command.parse(argv);
  const given = command.opts<{
    configPath?: string;
    configYaml?: string;
    mode: 'serve' | 'validate';
    concurrency?: number;
    serviceNode?: string;
    serviceCluster?: string;
    logLevel: LogLevel;
    componentLogLevel?: ReadonlyMap<string, LogLevel>;
    logPath?: string;
    drainTimeS: number;
    parentShutdownTimeS: number;
    baseId: number;
    adminAddressPath?: string;
  }>();
  if (given.configPath === undefined && given.configYaml === undefined) {
    command.error('error: one of --config-path and --config-yaml is needed');
  }
  return {
    configPath: given.configPath,
    configYaml: given.configYaml,
    mode: given.mode,
    concurrency: given.concurrency ?? concurrencyDefault(),
    serviceNode: given.serviceNode,
    serviceCluster: given.serviceCluster,
    logLevels: { level: given.logLevel, components: Object.fromEntries(given.componentLogLevel ?? []) },
    logPath: given.logPath,
    drainMs: given.drainTimeS * 1000,
    parentShutdownMs: given.parentShutdownTimeS * 1000,
    baseId: given.baseId,
    adminAddressPath: given.adminAddressPath,
  };
}

/** For the program itself: {@link readArguments}, or undefined when there is nothing to run, and then the exit code is set. */
export function readCommandLine(argv: readonly string[]): Options | undefined {
  try {
    return readArguments(argv);
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    process.exitCode = thrown.exitCode;
    return undefined;
  }
}

/** Workers share addresses by SO_REUSEPORT, which spreads connections over them on Linux only. */
function concurrencyDefault(): number {
  return process.platform === 'linux' ? availableParallelism() : 1;
}

function integerFrom(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}`);
    }
    return value;
  };
}

function logLevel(text: string): LogLevel {
  const level = parseLogLevel(text);
  if (level === undefined) throw new InvalidArgumentError(`must be one of ${logLevels.join(', ')}`);
  return level;
}

function componentLevels(text: string): ReadonlyMap<string, LogLevel> {
  const levels = new Map<string, LogLevel>();
  for (const part of text.split(',')) {
    const [component = '', name = ''] = part.split(':');
    const level = parseLogLevel(name);
    if (component === '' || level === undefined)
      throw new InvalidArgumentError(`${JSON.stringify(part)} is not name:level`);
    levels.set(component, level);
  }
  return levels;
}

/** `warn` is short for `warning`, as in Envoy. */
export function parseLogLevel(text: string): LogLevel | undefined {
  const name = text === 'warn' ? 'warning' : text;
  return logLevels.find((level) => level === name);
}
