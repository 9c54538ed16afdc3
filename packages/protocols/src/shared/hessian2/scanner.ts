import { readUint16, readUint32 } from '../byte-writer.ts';
import { skipText } from './text.ts';

/** Limits on one scan: what a proxy is ready to look through to find what lies behind. */
export interface ScanLimits {
  readonly depthMax: number;
  /** Values in all, those within others included. */
  readonly valuesMax: number;
  readonly classesMax: number;
  readonly fieldsPerClassMax: number;
}

export const defaultScanLimits: ScanLimits = {
  depthMax: 64,
  valuesMax: 10_000,
  classesMax: 64,
  fieldsPerClassMax: 128,
};

const noBytes = Buffer.alloc(0);

/**
 * Walks over hessian2 values without building them (http://hessian.caucho.com/doc/hessian-serialization.html). Nothing is
 * allocated by what a peer claims: a count that cannot fit the bytes that are left ends the scan. Used for one message at a time; a
 * scan that failed stays failed until {@link begin}.
 */
export class Hessian2Scanner {
  readonly #limits: ScanLimits;
  #bytes: Buffer = noBytes;
  #end = 0;
  #values = 0;
  /** Lists, maps and objects so far: a reference must point to one of them. */
  #references = 0;
  /** Type names written so far, which later lists and maps name by number. */
  #types = 0;
  /** Number of fields of each class defined so far. */
  #classes: number[] = [];

  /** Position of the next value; -1 after a failure. */
  at = 0;
  /** Bytes of the last string that {@link text} read. */
  textStart = 0;
  textEnd = 0;

  constructor(limits: ScanLimits = defaultScanLimits) {
    this.#limits = limits;
  }

  begin(bytes: Buffer, at: number, end: number): void {
    this.#bytes = bytes;
    this.#end = end;
    this.at = at;
    this.#values = 0;
    this.#references = 0;
    this.#types = 0;
    if (this.#classes.length > 0) this.#classes = [];
  }

  /** Lets go of the bytes. */
  release(): void {
    this.#bytes = noBytes;
    this.#end = 0;
    this.at = -1;
  }

  /** The next byte without passing it; -1 at the end. */
  peek(): number {
    return this.at >= 0 && this.at < this.#end ? this.#bytes[this.at]! : -1;
  }

  /** Passes one byte that {@link peek} has shown. */
  skipByte(): void {
    this.at++;
  }

  /** Passes a string of one chunk (up to 65,535 units) and notes where its bytes lie; false when there is none here. */
  text(): boolean {
    const units = this.#textUnits();
    if (units < 0) return this.#fail();
    this.textStart = this.at;
    this.at = skipText(this.#bytes, this.at, this.#end, units);
    this.textEnd = this.at;
    return this.at >= 0;
  }

  /** Passes one value, whatever it is; false when it is broken, goes on behind the end or exceeds a limit. */
  skipValue(): boolean {
    return this.#value(this.#limits.depthMax);
  }

  /** Passes the type of a list or map: a name, or the number of one that was there before. */
  skipType(): boolean {
    const code = this.peek();
    if (code < 0x20 || (code >= 0x30 && code < 0x34) || code === 0x53) {
      this.#types++;
      return this.text();
    }
    const index = this.#int();
    return (index >= 0 && index < this.#types) || this.#fail();
  }

  #fail(): false {
    this.at = -1;
    return false;
  }

  /** Passes the head of a final string chunk: its length, or -1. */
  #textUnits(): number {
    const code = this.peek();
    if (code < 0) return -1;
    if (code < 0x20) {
      this.at += 1;
      return code;
    }
    if (code >= 0x30 && code < 0x34 && this.#has(2)) {
      this.at += 2;
      return ((code - 0x30) << 8) | this.#bytes[this.at - 1]!;
    }
    if (code === 0x53 && this.#has(3)) {
      this.at += 3;
      return readUint16(this.#bytes, this.at - 2);
    }
    return -1;
  }

  #has(count: number): boolean {
    return this.at >= 0 && this.at + count <= this.#end;
  }

  #skip(count: number): boolean {
    if (!this.#has(count)) return this.#fail();
    this.at += count;
    return true;
  }

  #value(depth: number): boolean {
    if (++this.#values > this.#limits.valuesMax || depth === 0) return this.#fail();
    const code = this.peek();
    if (code < 0) return this.#fail();
    // Most of what there is: short texts, then int and long near zero.
    if (code < 0x20) return this.text();
    if ((code >= 0x80 && code <= 0xbf) || (code >= 0xd8 && code <= 0xef)) return this.#skip(1);
    if (code >= 0xc0 && code <= 0xcf) return this.#skip(2);
    if (code >= 0xd0 && code <= 0xd7) return this.#skip(3);
    if (code >= 0xf0) return this.#skip(2);
    if (code < 0x30) return this.#skip(1 + code - 0x20);
    if (code <= 0x33) return this.text();
    if (code <= 0x37) return this.#has(2) ? this.#skip(2 + (((code - 0x34) << 8) | this.#next())) : this.#fail();
    if (code <= 0x3f) return this.#skip(3);
    if (code >= 0x60 && code <= 0x6f) return this.#skip(1) && this.#fields(code - 0x60, depth);
    if (code >= 0x70 && code <= 0x77) return this.#skip(1) && this.skipType() && this.#items(code - 0x70, depth);
    if (code >= 0x78 && code <= 0x7f) return this.#skip(1) && this.#items(code - 0x78, depth);
    return this.#lettered(code, depth);
  }

  #next(): number {
    return this.#bytes[this.at + 1]!;
  }

  #lettered(code: number, depth: number): boolean {
    switch (code) {
      case 0x4e: // null
      case 0x54: // true
      case 0x46: // false
      case 0x5b: // 0.0
      case 0x5c: // 1.0
        return this.#skip(1);
      case 0x5d: // double of 8 bits
        return this.#skip(2);
      case 0x5e: // double of 16 bits
        return this.#skip(3);
      case 0x49: // int
      case 0x59: // long of 32 bits
      case 0x5f: // double in thousandths
      case 0x4b: // date in minutes
        return this.#skip(5);
      case 0x4c: // long
      case 0x44: // double
      case 0x4a: // date in milliseconds
        return this.#skip(9);
      case 0x53:
      case 0x52:
        return this.#longText();
      case 0x41:
      case 0x42:
        return this.#binary();
      case 0x43:
        return this.#skip(1) && this.#defineClass() && this.#value(depth);
      case 0x4f:
        return this.#skip(1) && this.#fields(this.#int(), depth);
      case 0x51:
        return this.#skip(1) && this.#reference();
      case 0x48:
        return this.#skip(1) && this.#entries(depth);
      case 0x4d:
        return this.#skip(1) && this.skipType() && this.#entries(depth);
      case 0x55:
        return this.#skip(1) && this.skipType() && this.#untilEnd(depth);
      case 0x57:
        return this.#skip(1) && this.#untilEnd(depth);
      case 0x56:
        return this.#skip(1) && this.skipType() && this.#items(this.#int(), depth);
      case 0x58:
        return this.#skip(1) && this.#items(this.#int(), depth);
      default:
        return this.#fail();
    }
  }

  /** Chunks of a string: `R` and more to come, until a final one. */
  #longText(): boolean {
    while (this.peek() === 0x52) {
      if (!this.#has(3)) return this.#fail();
      const units = readUint16(this.#bytes, this.at + 1);
      this.at = skipText(this.#bytes, this.at + 3, this.#end, units);
    }
    return this.text();
  }

  #binary(): boolean {
    while (this.peek() === 0x41) {
      if (!this.#has(3) || !this.#skip(3 + readUint16(this.#bytes, this.at + 1))) return this.#fail();
    }
    const code = this.peek();
    if (code === 0x42) return this.#has(3) ? this.#skip(3 + readUint16(this.#bytes, this.at + 1)) : this.#fail();
    if (code >= 0x20 && code < 0x30) return this.#skip(1 + code - 0x20);
    if (code >= 0x34 && code < 0x38 && this.#has(2)) return this.#skip(2 + (((code - 0x34) << 8) | this.#next()));
    return this.#fail();
  }

  /** An int that is a count or an index; -1 for anything else, so that a negative one is refused. */
  #int(): number {
    const code = this.peek();
    if (code >= 0x80 && code <= 0xbf) {
      this.at += 1;
      return code - 0x90;
    }
    if (code >= 0xc0 && code <= 0xcf && this.#has(2)) {
      this.at += 2;
      return ((code - 0xc8) << 8) | this.#bytes[this.at - 1]!;
    }
    if (code >= 0xd0 && code <= 0xd7 && this.#has(3)) {
      this.at += 3;
      return ((code - 0xd4) << 16) | readUint16(this.#bytes, this.at - 2);
    }
    if (code === 0x49 && this.#has(5)) {
      this.at += 5;
      return readUint32(this.#bytes, this.at - 4) | 0;
    }
    return -1;
  }

  #defineClass(): boolean {
    if (!this.text()) return false;
    const fields = this.#int();
    if (fields < 0 || fields > this.#limits.fieldsPerClassMax) return this.#fail();
    if (this.#classes.length >= this.#limits.classesMax) return this.#fail();
    this.#classes.push(fields);
    for (let field = 0; field < fields; field++) if (!this.text()) return false;
    return true;
  }

  #fields(classIndex: number, depth: number): boolean {
    const fields = this.#classes[classIndex];
    if (fields === undefined) return this.#fail();
    return this.#items(fields, depth);
  }

  /** `count` values of a list or an object. */
  #items(count: number, depth: number): boolean {
    this.#references++;
    if (count < 0 || !this.#has(count)) return this.#fail();
    for (let item = 0; item < count; item++) if (!this.#value(depth - 1)) return false;
    return true;
  }

  #untilEnd(depth: number): boolean {
    this.#references++;
    while (this.peek() !== 0x5a) if (!this.#value(depth - 1)) return false;
    return this.#skip(1);
  }

  #entries(depth: number): boolean {
    this.#references++;
    while (this.peek() !== 0x5a) if (!this.#value(depth - 1) || !this.#value(depth - 1)) return false;
    return this.#skip(1);
  }

  #reference(): boolean {
    const index = this.#int();
    return (index >= 0 && index < this.#references) || this.#fail();
  }
}
