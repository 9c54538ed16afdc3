import { join } from 'node:path';
import { type Launch, RunningProcess } from '../../peers/process.ts';

const apps = join(import.meta.dirname, '..', '..', '..', 'apps');

/** Starts `meshctl` or `meshd` from its sources, as a user's shell would but not on a terminal. */
export function launch(name: 'meshctl' | 'meshd', args: readonly string[], options: Pick<Launch, 'cwd' | 'env'> = {}) {
  const file = join(apps, name, 'bin', `${name}.js`);
  return new RunningProcess({ name, command: process.execPath, args: [file, ...args], ...options });
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

export function meshctl(...args: readonly string[]): Promise<Finished> {
  return finish(launch('meshctl', args));
}
