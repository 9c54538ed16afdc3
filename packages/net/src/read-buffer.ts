/** What one read takes at most: the size that libuv suggests. */
const readBytesMax = 64 * 1024;
/** Reads up to this size share a slab; a receiver that keeps one of them keeps at most a slab. */
const smallReadBytes = 4 * 1024;
const slabBytes = 32 * 1024;

/**
 * The buffer that all plain sockets of a thread read into, one after the other. Node by default makes a buffer of 64 KiB
 * for every read. Here a read costs a copy, and what the receiver keeps is about as large as what arrived.
 */
export class ReadBuffer {
  readonly buffer = Buffer.allocUnsafeSlow(readBytesMax);
  #slab = Buffer.allocUnsafeSlow(slabBytes);
  #used = 0;

  /** The first `bytes` of {@link buffer}, in memory that belongs to the caller. */
  take(bytes: number): Buffer {
    const chunk = bytes <= smallReadBytes ? this.#slice(bytes) : Buffer.allocUnsafeSlow(bytes);
    this.buffer.copy(chunk, 0, 0, bytes);
    return chunk;
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
