import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import module from 'node:module';
import { CodedError, messageOf } from '@sofamesh/base/errors';
import { ComponentLogs } from '@sofamesh/telemetry/component-log';
import type { Options } from './argv.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { defaultMeshSettings, readMeshConfig } from './mesh-config.ts';
import { versionLine } from './version.ts';

/** How long a second signal counts as the same one, seen twice (a terminal and npm both send it). */
const sameSignalMs = 1_000;

/** The program, whose command line is read: exit code 0 after a signal, 1 when it cannot start, with one line that says why. */
export async function runProgram(options: Options): Promise<void> {
  try {
    await run(options);
  } catch (thrown) {
    const message = thrown instanceof CodedError ? thrown.message : ((thrown as Error)?.stack ?? String(thrown));
    process.stderr.write(`${message}\n`);
    process.exit(1);
  }
}

async function run(options: Options): Promise<void> {
  const logs = new ComponentLogs(options.logLevel, Date.now, (line) => process.stderr.write(line));
  const logger = logs.logger('main');
  for (const folder of options.configFolders) {
    if (!existsSync(folder) || !statSync(folder).isDirectory()) {
      throw new CodedError('no_folder', `--config: ${JSON.stringify(folder)}: there is no such folder`);
    }
  }
  const { settings, ignored } =
    options.meshConfigFile === undefined
      ? { settings: defaultMeshSettings, ignored: [] }
      : readMeshConfig(options.meshConfigFile);
  for (const field of ignored) logger.warn(`${options.meshConfigFile}: ${field}: has no effect yet`);
  for (const flag of options.inert) logger.info(`${flag}: not served yet`);

  const plane = await startControlPlane({ ...options, settings, logs });
  const { grpc, http } = plane.addresses;
  logger.info(`${versionLine()} serves xDS on ${grpc}, debug pages and metrics on http://${http}`);
  if (options.addressesFile !== undefined) writeAddresses(options.addressesFile, plane);
  module.flushCompileCache();
  stopOnSignal(plane, () => logger.info('stopping'));
}

/** Written aside and renamed: who waits for the file never sees half of it. */
function writeAddresses(file: string, { addresses }: ControlPlane): void {
  try {
    writeFileSync(`${file}.unfinished`, `${JSON.stringify(addresses)}\n`);
    renameSync(`${file}.unfinished`, file);
  } catch (thrown) {
    throw new CodedError('cannot_write', `--addresses-path: ${messageOf(thrown)}`);
  }
}

function stopOnSignal(plane: ControlPlane, stopping: () => void): void {
  let firstMs: number | undefined;
  const onSignal = () => {
    if (firstMs !== undefined) {
      if (performance.now() - firstMs > sameSignalMs) process.exit(1);
      return;
    }
    firstMs = performance.now();
    stopping();
    plane.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
}
