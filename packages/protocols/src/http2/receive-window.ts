import type { FrameWriter } from './frame-writer.ts';

/** Data that is held for paused streams, in windows of the connection: beyond it, all streams of the connection wait. */
const heldWindowsMax = 4;

/**
 * What the peer may send on all streams together. It is given back as data arrives, held or not, so that a stream
 * that is paused does not stop the others; only when too much is held, it waits until some of that is taken.
 */
export class ReceiveWindow {
  readonly #writer: FrameWriter;
  readonly #bytes: number;
  #left: number;
  #heldBytes = 0;

  constructor(writer: FrameWriter, bytes: number) {
    this.#writer = writer;
    this.#bytes = bytes;
    this.#left = bytes;
  }

  /** False: more than the peer may send. */
  take(bytes: number): boolean {
    this.#left -= bytes;
    if (this.#left < 0) return false;
    this.#settle();
    return true;
  }

  hold(bytes: number): void {
    this.#heldBytes += bytes;
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes;
    this.#settle();
  }

  #settle(): void {
    const missing = this.#bytes - this.#left;
    if (missing * 2 < this.#bytes || this.#heldBytes > this.#bytes * heldWindowsMax) return;
    this.#left = this.#bytes;
    this.#writer.windowUpdate(0, missing);
  }
}
