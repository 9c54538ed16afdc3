import { dateOf } from './reader.ts';
import { HessianList, HessianMap, type HessianValue } from './value.ts';
import { bad, ValueReader } from './value-reader.ts';

const end = 0x7a;

/**
 * Reads hessian2 in the first draft of its specification, which SOFARPC kept (Hessian 3.1). What differs from
 * {@link Hessian2Reader}:
 *
 *     text       00-1f, 's' length (more follows), 'S' length           binary   20-2f, 'b' length, 'B' length
 *     class      'O' length name   number of fields, their names        object   'o' index   values
 *     list       'V' [type] ['n' u8 | 'l' u32] values 'z'   or 'v' type index, length, values
 *     map        'M' [type] (key value)… 'z'                            type     't' u16 name   or 'T' | 'u' index
 *     reference  'J' u8, 'K' u16, 'R' u32                               date     'd' i64 milliseconds
 *     double     'g' 0, 'h' 1, 'i' i8, 'j' i16, 'k' float               long     'w' i32
 */
export class Hessian2DraftReader extends ValueReader {
  protected textOf(code: number): string | undefined {
    if (code < 0x20) return this.units(code);
    if (code === 0x53) return this.units(this.uint16());
    if (code !== 0x73) return undefined;
    const parts = [this.units(this.uint16())];
    for (;;) {
      const next = this.byte();
      if (next === 0x73) parts.push(this.units(this.uint16()));
      else if (next === 0x53) return parts.join('') + this.units(this.uint16());
      else if (next < 0x20) return parts.join('') + this.units(next);
      else throw bad('has a text whose end is missing');
    }
  }

  protected readCoded(code: number): HessianValue {
    if ((code >= 0x20 && code <= 0x2f) || code === 0x42 || code === 0x62) return this.#binary(code);
    switch (code) {
      case 0x4a:
        return this.reference(this.byte());
      case 0x4b:
        return this.reference(this.uint16());
      case 0x4d:
        return this.fillMap(new HessianMap([], this.#type()), end);
      case 0x4f:
        this.define(this.units(this.count()));
        return this.read();
      case 0x52:
        return this.reference(this.int32());
      case 0x56:
        return this.#list();
      case 0x64:
        return dateOf(this.bytes.readBigInt64BE(this.take(8)));
      case 0x67:
        return 0;
      case 0x68:
        return 1;
      case 0x69:
        return this.bytes.readInt8(this.take(1));
      case 0x6a:
        return this.bytes.readInt16BE(this.take(2));
      case 0x6b:
        return this.bytes.readFloatBE(this.take(4));
      case 0x6f:
        return this.object(this.int());
      case 0x76: {
        const list = new HessianList([], this.typeAt(this.int()));
        return this.fill(list, this.count());
      }
      case 0x77:
        return BigInt(this.int32());
      default:
        throw bad(`has the unknown code 0x${code.toString(16)}`);
    }
  }

  #list(): HessianValue {
    const list = new HessianList([], this.#type());
    const code = this.peek();
    if (code !== 0x6e && code !== 0x6c) return this.fillUntil(list, end);
    this.at++;
    this.fill(list, this.checkedCount(code === 0x6e ? this.byte() : this.int32()));
    if (this.byte() !== end) throw bad('has a list whose end is missing');
    return list;
  }

  #type(): string {
    switch (this.peek()) {
      case 0x74: {
        this.at++;
        const type = this.units(this.uint16());
        this.types.push(type);
        return type;
      }
      case 0x54:
      case 0x75:
        this.at++;
        return this.typeAt(this.int());
      default:
        return '';
    }
  }

  #binary(first: number): Buffer {
    const chunks: Buffer[] = [];
    for (let code = first; ; code = this.byte()) {
      if (code >= 0x20 && code <= 0x2f) chunks.push(this.binary(code - 0x20));
      else if (code === 0x42 || code === 0x62) chunks.push(this.binary(this.uint16()));
      else throw bad('has binary data whose end is missing');
      if (code !== 0x62) return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    }
  }
}
