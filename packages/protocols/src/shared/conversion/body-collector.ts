/** Collects a body up to a limit. */
export class BodyCollector {
  readonly bytesMax: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** False: with this chunk the body is too long. */
  add(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > this.bytesMax) {
      this.#chunks = [];
      return false;
    }
    if (chunk.length > 0) this.#chunks.push(chunk);
    return true;
  }

  /** All of it; the collector keeps nothing. */
  take(): Buffer {
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  }
}
