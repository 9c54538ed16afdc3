const prefixBytes = 5;

/**
 * Counts gRPC's messages as they pass, however they are split: each begins with a byte of flags and the length in four
 * (gRPC over HTTP/2, Length-Prefixed-Message). What is in them is skipped.
 */
export class GrpcMessageCounter {
  #prefixRead = 0;
  #length = 0;
  #left = 0;

  /** Messages whose prefix is complete with this chunk. */
  count(chunk: Uint8Array): number {
    let messages = 0;
    for (let at = 0; at < chunk.length; ) {
      if (this.#left > 0) {
        const skipped = Math.min(this.#left, chunk.length - at);
        this.#left -= skipped;
        at += skipped;
        continue;
      }
      if (this.#prefixRead > 0) this.#length = this.#length * 256 + chunk[at]!;
      at++;
      if (++this.#prefixRead < prefixBytes) continue;
      messages++;
      this.#left = this.#length;
      this.#prefixRead = 0;
      this.#length = 0;
    }
    return messages;
  }
}
