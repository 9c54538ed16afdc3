import { closeSync, openSync, write } from 'node:fs';
import type { Clock, Timer } from '@sofamesh/base/clock';
import type { Counter } from '@sofamesh/contract/stats';

export interface LineFileOptions {
  readonly clock: Clock;
  /** A path, or an open descriptor such as 1 for standard output. */
  readonly target: string | number;
  /** Lines wait no longer than this. */
  readonly flushIntervalMs: number;
  /** From this many characters on they do not wait. */
  readonly flushCharacters: number;
  /** Lines beyond this many waiting characters are dropped and counted: a full disk never holds up a request. */
  readonly waitingCharactersMax: number;
  readonly written: Counter;
  readonly dropped: Counter;
}

const retryMs = 1000;

/**
 * Appends lines to a file in large writes. When the file cannot be written (disk full, gone, slow), lines are dropped and
 * counted, and the file is opened anew every second until it works.
 */
export class LineFile {
  readonly #options: LineFileOptions;
  #descriptor: number | undefined;
  #waiting = '';
  #lines = 0;
  #writing = false;
  #timer: Timer | undefined;
  #closed = false;
  #onIdle: (() => void)[] = [];
  readonly #flush = () => {
    this.#timer = undefined;
    this.#write();
  };

  constructor(options: LineFileOptions) {
    this.#options = options;
    if (typeof options.target === 'number') this.#descriptor = options.target;
  }

  append(line: string): void {
    if (this.#waiting.length + line.length > this.#options.waitingCharactersMax || this.#closed) {
      this.#options.dropped.increment();
      return;
    }
    this.#waiting += line;
    this.#lines++;
    if (this.#writing) return;
    if (this.#waiting.length >= this.#options.flushCharacters) this.#write();
    else this.#timer ??= this.#options.clock.after(this.#options.flushIntervalMs, this.#flush);
  }

  /** Resolves when everything that was appended has been written or dropped; used at the end of the process. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#write();
    if (this.#writing) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    this.#closed = true;
    this.#closeDescriptor();
  }

  /** After a log rotation: writes go to a new file of the same name. */
  reopen(): void {
    if (!this.#writing) this.#closeDescriptor();
  }

  #closeDescriptor(): void {
    if (this.#descriptor === undefined || typeof this.#options.target === 'number') return;
    try {
      closeSync(this.#descriptor);
    } catch {
      // Nothing that was written is lost by this.
    }
    this.#descriptor = undefined;
  }

  #open(): number | undefined {
    try {
      this.#descriptor ??= openSync(this.#options.target as string, 'a');
    } catch {
      return undefined;
    }
    return this.#descriptor;
  }

  #write(): void {
    if (this.#writing || this.#waiting === '') return;
    const descriptor = this.#open();
    if (descriptor === undefined) {
      this.#fail(this.#takeLines());
      return;
    }
    const bytes = Buffer.from(this.#waiting, 'utf8');
    this.#waiting = '';
    this.#writing = true;
    this.#writeFrom(descriptor, bytes, 0, this.#takeLines());
  }

  #takeLines(): number {
    const lines = this.#lines;
    this.#lines = 0;
    return lines;
  }

  #writeFrom(descriptor: number, bytes: Buffer, from: number, lines: number): void {
    write(descriptor, bytes, from, bytes.length - from, null, (error, count) => {
      if (error?.code === 'EAGAIN') {
        this.#options.clock.after(10, () => this.#writeFrom(descriptor, bytes, from, lines));
        return;
      }
      if (error === null && from + count < bytes.length) {
        this.#writeFrom(descriptor, bytes, from + count, lines);
        return;
      }
      this.#writing = false;
      if (error === null) this.#options.written.add(lines);
      else this.#fail(lines);
      if (this.#waiting !== '' && error === null) this.#write();
      if (!this.#writing) for (const resolve of this.#onIdle.splice(0)) resolve();
    });
  }

  #fail(lines: number): void {
    this.#options.dropped.add(lines);
    this.#waiting = '';
    this.#closeDescriptor();
    this.#timer ??= this.#options.clock.after(retryMs, this.#flush);
  }
}
