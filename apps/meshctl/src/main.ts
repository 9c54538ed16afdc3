import { CodedError, messageOf } from '@sofamesh/base/errors';
import { Argument, Command, CommanderError, InvalidArgumentError } from 'commander';
import { type ConfigKind, configKinds, proxyConfig } from './commands/proxy-config.ts';
import { proxyStatus } from './commands/proxy-status.ts';
import { parseDuration, up } from './commands/up.ts';
import { validate } from './commands/validate.ts';
import { showVersions } from './commands/version.ts';
import { defaultMeshd } from './meshd-client.ts';
import { type OutputFormat, paint, parseFormat } from './output.ts';
import { version } from './version.ts';

/** Exit codes: 0 fine, 1 findings or failure, 2 wrong usage. */
const exitFailure = 1;
const exitUsage = 2;

interface Common {
  readonly output: OutputFormat;
  readonly meshd: string;
}

/** An option's parser whose complaint commander prints. */
function parsed<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (thrown) {
      throw new InvalidArgumentError(messageOf(thrown));
    }
  };
}

function makeProgram(done: (code: number) => void): Command {
  const output = process.stdout;
  const program = new Command('meshctl')
    .description('Runs, checks and inspects a mesh.')
    .version(version, '--version', 'print the version of meshctl')
    .showHelpAfterError('(see meshctl --help)')
    .exitOverride();
  const command = (name: string, description: string) =>
    program
      .command(name)
      .description(description)
      .showHelpAfterError(`(see meshctl ${name.split(' ')[0]} --help)`)
      .exitOverride();
  const withOutput = (it: Command) =>
    it.option('-o, --output <format>', 'table, json or yaml', parsed(parseFormat), 'table');
  const withMeshd = (it: Command) => it.option('--meshd <url>', 'debug address of meshd', defaultMeshd);

  command('up [dir]', 'run the mesh of a folder: meshd, a sidecar for every workload, and the programs')
    .option(
      '--for <duration>',
      'run this long (20s, 5m), then print the table and say whether all went well',
      parsed(parseDuration),
    )
    .option('--no-apps', 'start no programs, only meshd and the sidecars')
    .action(async (dir: string | undefined, given: { for?: number; apps: boolean }) => {
      done(await up({ folder: dir ?? '.', forMs: given.for, apps: given.apps }, output));
    });

  withOutput(command('validate <path...>', 'check files and folders of resources as meshd reads them')).action(
    (paths: string[], given: Common) => done(validate(paths, given.output, output)),
  );

  withMeshd(
    withOutput(command('proxy-status', 'which proxies are connected, and whether they have what they should have')),
  )
    .alias('ps')
    .action(async (given: Common) => done(await proxyStatus(given.meshd, given.output, output)));

  withMeshd(withOutput(command('proxy-config', 'what one proxy has, or with --intent what it should have')))
    .alias('pc')
    .addArgument(new Argument('<kind>', 'part of the configuration').choices(configKinds))
    .addArgument(new Argument('<proxy>', 'name as in proxy-status: shopper.bookstore'))
    .option('--admin <url>', 'admin address of the proxy, instead of asking meshd where it is')
    .option('--intent', 'ask meshd what the proxy should have', false)
    .action(async (kind: ConfigKind, proxy: string, given: Common & { admin?: string; intent: boolean }) => {
      const { admin, intent, meshd } = given;
      done(await proxyConfig({ kind, proxy, meshd, admin, intent }, given.output, output));
    });

  withMeshd(withOutput(command('version', 'versions of meshctl, meshd and the connected proxies')))
    .option('--no-remote', 'only the version of meshctl')
    .action(async (given: Common & { remote: boolean }) =>
      done(await showVersions(given.meshd, given.remote, given.output, output)),
    );
  return program;
}

/** Runs the command line; returns the exit code. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  let code = 0;
  const program = makeProgram((result) => {
    code = result;
  });
  try {
    await program.parseAsync(argv);
    return code;
  } catch (thrown) {
    // Commander has printed what is wrong, or the help that was asked for.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : exitUsage;
    const message = thrown instanceof CodedError ? thrown.message : ((thrown as Error)?.stack ?? String(thrown));
    process.stderr.write(`${paint('red', message)}\n`);
    return exitFailure;
  }
}

// Set rather than called: what was written to a pipe has to leave first.
process.exitCode = await runCommandLine(process.argv);
