import { resolve, sep } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Timer } from '@sofamesh/base/clock';
import { messageOf } from '@sofamesh/base/errors';
import { type Logger, silentLogger } from '@sofamesh/base/logger';
import type { ConfigChange, ConfigSnapshot, ConfigStore } from '@sofamesh/contract/config-store';
import type { MeshObject } from '@sofamesh/model/object';
import type { ReadOptions } from '@sofamesh/model/read';
import { type Combined, changeBetween, combine } from './combine.ts';
import { FileCache, faultOf, type HeldFile } from './file-cache.ts';
import { FolderWatch } from './folder-watch.ts';
import { isMissing, listFiles, reasonOf } from './list-files.ts';

export interface FolderStoreOptions extends ReadOptions {
  readonly clock: Clock;
  readonly logger?: Logger;
  /** How long the folder has to be quiet before a change is read. Default 50. */
  readonly quietMs?: number;
  /** How often it is looked through without being told of a change. Default 2000. */
  readonly rescanMs?: number;
}

/** A snapshot whose objects have the types of `model/kinds`. */
export interface FolderSnapshot extends ConfigSnapshot {
  readonly objects: readonly MeshObject[];
}

const QUIET_MS = 50;
const RESCAN_MS = 2_000;

/**
 * Folders of YAML and JSON files, watched. Objects stand in the order of the folders, then of the files' paths, then within
 * the file. What becomes unreadable (an object, a file, a folder) is a finding, and what it held stays in force until it is
 * readable again; what is deleted is gone, except the folders themselves.
 */
export class FolderStore implements ConfigStore {
  readonly name: string;
  readonly #folders: readonly string[];
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #rescanMs: number;
  readonly #files: FileCache;
  readonly #watch: FolderWatch;
  #snapshot: FolderSnapshot = { revision: 0, objects: [], findings: [] };
  #onChange: (change: ConfigChange) => void = () => {};
  #rescan: Timer | undefined;
  /** The look that is under way; `#lookAgain` asks for one more after it. */
  #looking: Promise<void> | undefined;
  #lookAgain = false;
  #isStopped = false;

  constructor(folders: readonly string[], { clock, logger, quietMs, rescanMs, ...readOptions }: FolderStoreOptions) {
    this.name = `file:${folders.join(',')}`;
    this.#folders = folders.filter((folder, at) => folders.findIndex((one) => resolve(one) === resolve(folder)) === at);
    this.#clock = clock;
    this.#logger = logger ?? silentLogger;
    this.#rescanMs = rescanMs ?? RESCAN_MS;
    this.#files = new FileCache(readOptions, () => clock.wallMs());
    this.#watch = new FolderWatch(clock, quietMs ?? QUIET_MS, () => void this.look());
  }

  async start(onChange: (change: ConfigChange) => void): Promise<void> {
    await this.look();
    this.#onChange = onChange;
  }

  snapshot(): FolderSnapshot {
    return this.#snapshot;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#rescan?.cancel();
    this.#watch.close();
    await this.#looking;
  }

  /** Looks through the folders now, without waiting for the system to tell of a change. Resolves when that is done. */
  look(): Promise<void> {
    this.#lookAgain = true;
    this.#looking ??= this.#lookWhileAsked();
    return this.#looking;
  }

  async #lookWhileAsked(): Promise<void> {
    this.#rescan?.cancel();
    while (this.#lookAgain && !this.#isStopped) {
      this.#lookAgain = false;
      try {
        this.#publish(combine(await this.#readFolders()));
      } catch (error) {
        this.#logger.error('looking through the configuration failed', { store: this.name, error: messageOf(error) });
      }
    }
    this.#looking = undefined;
    if (!this.#isStopped) this.#rescan = this.#clock.after(this.#rescanMs, () => void this.look());
  }

  async #readFolders(): Promise<readonly HeldFile[]> {
    const watched = new Set<string>();
    const held: HeldFile[] = [];
    const listed = new Set<string>();
    for (const folder of this.#folders) {
      const { files, faults } = await listFiles(folder, (path, identity) => {
        watched.add(path);
        if (!this.#isStopped) this.#watch.add(path, identity);
      });
      const ofFolder: HeldFile[] = [];
      for (const { file, stat } of files) {
        listed.add(file);
        try {
          ofFolder.push(await this.#files.read(file, stat));
        } catch (error) {
          if (isMissing(error)) listed.delete(file);
          else ofFolder.push(this.#kept(file, reasonOf(error)));
        }
      }
      for (const [path, reason] of faults) {
        const hidden = this.#files.known().filter(({ file }) => !listed.has(file) && isWithin(file, path));
        for (const { file } of hidden) listed.add(file);
        ofFolder.push(...hidden.filter(({ file }) => file !== path), this.#kept(path, reason));
      }
      held.push(...ofFolder.sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0)));
    }
    this.#watch.keepOnly(watched);
    for (const { file } of this.#files.known()) if (!listed.has(file)) this.#files.forget(file);
    return held;
  }

  /** What a path held when it could last be read. */
  #kept(path: string, reason: string): HeldFile {
    return { file: path, objects: this.#files.get(path)?.objects ?? [], findings: [faultOf(path, reason)] };
  }

  #publish({ objects, findings }: Combined): void {
    const before = this.#snapshot;
    const sameObjects =
      objects.length === before.objects.length && objects.every((object, at) => object === before.objects[at]);
    if (before.revision > 0 && sameObjects && isDeepStrictEqual(findings, before.findings)) return;
    const revision = before.revision + 1;
    this.#snapshot = { revision, objects: sameObjects ? before.objects : objects, findings };
    this.#onChange({ revision, ...changeBetween(before.objects, objects) });
  }
}

function isWithin(file: string, path: string): boolean {
  return file === path || file.startsWith(path.endsWith(sep) ? path : path + sep);
}
