const lengthDelimited = 2;
/** Bytes of a value by its wire type, where it says no length: 64 and 32 bits. */
const fixedLengths: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

/**
 * Walks over the fields of an encoded message. It is the library's reader without the library, which describes its own
 * messages while it is loaded. Throws a RangeError when the message ends within a field or has groups.
 */
export class FieldScan {
  readonly bytes: Uint8Array;
  readonly #end: number;
  /** Of the field that {@link next} came to: where it begins, with its number, and where its content does. */
  start = 0;
  contentStart: number;
  /** Where it ends, and the next one begins. */
  contentEnd: number;
  number = 0;

  /** `from`, `to`: where the message lies in `bytes`. */
  constructor(bytes: Uint8Array, from = 0, to = bytes.length) {
    this.bytes = bytes;
    this.#end = to;
    this.contentStart = from;
    this.contentEnd = from;
  }

  /** False behind the last field. */
  next(): boolean {
    this.start = this.contentEnd;
    if (this.start >= this.#end) return false;
    this.contentStart = this.start;
    const tag = this.#varint();
    this.number = tag >>> 3;
    const wireType = tag & 7;
    if (wireType === lengthDelimited) {
      const length = this.#varint();
      this.contentEnd = this.contentStart + length;
    } else if (wireType === 0) {
      this.contentEnd = this.#endOfVarint();
    } else {
      this.contentEnd = this.contentStart + (fixedLengths[wireType] ?? Number.NaN);
    }
    if (!(this.contentEnd <= this.#end)) throw new RangeError(`no field of a message at byte ${this.start}`);
    return true;
  }

  /** The fields of the message that this field's content is. */
  inside(): FieldScan {
    return new FieldScan(this.bytes, this.contentStart, this.contentEnd);
  }

  /** With its number and length. */
  whole(): Uint8Array {
    return this.bytes.subarray(this.start, this.contentEnd);
  }

  isTrue(): boolean {
    return this.bytes[this.contentStart] !== 0;
  }

  text(): string {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset).toString('utf8', this.contentStart, this.contentEnd);
  }

  /** Reads one of at most 32 bits. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35 && this.contentStart < this.#end; shift += 7) {
      const byte = this.bytes[this.contentStart++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    return Number.NaN;
  }

  #endOfVarint(): number {
    let at = this.contentStart;
    while (at < this.#end && this.bytes[at]! >= 0x80) at++;
    return at + 1;
  }
}
