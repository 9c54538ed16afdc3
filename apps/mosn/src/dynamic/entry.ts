import type { Any } from '@bufbuild/protobuf/wkt';
import type { Timer } from '@sofamesh/base/clock';

/** One version of a resource: as it came, and as it was read. */
export interface Stored<Read> {
  readonly any: Any;
  readonly read: Read;
  /** Of the content; what the engine compares. */
  readonly contentVersion: string;
  /** Of the response that brought it; empty for static resources. */
  readonly versionInfo: string;
  readonly lastUpdatedMs: number;
}

/** The last version that was refused; forgotten when a later one is accepted. */
export interface Failure {
  readonly versionInfo: string;
  readonly lastAttemptMs: number;
  readonly details: string;
}

/** A named resource with the version in use and the one that waits for what it needs. */
export class Entry<Read> {
  readonly name: string;
  readonly isStatic: boolean;
  active: Stored<Read> | undefined;
  warming: Stored<Read> | undefined;
  failure: Failure | undefined;
  /** What it waits for did not come in time: it goes on without. */
  timedOut = false;
  #timer: Timer | undefined;

  constructor(name: string, isStatic: boolean) {
    this.name = name;
    this.isStatic = isStatic;
  }

  get newest(): Stored<Read> | undefined {
    return this.warming ?? this.active;
  }

  warm(stored: Stored<Read>): void {
    this.stopWaiting();
    this.warming = stored;
    this.failure = undefined;
  }

  /** Starts to wait, unless it does already; `start` makes the timer. */
  waitFor(start: () => Timer | undefined): void {
    if (!this.timedOut) this.#timer ??= start();
  }

  /** The warming version is in use. */
  activate(): void {
    this.active = this.warming;
    this.warming = undefined;
    this.stopWaiting();
  }

  /** The warming version is refused; the active one goes on. */
  fail(details: string, nowMs: number): void {
    this.failure = { versionInfo: this.warming?.versionInfo ?? '', lastAttemptMs: nowMs, details };
    this.warming = undefined;
    this.stopWaiting();
  }

  stopWaiting(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.timedOut = false;
  }
}
