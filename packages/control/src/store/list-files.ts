import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@sofamesh/base/errors';

export const FILES_MAX = 10_000;
const FOLDER_DEPTH_MAX = 16;
const CONFIG_FILE = /\.(?:ya?ml|json)$/i;

export interface ListedFile {
  /** The folder as given, and the path below it. */
  readonly file: string;
  readonly stat: Stats;
}

export interface Listing {
  /** Sorted by path. */
  readonly files: readonly ListedFile[];
  /** Files and folders that could not be looked at, and why; what was known of them before has to be kept. */
  readonly faults: ReadonlyMap<string, string>;
}

/**
 * Finds the configuration files of a folder and its sub-folders: `*.yaml`, `*.yml`, `*.json`, through symbolic links. Names
 * that begin with a dot are left out: editors' copies, and the versioned folders behind a Kubernetes ConfigMap.
 * `onFolder` is called for each folder before it is read, so that a watch set there misses nothing; `identity` is another
 * one when the folder was removed and made anew.
 */
export async function listFiles(root: string, onFolder: (folder: string, identity: string) => void): Promise<Listing> {
  const files: ListedFile[] = [];
  const faults = new Map<string, string>();
  // `around`: the folders on the way here; a link back to one of them would never end.
  const visit = async (folder: string, around: readonly string[]): Promise<void> => {
    try {
      const { dev, ino, birthtimeMs } = await stat(folder);
      const identity = `${dev} ${ino} ${birthtimeMs}`;
      if (around.includes(identity) || around.length > FOLDER_DEPTH_MAX) return;
      onFolder(folder, identity);
      const names = await readdir(folder);
      for (const name of names.filter((one) => !one.startsWith('.')).sort()) {
        const path = join(folder, name);
        const found = await statIfThere(path, faults);
        if (found?.isDirectory()) await visit(path, [...around, identity]);
        else if (found?.isFile() && CONFIG_FILE.test(name)) {
          if (files.length < FILES_MAX) files.push({ file: path, stat: found });
          else faults.set(path, `is left out: there are more than ${FILES_MAX} files`);
        }
      }
    } catch (error) {
      // A sub-folder that is gone was deleted, as files are; the root is never meant to go.
      if (folder === root || !isMissing(error)) faults.set(folder, reasonOf(error));
    }
  };
  await visit(root, []);
  files.sort((a, b) => (a.file < b.file ? -1 : 1));
  return { files, faults };
}

async function statIfThere(path: string, faults: Map<string, string>): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (!isMissing(error)) faults.set(path, reasonOf(error));
    return undefined;
  }
}

export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

/** The reason why a file or folder cannot be read, as an end of the sentence "FILE …". */
export function reasonOf(error: unknown): string {
  switch (codeOf(error)) {
    case 'ENOENT':
      return 'does not exist';
    case 'EACCES':
      return 'may not be read: permission denied';
    case 'ENOTDIR':
      return 'is not a folder';
    default:
      return `cannot be read: ${messageOf(error)}`;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
