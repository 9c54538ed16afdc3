import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CodedError } from '@sofamesh/base/errors';

const pidFile = 'pid';

/**
 * Empties the folder in which a mesh keeps what it generates, and makes it this process's. Throws a CodedError while another
 * process runs a mesh from it: the two would overwrite each other's files and take each other's addresses.
 */
export function claimFolder(folder: string): void {
  const owner = ownerOf(folder);
  if (owner !== undefined) {
    throw new CodedError('in_use', `process ${owner} runs a mesh from ${dirname(folder)} already; stop it first`);
  }
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, pidFile), String(process.pid));
}

/** Makes the folder free for others again, with what is in it: logs are read afterwards. */
export function releaseFolder(folder: string): void {
  if (ownerOf(folder) === undefined) rmSync(join(folder, pidFile), { force: true });
}

/** The other process that has claimed the folder and still lives. */
function ownerOf(folder: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(folder, pidFile), 'utf8'));
    if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return undefined;
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}
