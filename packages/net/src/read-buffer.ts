/** What one read takes at most: the size that libuv suggests. */
const readBytesMax = 64 * 1024;
/** Reads up to this size share a slab; a receiver that keeps one of them keeps at most a slab. */
const smallReadBytes = 4 * 1024;
const slabBytes = 32 * 1024;
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
  readonly #collectYoung: () => void;

  /** `collectYoung` frees the memory of buffers that are not used any more. */
  constructor(collectYoung: () => void = () => {}) {
    this.#collectYoung = collectYoung;
  }

  /** The first `bytes` of {@link buffer}, in memory that belongs to the caller. */
  take(bytes: number): Buffer {
    this.count(bytes);
    const chunk = bytes <= smallReadBytes ? this.#slice(bytes) : Buffer.allocUnsafeSlow(bytes);
    this.buffer.copy(chunk, 0, 0, bytes);
    return chunk;
  }

  /** So many bytes came in buffers of Node's, as those of TLS do. They die as young. */
  count(bytes: number): void {
    this.#sinceCollection += bytes;
    if (this.#sinceCollection < collectEveryBytes) return;
    this.#sinceCollection = 0;
    this.#collectYoung();
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
