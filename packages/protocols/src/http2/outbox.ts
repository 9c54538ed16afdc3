import type { Headers } from '@sofamesh/contract/message';

/** A stream with as much waiting takes no more, until half of it has left. */
export const outboxBytesMax = 64 * 1024;

const nothing = Buffer.alloc(0);

/** Data of one stream that waits for the peer's windows. */
export class Outbox {
  readonly #chunks: Buffer[] = [];
  bytes = 0;
  /** The last chunk is the last of the message. */
  #ends = false;
  /** Sent when all data is. */
  trailers: Headers | undefined = undefined;
  /** It was full, and nobody has been told yet that it takes more again. */
  wasFull = false;

  push(chunk: Buffer, end: boolean): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
    this.bytes += chunk.length;
    this.#ends = end;
    if (this.bytes >= outboxBytesMax) this.wasFull = true;
  }

  /** Nothing is left but the end of the message. */
  get onlyEnds(): boolean {
    return this.#ends && this.bytes === 0;
  }

  get first(): Buffer {
    return this.#chunks[0] ?? nothing;
  }

  /** Takes so many octets of the first chunk; true when they are the last of the message. */
  takeFirst(length: number): boolean {
    const chunk = this.#chunks[0]!;
    this.bytes -= length;
    if (length < chunk.length) {
      this.#chunks[0] = chunk.subarray(length);
      return false;
    }
    this.#chunks.shift();
    return this.#ends && this.#chunks.length === 0;
  }
}
