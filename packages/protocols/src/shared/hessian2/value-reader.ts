import { CodedError } from '@sofamesh/base/errors';
import { readUint16, readUint32 } from '../byte-writer.ts';
import { decodeText, skipText } from './text.ts';
import {
  defaultValueLimits,
  type HessianList,
  type HessianMap,
  HessianObject,
  type HessianValue,
  type ValueLimits,
} from './value.ts';

interface ClassDefinition {
  readonly name: string;
  readonly fields: readonly string[];
}

/**
 * What the two forms of hessian2 have in common: numbers, limits, and the tables that a message fills while it is read.
 * Nothing is allocated by what a peer claims: a count that cannot fit the bytes that are left is refused. Throws
 * `bad_hessian2`.
 */
export abstract class ValueReader {
  protected readonly bytes: Buffer;
  protected readonly types: string[] = [];
  readonly #end: number;
  readonly #limits: ValueLimits;
  readonly #references: HessianValue[] = [];
  readonly #classes: ClassDefinition[] = [];
  #values = 0;
  #depth = 0;
  /** Position of the next value. */
  at: number;

  constructor(bytes: Buffer, at = 0, limits: ValueLimits = defaultValueLimits) {
    this.bytes = bytes;
    this.at = at;
    this.#end = bytes.length;
    this.#limits = limits;
  }

  /** What this form has beside the common codes. The code has been passed. */
  protected abstract readCoded(code: number): HessianValue;
  /** A text whose first code has been passed; undefined: the code is not that of a text. */
  protected abstract textOf(code: number): string | undefined;

  get done(): boolean {
    return this.at >= this.#end;
  }

  /** The next value. References lead to the very value that was read before, which may be one that is being read. */
  read(): HessianValue {
    if (++this.#values > this.#limits.valuesMax) throw bad(`has more than ${this.#limits.valuesMax} values`);
    const code = this.byte();
    const text = this.textOf(code);
    if (text !== undefined) return text;
    const int = this.#intOf(code);
    if (int !== undefined) return int;
    const long = this.#longOf(code);
    if (long !== undefined) return BigInt(long);
    switch (code) {
      case 0x4e:
        return null;
      case 0x54:
        return true;
      case 0x46:
        return false;
      case 0x4c:
        return this.bytes.readBigInt64BE(this.take(8));
      case 0x44:
        return this.bytes.readDoubleBE(this.take(8));
      default:
        return this.readCoded(code);
    }
  }

  /** A value that has to be a text. */
  text(): string {
    const text = this.textOf(this.byte());
    if (text === undefined) throw bad('has something else where a text has to be');
    return text;
  }

  /** A value that has to be an int. */
  int(): number {
    const int = this.#intOf(this.byte());
    if (int === undefined) throw bad('has something else where an int has to be');
    return int;
  }

  protected byte(): number {
    return this.bytes[this.take(1)]!;
  }

  /** The next code, without passing it; -1 at the end. */
  protected peek(): number {
    return this.at < this.#end ? this.bytes[this.at]! : -1;
  }

  /** Passes so many bytes: where they begin. */
  protected take(count: number): number {
    const at = this.at;
    if (count < 0 || count > this.#end - at) throw bad('ends within a value');
    this.at = at + count;
    return at;
  }

  protected uint16(): number {
    return readUint16(this.bytes, this.take(2));
  }

  protected int32(): number {
    return readUint32(this.bytes, this.take(4)) | 0;
  }

  /** So many UTF-16 units of text. */
  protected units(count: number): string {
    const end = skipText(this.bytes, this.at, this.#end, count);
    if (end < 0) throw bad('has a text that is cut or not UTF-8');
    const text = decodeText(this.bytes, this.at, end);
    this.at = end;
    return text;
  }

  protected binary(length: number): Buffer {
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** A number of items that follow, each of which takes a byte or more. */
  protected count(): number {
    return this.checkedCount(this.int());
  }

  protected checkedCount(count: number): number {
    if (count < 0 || count > this.#end - this.at) throw bad('claims more than it has');
    return count;
  }

  protected fill(list: HessianList, count: number): HessianList {
    this.#enter(list);
    for (let item = 0; item < count; item++) list.items.push(this.read());
    this.#depth--;
    return list;
  }

  protected fillUntil(list: HessianList, end: number): HessianList {
    this.#enter(list);
    while (this.peek() !== end) list.items.push(this.read());
    this.at++;
    this.#depth--;
    return list;
  }

  protected fillMap(map: HessianMap, end: number): HessianMap {
    this.#enter(map);
    while (this.peek() !== end) map.entries.push([this.read(), this.read()]);
    this.at++;
    this.#depth--;
    return map;
  }

  /** Takes note of a class's definition whose name has been passed. */
  protected define(name: string): void {
    const fieldCount = this.count();
    const { classesMax, fieldsPerClassMax } = this.#limits;
    if (fieldCount > fieldsPerClassMax) throw bad(`has a class with more than ${fieldsPerClassMax} fields`);
    if (this.#classes.length === classesMax) throw bad(`has more than ${classesMax} classes`);
    const fields: string[] = [];
    for (let field = 0; field < fieldCount; field++) fields.push(this.text());
    this.#classes.push({ name, fields });
  }

  /** An object of a class that was defined before. */
  protected object(classIndex: number): HessianObject {
    const definition = this.#classes[classIndex];
    if (definition === undefined) throw bad('has an object of a class that it does not define');
    const object = new HessianObject(definition.name, definition.fields);
    this.#enter(object);
    for (let field = 0; field < definition.fields.length; field++) object.values.push(this.read());
    this.#depth--;
    return object;
  }

  protected reference(index: number): HessianValue {
    const value = this.#references[index];
    if (value === undefined) throw bad('refers to what is not there');
    return value;
  }

  protected typeAt(index: number): string {
    const type = this.types[index];
    if (type === undefined) throw bad('refers to a type that is not there');
    return type;
  }

  #enter(value: HessianValue): void {
    this.#references.push(value);
    if (++this.#depth > this.#limits.depthMax) throw bad(`is nested more than ${this.#limits.depthMax} levels deep`);
  }

  #intOf(code: number): number | undefined {
    if (code === 0x49) return this.int32();
    if (code < 0x80 || code > 0xd7) return undefined;
    if (code <= 0xbf) return code - 0x90;
    if (code <= 0xcf) return ((code - 0xc8) << 8) | this.byte();
    return ((code - 0xd4) << 16) | this.uint16();
  }

  #longOf(code: number): number | undefined {
    if (code >= 0xd8 && code <= 0xef) return code - 0xe0;
    if (code >= 0xf0) return ((code - 0xf8) << 8) | this.byte();
    if (code >= 0x38 && code <= 0x3f) return ((code - 0x3c) << 16) | this.uint16();
    return undefined;
  }
}

/** What is wrong with a message, as the end of a sentence. */
export function bad(what: string): CodedError {
  return new CodedError('bad_hessian2', `the hessian2 data ${what}`);
}
