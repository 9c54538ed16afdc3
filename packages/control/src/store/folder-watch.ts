import { type FSWatcher, watch } from 'node:fs';
import type { Clock, Timer } from '@sofamesh/base/clock';

interface Watched {
  readonly watcher: FSWatcher;
  readonly identity: string;
}

/** However fast events follow each other, one is told after this many quiet times at the latest. */
const QUIET_TIMES_MAX = 10;

/**
 * Watches folders, each by itself, and tells when something in them has changed and then been quiet for a moment: an editor
 * makes several events of one save. It is a hint only: the system may lose events, or may not watch a file system at all.
 */
export class FolderWatch {
  readonly #clock: Clock;
  readonly #quietMs: number;
  readonly #onChange: () => void;
  readonly #watched = new Map<string, Watched>();
  #timer: Timer | undefined;
  #firstEventMs = 0;

  constructor(clock: Clock, quietMs: number, onChange: () => void) {
    this.#clock = clock;
    this.#quietMs = quietMs;
    this.#onChange = onChange;
  }

  add(folder: string, identity: string): void {
    if (this.#watched.get(folder)?.identity === identity) return;
    this.#remove(folder);
    try {
      const watcher = watch(folder, () => this.#event());
      // A folder that goes takes its watcher with it; a later look finds the folder again and adds it.
      watcher.on('error', () => this.#remove(folder));
      this.#watched.set(folder, { watcher, identity });
    } catch {
      // No inotify left, or a file system without: those who look by themselves from time to time still see changes.
    }
  }

  /** Ends the watch on every other folder. */
  keepOnly(folders: ReadonlySet<string>): void {
    for (const folder of this.#watched.keys()) if (!folders.has(folder)) this.#remove(folder);
  }

  close(): void {
    this.#timer?.cancel();
    this.keepOnly(new Set());
  }

  #remove(folder: string): void {
    this.#watched.get(folder)?.watcher.close();
    this.#watched.delete(folder);
  }

  #event(): void {
    const nowMs = this.#clock.now();
    if (this.#timer === undefined) this.#firstEventMs = nowMs;
    else this.#timer.cancel();
    const latestMs = this.#firstEventMs + QUIET_TIMES_MAX * this.#quietMs;
    this.#timer = this.#clock.after(Math.min(this.#quietMs, latestMs - nowMs), () => {
      this.#timer = undefined;
      this.#onChange();
    });
  }
}
