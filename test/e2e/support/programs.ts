import { join } from 'node:path';
import { type Launch, RunningProcess } from '../../peers/process.ts';
import { findBundles, nodeArguments } from './bundles.ts';

const apps = join(import.meta.dirname, '..', '..', '..', 'apps');
const bundles = await findBundles();

/** Starts `meshctl` or `meshd` from its sources, as a user's shell would but not on a terminal. */
export function launch(name: 'meshctl' | 'meshd', args: readonly string[], options: Pick<Launch, 'cwd' | 'env'> = {}) {
  const file = join(apps, name, 'bin', `${name}.js`);
  return new RunningProcess({ name, command: process.execPath, args: [file, ...args], ...options });
}

/** Starts meshd as `meshctl up` does. */
export function launchMeshd(args: readonly string[]): RunningProcess {
  const flags = [...nodeArguments(bundles.meshd), ...args];
  return new RunningProcess({ name: 'meshd', command: process.execPath, args: flags });
}

export interface Finished {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a command to its end. */
export async function finish(running: RunningProcess): Promise<Finished> {
  const { code } = await running.ended;
  return { code, output: running.output };
}

/** Runs a command of the bundled meshctl: any but an `up` that starts something. */
export function meshctl(...args: readonly string[]): Promise<Finished> {
  return finish(new RunningProcess({ name: 'meshctl', command: process.execPath, args: [bundles.meshctl, ...args] }));
}
