import { ByteWriter } from '../byte-writer.ts';

/** How a block of headers is written: pairs of a key and a value, each behind its length. */
export class HeaderEntries {
  readonly #keySize: number;
  readonly #valueSize: number;
  readonly #nulls: boolean;
  readonly #little: boolean;
  /** Of the entry that was read last. */
  #keyStart = 0;
  #keyEnd = 0;
  #valueStart = 0;
  #valueEnd = 0;
  #isNull = false;

  constructor(keySize: number, valueSize: number, nulls: boolean, little: boolean) {
    this.#keySize = keySize;
    this.#valueSize = valueSize;
    this.#nulls = nulls;
    this.#little = little;
  }

  /** Whether it can be read to its end and has no more entries than this. */
  holds(block: Buffer, entriesMax: number): boolean {
    let count = 0;
    for (let at = 0; at < block.length; ) {
      at = this.#read(block, at);
      if (at < 0 || ++count > entriesMax) return false;
    }
    return true;
  }

  /** Every pair of which no half is null, as far as the block can be read. */
  visit(block: Buffer, visitor: (name: string, value: string) => void): void {
    for (let at = 0; at < block.length; ) {
      at = this.#read(block, at);
      if (at < 0) return;
      if (!this.#isNull) visitor(this.#name(block), block.toString('utf8', this.#valueStart, this.#valueEnd));
    }
  }

  /**
   * The block with these headers in it, where several of one name are one value joined by ",". What is as it was keeps its
   * bytes. Undefined where a key or value is too long for its length.
   */
  edit(block: Buffer, headers: readonly (readonly [name: string, value: string])[]): Buffer | undefined {
    const wanted = joinedByName(headers);
    const received: [string, string][] = [];
    this.visit(block, (name, value) => received.push([name, value]));
    const before = joinedByName(received);
    const writer = new ByteWriter(block.length + 256);
    const done = new Set<string>();
    let fits = true;
    for (let at = 0; at < block.length; ) {
      const next = this.#read(block, at);
      if (next < 0) break;
      const name = this.#isNull ? undefined : this.#name(block);
      const value = name === undefined ? undefined : wanted.get(name);
      if (name === undefined || (value !== undefined && value === before.get(name))) writer.copy(block, at, next);
      else if (value !== undefined && !done.has(name)) {
        fits &&= this.#write(writer, block.toString('utf8', this.#keyStart, this.#keyEnd), value);
      }
      if (name !== undefined) done.add(name);
      at = next;
    }
    for (const [name, value] of wanted) if (!done.has(name)) fits &&= this.#write(writer, name, value);
    return fits ? writer.finish() : undefined;
  }

  /** Reads the entry at `at` and returns the position behind it; negative where it is broken. */
  #read(block: Buffer, at: number): number {
    const key = this.#length(block, at, this.#keySize);
    if (key === undefined) return -1;
    this.#keyStart = at + this.#keySize;
    this.#keyEnd = this.#keyStart + Math.max(0, key);
    const value = this.#length(block, this.#keyEnd, this.#valueSize);
    if (value === undefined) return -1;
    this.#valueStart = this.#keyEnd + this.#valueSize;
    this.#valueEnd = this.#valueStart + Math.max(0, value);
    this.#isNull = key < 0 || value < 0;
    return this.#valueEnd <= block.length ? this.#valueEnd : -1;
  }

  /** Negative: null. Undefined: it is not there. */
  #length(block: Buffer, at: number, size: number): number | undefined {
    if (at + size > block.length) return undefined;
    const length = this.#little ? block.readUIntLE(at, size) : block.readUIntBE(at, size);
    return this.#nulls && length === 2 ** (8 * size) - 1 ? -1 : length;
  }

  #name(block: Buffer): string {
    return block.toString('utf8', this.#keyStart, this.#keyEnd).toLowerCase();
  }

  #write(writer: ByteWriter, key: string, value: string): boolean {
    return this.#writeText(writer, key, this.#keySize) && this.#writeText(writer, value, this.#valueSize);
  }

  #writeText(writer: ByteWriter, text: string, size: number): boolean {
    const length = Buffer.byteLength(text);
    if (length > 2 ** (8 * size) - (this.#nulls ? 2 : 1)) return false;
    for (let at = 0; at < size; at++) {
      const place = this.#little ? at : size - 1 - at;
      writer.byte((length >>> (8 * place)) & 0xff);
    }
    writer.utf8(text);
    return true;
  }
}

function joinedByName(headers: readonly (readonly [name: string, value: string])[]): Map<string, string> {
  const joined = new Map<string, string>();
  for (const [name, value] of headers) {
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before},${value}`);
  }
  return joined;
}
