import { HessianDouble, HessianList, HessianMap, HessianObject, type HessianValue } from '../hessian2/value.ts';
import type { ConversionFault } from './fault.ts';
import type { ClassTypes } from './to-hessian.ts';

export interface JsonStyle {
  /** Of an enumeration that the mapping knows the name alone is said. */
  readonly types: ClassTypes;
  /** Objects say their class as `class`. */
  readonly classNames: boolean;
  /** A map's entry `class` is no content: Dubbo's generic invocation says so what an object was. */
  readonly classEntries: boolean;
  /** Longest text that is made, in characters. */
  readonly lengthMax: number;
}

const depthMax = 64;
const classKey = 'class';

/**
 * The JSON text of a value: long as a number while JavaScript keeps it exact, else as a text; binary data in base64, dates
 * as ISO 8601 writes them, numbers that JSON does not have as texts. Throws what `fault` makes of the reason: too long, nested too
 * deeply (a value that contains itself is), a key that is no text.
 */
export function toJson(value: HessianValue, style: JsonStyle, fault: (reason: string) => ConversionFault): string {
  return new JsonWriter(style, fault).write(value);
}

class JsonWriter {
  readonly #style: JsonStyle;
  readonly #fault: (reason: string) => ConversionFault;
  #text = '';

  constructor(style: JsonStyle, fault: (reason: string) => ConversionFault) {
    this.#style = style;
    this.#fault = fault;
  }

  write(value: HessianValue): string {
    this.#value(value, 0);
    return this.#text;
  }

  #add(text: string): void {
    this.#text += text;
    if (this.#text.length > this.#style.lengthMax) throw this.#fault(`is longer than ${this.#style.lengthMax} as JSON`);
  }

  #value(value: HessianValue, depth: number): void {
    if (depth > depthMax) throw this.#fault(`contains itself, or is nested more than ${depthMax} levels deep`);
    if (value instanceof HessianList) this.#list(value, depth);
    else if (value instanceof HessianMap) this.#map(value, depth);
    else if (value instanceof HessianObject) this.#object(value, depth);
    else this.#add(scalar(value));
  }

  #list({ items }: HessianList, depth: number): void {
    this.#add('[');
    for (let at = 0; at < items.length; at++) {
      if (at > 0) this.#add(',');
      this.#value(items[at]!, depth + 1);
    }
    this.#add(']');
  }

  #map({ entries }: HessianMap, depth: number): void {
    const { classNames, classEntries } = this.#style;
    let before = '{';
    for (const [key, value] of entries) {
      if (key === classKey && classEntries && !classNames) continue;
      this.#add(`${before}${JSON.stringify(this.#keyOf(key))}:`);
      this.#value(value, depth + 1);
      before = ',';
    }
    this.#add(before === '{' ? '{}' : '}');
  }

  #keyOf(key: HessianValue): string {
    if (typeof key === 'string') return key;
    if (typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean') return String(key);
    // An enumeration's constant.
    const name = key instanceof HessianObject ? key.get('name') : undefined;
    if (typeof name === 'string') return name;
    throw this.#fault('has a map whose keys are no texts');
  }

  /** Of an object that JSON shows as a text. */
  #textOf(object: HessianObject): string | undefined {
    const { className } = object;
    let value: HessianValue | undefined;
    if (className === 'java.math.BigDecimal') value = object.get('value');
    else if (this.#style.types[className] === 'enum') value = object.get('name');
    return typeof value === 'string' ? value : undefined;
  }

  #object(object: HessianObject, depth: number): void {
    const { className, fields, values } = object;
    const text = this.#textOf(object);
    if (text !== undefined) {
      this.#add(JSON.stringify(text));
      return;
    }
    let before = '{';
    if (this.#style.classNames) {
      this.#add(`{"${classKey}":${JSON.stringify(className)}`);
      before = ',';
    }
    for (let at = 0; at < fields.length; at++) {
      // An inner class's pointer to the object around it.
      if (fields[at]!.startsWith('this$')) continue;
      this.#add(`${before}${JSON.stringify(fields[at])}:`);
      this.#value(values[at] ?? null, depth + 1);
      before = ',';
    }
    this.#add(before === '{' ? '{}' : '}');
  }
}

function scalar(value: Exclude<HessianValue, HessianList | HessianMap | HessianObject>): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? String(value) : `"${value}"`;
  if (value instanceof Date) return JSON.stringify(value);
  if (Buffer.isBuffer(value)) return `"${value.toString('base64')}"`;
  const number = value instanceof HessianDouble ? value.value : value;
  return typeof number === 'number' && !Number.isFinite(number) ? `"${number}"` : String(number);
}
