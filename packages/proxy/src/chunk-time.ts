import type { Clock } from '@sofamesh/base/clock';

const notReading = -1;
const unknownMs = -2;

/**
 * What time it is for a connection: while a chunk is decoded the time at which it came, so that all that one chunk brings, and there may be
 * a hundred calls in it, costs one look at the clock.
 */
export class ChunkTime {
  readonly #clock: Clock;
  #ms = notReading;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  beginChunk(): void {
    this.#ms = unknownMs;
  }

  endChunk(): void {
    this.#ms = notReading;
  }

  now(): number {
    if (this.#ms >= 0) return this.#ms;
    const nowMs = this.#clock.now();
    if (this.#ms === unknownMs) this.#ms = nowMs;
    return nowMs;
  }
}
