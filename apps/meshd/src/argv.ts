import { type IpAddress, ipAddress } from '@sofamesh/base/address';
import { type LogLevel, logLevels } from '@sofamesh/telemetry/component-log';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { versionLine } from './version.ts';

/** What the command line asks for; the ports are those that Istio's users know. */
export interface Options {
  readonly configFolders: readonly string[];
  readonly grpcAddress: IpAddress;
  readonly httpAddress: IpAddress;
  /** A file of Istio's MeshConfig. */
  readonly meshConfigFile: string | undefined;
  readonly logLevel: LogLevel;
  /** A file that is told where the servers really listen. */
  readonly addressesFile: string | undefined;
  /** Flags that were given and have no effect yet. */
  readonly inert: readonly string[];
}

/**
 * Reads `process.argv`. Throws a CommanderError, after having printed help, the version or what is wrong, when there is
 * nothing to run.
 */
export function readArguments(argv: readonly string[]): Options {
  const command = new Command('meshd')
    .description('The control plane: reads resources from folders and drives proxies by xDS.')
    .version(versionLine(), '--version', 'print the version')
    .requiredOption('--config <dir>', 'folder of resources, watched; may be given more than once', collect)
    .option('--grpc-address <host:port>', 'xDS, plain text (default: 127.0.0.1:15010)', address)
    .option('--tls-address <host:port>', 'xDS over TLS; accepted, not served yet', address)
    .option('--http-address <host:port>', 'debug pages, metrics, /ready (default: 127.0.0.1:15014)', address)
    .option('--webhook-address <host:port>', 'injection and validation; accepted, not served yet', address)
    .option('--mesh-config <file>', "settings of the whole mesh: Istio's MeshConfig")
    .option('--log-level <level>', logLevels.join(', '), logLevel, 'info')
    .option('--addresses-path <file>', 'file to write the addresses to that are really used')
    .allowExcessArguments(false)
    .exitOverride();
  command.parse(argv);
  const given = command.opts<{
    config: string[];
    grpcAddress?: IpAddress;
    tlsAddress?: IpAddress;
    httpAddress?: IpAddress;
    webhookAddress?: IpAddress;
    meshConfig?: string;
    logLevel: LogLevel;
    addressesPath?: string;
  }>();
  return {
    configFolders: given.config,
    grpcAddress: given.grpcAddress ?? ipAddress('127.0.0.1', 15_010),
    httpAddress: given.httpAddress ?? ipAddress('127.0.0.1', 15_014),
    meshConfigFile: given.meshConfig,
    logLevel: given.logLevel,
    addressesFile: given.addressesPath,
    inert: [
      ...(given.tlsAddress === undefined ? [] : ['--tls-address']),
      ...(given.webhookAddress === undefined ? [] : ['--webhook-address']),
    ],
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

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

const portMax = 65_535;

/** `127.0.0.1:15010`, `[::1]:15010`, `:15010` for every address. */
function address(text: string): IpAddress {
  const [, bracketed, plain, portText] = /^(?:\[([0-9a-fA-F:.]+)\]|([\d.]*)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(portText);
  if (portText === undefined || port > portMax) {
    throw new InvalidArgumentError('must be an IP address and a port: 127.0.0.1:15010');
  }
  return ipAddress(bracketed ?? (plain || '0.0.0.0'), port);
}

function logLevel(text: string): LogLevel {
  const found = logLevels.find((level) => level === (text === 'warn' ? 'warning' : text));
  if (found === undefined) throw new InvalidArgumentError(`must be one of ${logLevels.join(', ')}`);
  return found;
}
