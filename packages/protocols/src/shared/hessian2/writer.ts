import { writeText } from './text.ts';
import type { HessianList, HessianMap } from './value.ts';
import { ValueWriter } from './value-writer.ts';

const end = 0x5a;

/** Writes hessian2 as it was published, which Dubbo speaks; {@link Hessian2Reader} reads it. */
export class Hessian2Writer extends ValueWriter {
  protected readonly codes = { zero: 0x5b, longInt: 0x59, date: 0x4a, chunk: 0x41 };

  protected text(text: string): void {
    writeText(this.bytes, text);
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
