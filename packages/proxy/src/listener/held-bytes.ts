const nothing = Buffer.alloc(0);

/** Bytes that were read and are not passed on yet. Grows by doubling, so that many small pieces cost no more than few. */
export class HeldBytes {
  #buffer: Buffer = nothing;
  #start = 0;
  #end = 0;

  get bytes(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end);
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    const length = this.#end - this.#start;
    if (length === 0) {
      this.#buffer = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      return;
    }
    if (this.#buffer.length - this.#end < chunk.length) {
      const grown = Buffer.allocUnsafeSlow(2 * (length + chunk.length));
      this.#buffer.copy(grown, 0, this.#start, this.#end);
      this.#buffer = grown;
      this.#start = 0;
      this.#end = length;
    }
    chunk.copy(this.#buffer, this.#end);
    this.#end += chunk.length;
  }

  /** The first `count` bytes are used up. */
  drop(count: number): void {
    this.#start = Math.min(this.#start + count, this.#end);
  }
}
