import type { FrameKind } from './frame.ts';

const frameBytesMax = 1 << 16;

/** Called with the buffer that holds the frame, and where it begins and ends in it. */
export type FrameListener = (bytes: Buffer, start: number, end: number) => void;

/** Cuts a byte stream of frames of one kind. Throws an Error on what is not such a frame. */
export class FrameScanner {
  readonly #kind: FrameKind;
  readonly #onFrame: FrameListener;
  readonly #begun = Buffer.alloc(frameBytesMax);
  #begunBytes = 0;

  constructor(kind: FrameKind, onFrame: FrameListener) {
    this.#kind = kind;
    this.#onFrame = onFrame;
  }

  scan(chunk: Buffer): void {
    const { headBytes } = this.#kind;
    let at = this.#begunBytes === 0 ? 0 : this.#finishBegun(chunk);
    while (chunk.length - at >= headBytes) {
      const end = at + this.#frameBytes(chunk, at);
      if (end > chunk.length) break;
      this.#onFrame(chunk, at, end);
      at = end;
    }
    if (at < chunk.length) this.#take(chunk, at, chunk.length - at);
  }

  /** Completes the frame whose first bytes came earlier; returns how much of `chunk` it took. */
  #finishBegun(chunk: Buffer): number {
    const { headBytes } = this.#kind;
    let at = 0;
    if (this.#begunBytes < headBytes) at = this.#take(chunk, 0, headBytes - this.#begunBytes);
    if (this.#begunBytes < headBytes) return at;
    const frameBytes = this.#frameBytes(this.#begun, 0);
    at = this.#take(chunk, at, frameBytes - this.#begunBytes);
    if (this.#begunBytes < frameBytes) return at;
    this.#begunBytes = 0;
    this.#onFrame(this.#begun, 0, frameBytes);
    return at;
  }

  /** Keeps up to `wanted` bytes of the chunk; returns where it stopped. */
  #take(chunk: Buffer, at: number, wanted: number): number {
    const taken = chunk.copy(this.#begun, this.#begunBytes, at, at + wanted);
    this.#begunBytes += taken;
    return at + taken;
  }

  #frameBytes(bytes: Buffer, at: number): number {
    const length = this.#kind.frameBytes(bytes, at);
    if (length > frameBytesMax) throw new Error(`a frame of ${length} bytes`);
    return length;
  }
}
