/** What one read takes at most: the size that libuv suggests. */
const readBytesMax = 64 * 1024;
/** Reads up to this size share a slab; a receiver that keeps one of them keeps at most a slab. */
const smallReadBytes = 4 * 1024;
const slabBytes = 32 * 1024;
/** Reads above this size get a buffer that can take any, so that it can be used again. */
const wholeReadBytes = 32 * 1024;
/** Buffers for such reads that are kept when they are given back: few, so that they stay in the processor's cache. */
const spareBuffersMax = 4;
/** What may have been handed out since the last collection before another one is asked for. */
const collectEveryBytes = 8 * 1024 * 1024;

/**
 * The buffer that all plain sockets of a thread read into, one after the other. Node by default makes a buffer of 64 KiB
 * for every read. Here a read costs a copy, and what the receiver keeps is about as large as what arrived.
 *
 * Nearly all that is handed out is dropped within a turn or two, but V8 frees the memory behind buffers no sooner than it
 * collects the tiny objects in front of it: by itself when 64 MiB have piled up. So a collection is asked for earlier.
 */
export class ReadBuffer {
  readonly buffer = Buffer.allocUnsafeSlow(readBytesMax);
  #slab = Buffer.allocUnsafeSlow(slabBytes);
  #used = 0;
  #sinceCollection = 0;
  readonly #spare: ArrayBuffer[] = [];
  readonly #collectYoung: () => void;

  /** `collectYoung` frees the memory of buffers that are not used any more. */
  constructor(collectYoung: () => void = () => {}) {
    this.#collectYoung = collectYoung;
  }

  /** The first `bytes` of {@link buffer}, in memory that belongs to the caller. */
  take(bytes: number): Buffer {
    const chunk = bytes > wholeReadBytes ? this.#whole(bytes) : this.#part(bytes);
    this.buffer.copy(chunk, 0, 0, bytes);
    return chunk;
  }

  /** Nobody holds any part of the memory behind `chunk` any more. */
  giveBack({ buffer, byteOffset }: Buffer): void {
    if (buffer.byteLength !== readBytesMax || byteOffset > 0 || this.#spare.length >= spareBuffersMax) return;
    if (buffer instanceof ArrayBuffer) this.#spare.push(buffer);
  }

  /** So many bytes came in buffers of Node's, as those of TLS do. They die as young. */
  count(bytes: number): void {
    this.#sinceCollection += bytes;
    if (this.#sinceCollection < collectEveryBytes) return;
    this.#sinceCollection = 0;
    this.#collectYoung();
  }

  #whole(bytes: number): Buffer {
    const spare = this.#spare.pop();
    if (spare !== undefined) return Buffer.from(spare, 0, bytes);
    this.count(readBytesMax);
    return Buffer.allocUnsafeSlow(readBytesMax).subarray(0, bytes);
  }

  #part(bytes: number): Buffer {
    this.count(bytes);
    return bytes <= smallReadBytes ? this.#slice(bytes) : Buffer.allocUnsafeSlow(bytes);
  }

  #slice(bytes: number): Buffer {
    if (this.#used + bytes > slabBytes) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used = start + bytes;
    return this.#slab.subarray(start, start + bytes);
  }
}
