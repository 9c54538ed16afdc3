import { ByteWriter } from '../byte-writer.ts';
import { HessianDouble, HessianList, HessianMap, HessianObject, type HessianValue } from './value.ts';

/** The codes in which the two forms of hessian2 differ, for values that are otherwise written alike. */
interface ValueCodes {
  /** Of the double 0; those of 1, of a double in one byte and of one in two follow it. */
  readonly zero: number;
  /** Of a long of 32 bits that does not fit a shorter form. */
  readonly longInt: number;
  readonly date: number;
  /** Of a piece of binary data that is not its last. */
  readonly chunk: number;
}

/** Of binary data, as Hessian 3.1 writes it. */
const chunkBytesMax = 0x8000;

/**
 * What the two forms of hessian2 have in common. Values are written as a tree: what occurs twice is written twice, and
 * references are never made. A value must not contain itself.
 */
export abstract class ValueWriter {
  protected readonly bytes: ByteWriter;
  /** `name`, zero, and the names of the fields: which number a class has. */
  readonly #classes = new Map<string, number>();

  constructor(bytes = new ByteWriter()) {
    this.bytes = bytes;
  }

  protected abstract readonly codes: ValueCodes;
  protected abstract text(text: string): void;
  protected abstract list(list: HessianList): void;
  protected abstract map(map: HessianMap): void;
  protected abstract define(className: string, fields: readonly string[]): void;
  protected abstract beginObject(classIndex: number): void;

  write(value: HessianValue): void {
    switch (typeof value) {
      case 'boolean':
        this.bytes.byte(value ? 0x54 : 0x46);
        return;
      case 'number':
        if (Number.isInteger(value) && value === (value | 0) && !Object.is(value, -0)) this.int(value);
        else this.#double(value);
        return;
      case 'bigint':
        this.#long(value);
        return;
      case 'string':
        this.text(value);
        return;
    }
    if (value === null) this.bytes.byte(0x4e);
    else if (value instanceof HessianDouble) this.#double(value.value);
    else if (value instanceof HessianList) this.list(value);
    else if (value instanceof HessianMap) this.map(value);
    else if (value instanceof HessianObject) this.#object(value);
    else if (value instanceof Date) this.#wide(this.codes.date, BigInt(value.getTime()));
    else this.#binary(value);
  }

  /** All that was written; nothing may be written afterwards. */
  finish(): Buffer {
    return this.bytes.finish();
  }

  protected int(value: number): void {
    const { bytes } = this;
    if (value >= -16 && value <= 47) bytes.byte(value + 0x90);
    else if (value >= -0x800 && value <= 0x7ff) bytes.uint16(((value >> 8) + 0xc8) * 256 + (value & 0xff));
    else if (value >= -0x40000 && value <= 0x3ffff) {
      bytes.byte((value >> 16) + 0xd4);
      bytes.uint16(value & 0xffff);
    } else {
      bytes.byte(0x49);
      bytes.uint32(value >>> 0);
    }
  }

  protected entries(map: HessianMap): void {
    for (const [key, value] of map.entries) {
      this.write(key);
      this.write(value);
    }
  }

  #double(value: number): void {
    const { bytes, codes } = this;
    if (Object.is(value, 0)) bytes.byte(codes.zero);
    else if (value === 1) bytes.byte(codes.zero + 1);
    else if (Number.isInteger(value) && value >= -0x80 && value < 0x80 && value !== 0) {
      bytes.byte(codes.zero + 2);
      bytes.byte(value & 0xff);
    } else if (Number.isInteger(value) && value >= -0x8000 && value < 0x8000 && value !== 0) {
      bytes.byte(codes.zero + 3);
      bytes.uint16(value & 0xffff);
    } else {
      const whole = Buffer.alloc(9);
      whole[0] = 0x44;
      whole.writeDoubleBE(value, 1);
      bytes.copy(whole, 0, 9);
    }
  }

  #binary(binary: Buffer): void {
    const { bytes } = this;
    let at = 0;
    for (; binary.length - at > chunkBytesMax; at += chunkBytesMax) {
      bytes.byte(this.codes.chunk);
      bytes.uint16(chunkBytesMax);
      bytes.copy(binary, at, at + chunkBytesMax);
    }
    const rest = binary.length - at;
    if (rest < 0x10) bytes.byte(0x20 + rest);
    else {
      bytes.byte(0x42);
      bytes.uint16(rest);
    }
    bytes.copy(binary, at, binary.length);
  }

  #wide(code: number, value: bigint): void {
    const bytes = Buffer.alloc(9);
    bytes[0] = code;
    bytes.writeBigInt64BE(value, 1);
    this.bytes.copy(bytes, 0, 9);
  }

  #long(value: bigint): void {
    const { bytes } = this;
    if (value < -0x8000_0000n || value > 0x7fff_ffffn) {
      this.#wide(0x4c, value);
      return;
    }
    const number = Number(value);
    if (number >= -8 && number <= 15) bytes.byte(number + 0xe0);
    else if (number >= -0x800 && number <= 0x7ff) bytes.uint16(((number >> 8) + 0xf8) * 256 + (number & 0xff));
    else if (number >= -0x40000 && number <= 0x3ffff) {
      bytes.byte((number >> 16) + 0x3c);
      bytes.uint16(number & 0xffff);
    } else {
      bytes.byte(this.codes.longInt);
      bytes.uint32(number >>> 0);
    }
  }

  #object(object: HessianObject): void {
    const key = `${object.className}\0${object.fields.join('\0')}`;
    let index = this.#classes.get(key);
    if (index === undefined) {
      index = this.#classes.size;
      this.#classes.set(key, index);
      this.define(object.className, object.fields);
    }
    this.beginObject(index);
    for (const value of object.values) this.write(value);
  }
}
