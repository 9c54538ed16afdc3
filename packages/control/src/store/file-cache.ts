import type { Stats } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Finding } from '@sofamesh/model/finding';
import type { MeshObject } from '@sofamesh/model/object';
import { FILE_BYTES_MAX, type ReadOptions, readTextInTurns } from '@sofamesh/model/read';
import { carryOver } from './carry-over.ts';

/** What a file says. A fault in it takes nothing away: what it held before is still there. */
export interface HeldFile {
  readonly file: string;
  readonly objects: readonly MeshObject[];
  readonly findings: readonly Finding[];
}

interface CachedFile extends HeldFile {
  /** Absent if the file was not read, being too large. */
  readonly text?: string;
  readonly fingerprint: string;
  /** It was changed so shortly before it was read that one more change may leave the fingerprint as it is. */
  readonly isFresh: boolean;
}

/** Times of files are coarser than clocks. */
const FRESH_MS = 100;
/** A file that has become empty holds nothing once it has been so for this long. */
const EMPTY_BELIEVED_AFTER_MS = 1_000;

/** Reads files, and reads them again only when they have changed. */
export class FileCache {
  readonly #options: ReadOptions;
  readonly #wallMs: () => number;
  readonly #files = new Map<string, CachedFile>();

  constructor(options: ReadOptions, wallMs: () => number) {
    this.#options = options;
    this.#wallMs = wallMs;
  }

  /** Files that were read and are not forgotten. */
  known(): readonly HeldFile[] {
    return [...this.#files.values()];
  }

  get(file: string): HeldFile | undefined {
    return this.#files.get(file);
  }

  forget(file: string): void {
    this.#files.delete(file);
  }

  /** What the file says now. Rejects if it cannot be read. */
  async read(file: string, stat: Stats): Promise<HeldFile> {
    const before = this.#files.get(file);
    const fingerprint = `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
    if (before?.fingerprint === fingerprint && !before.isFresh) return before;
    const ageMs = this.#wallMs() - Math.max(stat.mtimeMs, stat.ctimeMs);
    const isFresh = ageMs < FRESH_MS;
    const entry = { file, fingerprint, isFresh };
    if (stat.size > FILE_BYTES_MAX) {
      const reason = `is larger than ${FILE_BYTES_MAX} bytes`;
      return this.#keep({ ...entry, objects: before?.objects ?? [], findings: [faultOf(file, reason)] });
    }
    const text = await readFile(file, 'utf8');
    // Programs that write in place empty the file first.
    if (before !== undefined && ageMs < EMPTY_BELIEVED_AFTER_MS && text.trim() === '') {
      return this.#keep({ ...before, fingerprint, isFresh: true });
    }
    if (before?.text === text) return this.#keep({ ...before, fingerprint, isFresh });
    const reading = await readTextInTurns(file, text, this.#options);
    const objects = carryOver(before?.objects ?? [], reading);
    return this.#keep({ ...entry, text, objects, findings: reading.findings });
  }

  #keep(entry: CachedFile): HeldFile {
    this.#files.set(entry.file, entry);
    return entry;
  }
}

/** A finding about a file or folder as a whole. */
export function faultOf(file: string, reason: string): Finding {
  return { level: 'error', file, line: 1, column: 1, path: '', value: '', reason };
}
