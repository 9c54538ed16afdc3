import { writeUnits } from './text.ts';
import type { HessianList, HessianMap } from './value.ts';
import { ValueWriter } from './value-writer.ts';

/** Units of a text, as Hessian 3.1 writes it. */
const chunkMax = 0x8000;
const end = 0x7a;

/** Writes hessian2 in the draft that SOFARPC kept; {@link Hessian2DraftReader} reads it and shows the codes. */
export class Hessian2DraftWriter extends ValueWriter {
  protected readonly codes = { zero: 0x67, longInt: 0x77, date: 0x64, chunk: 0x62 };

  protected text(text: string): void {
    const { bytes } = this;
    let rest = text;
    while (rest.length > chunkMax) {
      bytes.byte(0x73);
      bytes.uint16(chunkMax);
      writeUnits(bytes, rest.slice(0, chunkMax));
      rest = rest.slice(chunkMax);
    }
    if (rest.length < 0x20) bytes.byte(rest.length);
    else {
      bytes.byte(0x53);
      bytes.uint16(rest.length);
    }
    writeUnits(bytes, rest);
  }

  protected list({ type, items }: HessianList): void {
    const { bytes } = this;
    bytes.byte(0x56);
    this.#type(type);
    if (items.length < 0x100) bytes.uint16(0x6e00 | items.length);
    else {
      bytes.byte(0x6c);
      bytes.uint32(items.length);
    }
    for (const item of items) this.write(item);
    bytes.byte(end);
  }

  protected map(map: HessianMap): void {
    this.bytes.byte(0x4d);
    this.#type(map.type);
    this.entries(map);
    this.bytes.byte(end);
  }

  protected define(className: string, fields: readonly string[]): void {
    this.bytes.byte(0x4f);
    this.int(className.length);
    writeUnits(this.bytes, className);
    this.int(fields.length);
    for (const field of fields) this.text(field);
  }

  protected beginObject(classIndex: number): void {
    this.bytes.byte(0x6f);
    this.int(classIndex);
  }

  #type(type: string): void {
    if (type === '') return;
    this.bytes.byte(0x74);
    this.bytes.uint16(type.length);
    writeUnits(this.bytes, type);
  }
}
