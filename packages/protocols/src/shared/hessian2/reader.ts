import { HessianList, HessianMap, type HessianValue } from './value.ts';
import { bad, ValueReader } from './value-reader.ts';

const finalText = 0x53;
const listEnd = 0x5a;

/** Reads hessian2 as it was published (http://hessian.caucho.com/doc/hessian-serialization.html), which Dubbo speaks. */
export class Hessian2Reader extends ValueReader {
  protected textOf(code: number): string | undefined {
    const first = this.#chunk(code);
    if (first !== undefined || code !== 0x52) return first;
    const parts: string[] = [];
    for (let each = code; ; each = this.byte()) {
      const last = each === 0x52 ? undefined : this.#chunk(each);
      parts.push(last ?? (each === 0x52 ? this.units(this.uint16()) : this.#noChunk()));
      if (last !== undefined) return parts.join('');
    }
  }

  protected readCoded(code: number): HessianValue {
    if (code >= 0x60 && code <= 0x6f) return this.object(code - 0x60);
    if (code >= 0x70 && code <= 0x77)
      return this.fill(new HessianList([], this.#type()), this.checkedCount(code - 0x70));
    if (code >= 0x78 && code <= 0x7f) return this.fill(new HessianList(), this.checkedCount(code - 0x78));
    if ((code >= 0x20 && code <= 0x2f) || (code >= 0x34 && code <= 0x37) || code === 0x41 || code === 0x42) {
      return this.#binary(code);
    }
    switch (code) {
      case 0x43:
        this.define(this.text());
        return this.read();
      case 0x48:
        return this.fillMap(new HessianMap(), listEnd);
      case 0x4a:
        return dateOf(this.bytes.readBigInt64BE(this.take(8)));
      case 0x4b:
        return new Date(this.int32() * 60_000);
      case 0x4d:
        return this.fillMap(new HessianMap([], this.#type()), listEnd);
      case 0x4f:
        return this.object(this.int());
      case 0x51:
        return this.reference(this.int());
      case 0x55:
        return this.fillUntil(new HessianList([], this.#type()), listEnd);
      case 0x56:
        return this.fill(new HessianList([], this.#type()), this.count());
      case 0x57:
        return this.fillUntil(new HessianList(), listEnd);
      case 0x58:
        return this.fill(new HessianList(), this.count());
      case 0x59:
        return BigInt(this.int32());
      case 0x5b:
        return 0;
      case 0x5c:
        return 1;
      case 0x5d:
        return this.bytes.readInt8(this.take(1));
      case 0x5e:
        return this.bytes.readInt16BE(this.take(2));
      case 0x5f:
        return this.int32() / 1000;
      default:
        throw bad(`has the unknown code 0x${code.toString(16)}`);
    }
  }

  /** A chunk of text that is the last one; undefined for any other code. */
  #chunk(code: number): string | undefined {
    if (code < 0x20) return this.units(code);
    if (code >= 0x30 && code <= 0x33) return this.units(((code - 0x30) << 8) | this.byte());
    return code === finalText ? this.units(this.uint16()) : undefined;
  }

  #noChunk(): never {
    throw bad('has a text whose end is missing');
  }

  #type(): string {
    const code = this.peek();
    if (code < 0x20 || (code >= 0x30 && code <= 0x33) || code === 0x52 || code === finalText) {
      const type = this.text();
      this.types.push(type);
      return type;
    }
    return this.typeAt(this.int());
  }

  #binary(first: number): Buffer {
    const chunks: Buffer[] = [];
    for (let code = first; ; code = this.byte()) {
      if (code === 0x41) {
        chunks.push(this.binary(this.uint16()));
        continue;
      }
      if (code === 0x42) chunks.push(this.binary(this.uint16()));
      else if (code >= 0x20 && code <= 0x2f) chunks.push(this.binary(code - 0x20));
      else if (code >= 0x34 && code <= 0x37) chunks.push(this.binary(((code - 0x34) << 8) | this.byte()));
      else throw bad('has binary data whose end is missing');
      return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    }
  }
}

/** A date of so many milliseconds; those beyond what JavaScript knows are refused. */
export function dateOf(milliseconds: bigint): Date {
  const date = new Date(Number(milliseconds));
  if (Number.isNaN(date.getTime())) throw bad('has a date that nobody can write');
  return date;
}
