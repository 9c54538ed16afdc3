/** {@link FrameSink.frameLength}: the bytes so far do not tell the length yet. */
export const needMore = 0;
/** {@link FrameSink.frameLength}: the peer broke the protocol; the sink has reported it and nothing more is read. */
export const refused = -1;

/** Who is given the frames: a codec. */
export interface FrameSink {
  /**
   * Length of the whole frame that begins at `at`, {@link needMore} or {@link refused}. Looks at no byte at or behind
   * `end`, refuses at the first byte that is wrong, and never answers more than its limit allows. A frame is at least as long as
   * the part that tells its length.
   */
  frameLength(bytes: Buffer, at: number, end: number): number;
  /** A whole frame: a slice of the chunk it came in, or a buffer of its own. It belongs to the sink for good. */
  onFrame(frame: Buffer): void;
  /** No further frame is wanted now; what has arrived is kept until {@link FrameSplitter.resume}. */
  readonly full: boolean;
}

/** Frames up to this size get their buffer at once; a longer one's grows with what has really arrived. */
const trustedBytes = 16 * 1024;
/** First buffer of a frame that says nowhere how long it is. */
const unknownBytes = 512;

/**
 * Cuts a stream of bytes into whole frames, the same for every way of splitting it. A frame that lies in one chunk is a
 * slice of it. One that does not is copied once (a long one at most twice): time is linear in what arrives, and memory
 * follows what has arrived, never what a peer claims, whatever the size of its chunks.
 */
export class FrameSplitter {
  readonly #sink: FrameSink;
  readonly #headBytes: number;
  /** The frame that has begun: its first `#held` bytes; `#length` is 0 until the head of the frame is whole. */
  #partial: Buffer | undefined;
  #held = 0;
  #length = 0;
  /** Chunks that wait because the sink is full, or that arrived while a frame was being handled. */
  #backlog: Buffer[] = [];
  #running = false;
  #stopped = false;

  /** `headBytes`: with so many bytes `frameLength` always knows; `Infinity`: it may only know at the end of a frame. */
  constructor(sink: FrameSink, headBytes: number) {
    this.#sink = sink;
    this.#headBytes = headBytes;
  }

  /** Bytes of a frame that is not whole. */
  get heldBytes(): number {
    return this.#held;
  }

  /** Nothing has been read that is not a frame handed on. */
  get empty(): boolean {
    return this.#held === 0 && this.#backlog.length === 0;
  }

  push(chunk: Buffer): void {
    if (this.#stopped || chunk.length === 0) return;
    if (this.#running || this.#backlog.length > 0 || this.#sink.full) {
      this.#backlog.push(chunk);
      return;
    }
    this.#running = true;
    this.#consume(chunk);
    this.#drain();
    this.#running = false;
  }

  /** Goes on with what was kept while the sink was full. */
  resume(): void {
    if (this.#running || this.#backlog.length === 0) return;
    this.#running = true;
    this.#drain();
    this.#running = false;
  }

  /** Drops everything; later bytes are ignored. */
  stop(): void {
    this.#stopped = true;
    this.#forgetPartial();
    this.#backlog = [];
  }

  /** Stops and gives back what was not handed on as a frame; undefined in the middle of handing one on. */
  detach(): Buffer | undefined {
    if (this.#running || this.#stopped) return undefined;
    const rest = this.#partial === undefined ? [] : [this.#partial.subarray(0, this.#held)];
    const bytes = Buffer.concat([...rest, ...this.#backlog]);
    this.stop();
    return bytes;
  }

  #drain(): void {
    while (this.#backlog.length > 0 && !this.#stopped && !this.#sink.full) this.#consume(this.#backlog.shift()!);
  }

  #consume(chunk: Buffer): void {
    const sink = this.#sink;
    const end = chunk.length;
    let at = this.#partial === undefined ? 0 : this.#continue(chunk);
    while (at < end && !this.#stopped) {
      if (sink.full) {
        this.#backlog.unshift(chunk.subarray(at));
        return;
      }
      const length = sink.frameLength(chunk, at, end);
      if (length === refused) {
        this.stop();
        return;
      }
      if (length === needMore || length > end - at) {
        this.#begin(chunk, at, length);
        return;
      }
      const frame = length === end ? chunk : chunk.subarray(at, at + length);
      at += length;
      sink.onFrame(frame);
    }
  }

  #begin(chunk: Buffer, at: number, length: number): void {
    const have = chunk.length - at;
    this.#length = length;
    this.#partial = Buffer.allocUnsafe(this.#capacity(have));
    this.#held = chunk.copy(this.#partial, 0, at);
  }

  /** Adds to the frame that has begun and hands it on if that makes it whole; returns the position behind it. */
  #continue(chunk: Buffer): number {
    let at = 0;
    if (this.#length === 0) {
      at = this.#take(chunk, 0, Math.min(this.#headBytes - this.#held, chunk.length));
      const length = this.#sink.frameLength(this.#partial!, 0, this.#held);
      if (length === refused) this.stop();
      if (length === refused || length === needMore) return chunk.length;
      this.#length = length;
      // A short frame may end before the longest possible head does: those bytes are the next frame's.
      if (this.#held > length) {
        at -= this.#held - length;
        this.#held = length;
      }
    }
    at = this.#take(chunk, at, Math.min(this.#length - this.#held, chunk.length - at));
    if (this.#held === this.#length) {
      const frame = this.#partial!.length === this.#length ? this.#partial! : this.#partial!.subarray(0, this.#length);
      this.#forgetPartial();
      this.#sink.onFrame(frame);
    }
    return at;
  }

  #take(chunk: Buffer, at: number, count: number): number {
    const needed = this.#held + count;
    if (needed > this.#partial!.length) {
      const grown = Buffer.allocUnsafe(this.#capacity(needed));
      this.#partial!.copy(grown, 0, 0, this.#held);
      this.#partial = grown;
    }
    chunk.copy(this.#partial!, this.#held, at, at + count);
    this.#held = needed;
    return at + count;
  }

  #capacity(needed: number): number {
    if (this.#length === needMore) return Math.min(this.#headBytes, Math.max(unknownBytes, needed * 2));
    return this.#length <= trustedBytes ? this.#length : Math.min(this.#length, Math.max(trustedBytes, needed * 2));
  }

  #forgetPartial(): void {
    this.#partial = undefined;
    this.#held = 0;
    this.#length = 0;
  }
}
