import { writeText } from './text.ts';
import type { HessianList, HessianMap } from './value.ts';
import { ValueWriter } from './value-writer.ts';

const chunkBytesMax = 0x8000;
const end = 0x5a;

/** Writes hessian2 as it was published, which Dubbo speaks; {@link Hessian2Reader} reads it. */
export class Hessian2Writer extends ValueWriter {
  protected text(text: string): void {
    writeText(this.bytes, text);
  }

  protected double(value: number): void {
    const { bytes } = this;
    if (Object.is(value, 0)) bytes.byte(0x5b);
    else if (value === 1) bytes.byte(0x5c);
    else if (Number.isInteger(value) && value >= -0x80 && value < 0x80 && value !== 0)
      bytes.uint16(0x5d00 | (value & 0xff));
    else if (Number.isInteger(value) && value >= -0x8000 && value < 0x8000 && value !== 0) {
      bytes.byte(0x5e);
      bytes.uint16(value & 0xffff);
    } else this.plainDouble(value);
  }

  protected longInt(value: number): void {
    this.bytes.byte(0x59);
    this.bytes.uint32(value >>> 0);
  }

  protected date(date: Date): void {
    this.wide(0x4a, BigInt(date.getTime()));
  }

  protected binary(binary: Buffer): void {
    const { bytes } = this;
    let at = 0;
    for (; binary.length - at > chunkBytesMax; at += chunkBytesMax) {
      bytes.byte(0x41);
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

  protected list(list: HessianList): void {
    this.bytes.byte(list.type === '' ? 0x58 : 0x56);
    if (list.type !== '') this.text(list.type);
    this.int(list.items.length);
    for (const item of list.items) this.write(item);
  }

  protected map(map: HessianMap): void {
    this.bytes.byte(map.type === '' ? 0x48 : 0x4d);
    if (map.type !== '') this.text(map.type);
    this.entries(map);
    this.bytes.byte(end);
  }

  protected define(className: string, fields: readonly string[]): void {
    this.bytes.byte(0x43);
    this.text(className);
    this.int(fields.length);
    for (const field of fields) this.text(field);
  }

  protected beginObject(classIndex: number): void {
    if (classIndex < 0x10) this.bytes.byte(0x60 + classIndex);
    else {
      this.bytes.byte(0x4f);
      this.int(classIndex);
    }
  }
}
