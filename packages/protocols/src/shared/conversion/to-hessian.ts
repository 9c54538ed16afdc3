import { HessianDouble, HessianList, HessianMap, HessianObject, type HessianValue } from '../hessian2/value.ts';
import { badRequest } from './fault.ts';
import { anyType, hessianListType, type JavaType, type ScalarKind } from './java-type.ts';
import { isObject, type Json } from './json-text.ts';

/** Classes that the mapping knows: their fields, in the order in which they are written, or that they are enumerations. */
export type ClassTypes = Readonly<Record<string, Readonly<Record<string, JavaType>> | 'enum'>>;

/** How objects are written: as such, or as maps, of which Dubbo's generic invocation makes objects. */
export interface ObjectStyle {
  readonly types: ClassTypes;
  readonly asMaps: boolean;
}

/** Lists and objects within each other. */
const depthMax = 60;
/** What names the class of an object. */
const classKey = 'class';

const intBits: Partial<Record<ScalarKind, number>> = { int8: 8, int16: 16, int32: 32, int64: 64 };

/**
 * The value of a Java type that a JSON value stands for. `where` names it in errors. An object may name its class itself
 * (`class`), but only one that the mapping knows: whoever may name any class chooses what the server instantiates.
 */
export function toHessian(json: Json, type: JavaType, style: ObjectStyle, where: string, depth = 0): HessianValue {
  if (depth > depthMax) throw badRequest(`${where}: is nested more than ${depthMax} levels deep`);
  if (json === null) return null;
  switch (type.kind) {
    case 'scalar':
      return scalarOf(json, type.scalar, type.name, style, where);
    case 'list': {
      if (!Array.isArray(json)) throw badRequest(`${where}: must be a list (${type.name})`);
      const items = json.map((item, at) => toHessian(item, type.element, style, `${where}[${at}]`, depth + 1));
      return new HessianList(items, hessianListType(type));
    }
    case 'map':
      return mapOf(json, (_name) => type.value, style, where, depth);
    case 'class':
      return classOf(json, type.name, style, where, depth);
    case 'any':
      return anyOf(json, style, where, depth);
  }
}

function anyOf(json: Json, style: ObjectStyle, where: string, depth: number): HessianValue {
  if (Array.isArray(json)) {
    return new HessianList(json.map((item, at) => toHessian(item, anyType, style, `${where}[${at}]`, depth + 1)));
  }
  if (typeof json === 'number') return numberOf(json);
  if (typeof json === 'bigint') return wide(json, where);
  if (typeof json !== 'object' || json === null) return json as string | boolean | null;
  const named = isObject(json) && Object.hasOwn(json, classKey) ? json[classKey] : undefined;
  return isKnownClass(named, style)
    ? classOf(json, '', style, where, depth)
    : mapOf(json, () => anyType, style, where, depth);
}

function numberOf(json: number): HessianValue {
  if (!Number.isInteger(json)) return new HessianDouble(json);
  if (json === (json | 0)) return json;
  return Number.isSafeInteger(json) ? BigInt(json) : new HessianDouble(json);
}

function mapOf(
  json: Json,
  typeOf: (name: string) => JavaType,
  style: ObjectStyle,
  where: string,
  depth: number,
): HessianValue {
  if (!isObject(json)) throw badRequest(`${where}: must be an object`);
  // In a map that is to become an object the entry is no content.
  if (style.asMaps && Object.hasOwn(json, classKey)) knownClass(json[classKey]!, style, where);
  return new HessianMap(
    Object.keys(json).map((name) => [name, toHessian(json[name]!, typeOf(name), style, `${where}.${name}`, depth + 1)]),
  );
}

function classOf(json: Json, declared: string, style: ObjectStyle, where: string, depth: number): HessianValue {
  const isEnum = Object.hasOwn(style.types, declared) && style.types[declared] === 'enum';
  if (isEnum && typeof json === 'string') return style.asMaps ? json : new HessianObject(declared, ['name'], [json]);
  if (isEnum || !isObject(json)) throw badRequest(`${where}: must be ${isEnum ? 'a text' : 'an object'} (${declared})`);
  const named = Object.hasOwn(json, classKey) ? json[classKey]! : declared;
  const name = named === declared ? declared : knownClass(named, style, where);
  const known = fieldsOf(style.types, name);
  const typeOf = (field: string): JavaType => (Object.hasOwn(known, field) ? known[field]! : anyType);
  const given = Object.keys(json).filter((field) => field !== classKey);
  const fieldValue = (field: string): HessianValue =>
    Object.hasOwn(json, field) ? toHessian(json[field]!, typeOf(field), style, `${where}.${field}`, depth + 1) : null;
  if (style.asMaps) {
    const entries: [HessianValue, HessianValue][] = given.map((field) => [field, fieldValue(field)]);
    return new HessianMap(name === declared ? entries : [[classKey, name], ...entries]);
  }
  // Always the same fields in the same order: some readers take the first definition of a class for all that follow.
  const fields = [...Object.keys(known), ...given.filter((field) => !Object.hasOwn(known, field)).sort()];
  return new HessianObject(name, fields, fields.map(fieldValue));
}

function fieldsOf(types: ClassTypes, name: string): Readonly<Record<string, JavaType>> {
  const known = Object.hasOwn(types, name) ? types[name] : undefined;
  return typeof known === 'object' ? known : {};
}

function isKnownClass(named: Json | undefined, { types }: ObjectStyle): named is string {
  return typeof named === 'string' && Object.hasOwn(types, named) && types[named] !== 'enum';
}

function knownClass(named: Json, style: ObjectStyle, where: string): string {
  if (isKnownClass(named, style)) return named;
  throw badRequest(`${where}.${classKey}: is no class that the mapping knows`);
}

function scalarOf(json: Json, scalar: ScalarKind, name: string, style: ObjectStyle, where: string): HessianValue {
  const wrong = (what: string) => badRequest(`${where}: must be ${what} (${name})`);
  const bits = intBits[scalar];
  if (bits !== undefined) {
    const whole = wholeOf(json);
    if (whole === undefined) throw wrong('a whole number');
    const limit = 1n << BigInt(bits - 1);
    if (whole < -limit || whole >= limit) throw wrong(`within ${bits} bits`);
    return scalar === 'int64' ? whole : Number(whole);
  }
  switch (scalar) {
    case 'boolean':
      if (json === true || json === 'true') return true;
      if (json === false || json === 'false') return false;
      throw wrong('true or false');
    case 'double': {
      const number = typeof json === 'string' && json.trim() !== '' ? Number(json) : json;
      if (typeof number === 'bigint') return new HessianDouble(Number(number));
      if (typeof number !== 'number' || Number.isNaN(number)) throw wrong('a number');
      return new HessianDouble(number);
    }
    case 'char':
      if (typeof json !== 'string' || json.length !== 1) throw wrong('a text of one character');
      return json;
    case 'text':
      if (typeof json !== 'string') throw wrong('a text');
      return json;
    case 'date': {
      const date = typeof json === 'string' || typeof json === 'number' ? new Date(json) : undefined;
      if (date === undefined || Number.isNaN(date.getTime())) throw wrong('a date as ISO 8601 writes it');
      return date;
    }
    case 'bytes':
      if (typeof json !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(json)) throw wrong('base64');
      return Buffer.from(json, 'base64');
    default: {
      const text =
        typeof json === 'string' ? json : typeof json === 'object' || typeof json === 'boolean' ? '' : String(json);
      if (!/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,6})?$/.test(text)) throw wrong('a decimal number');
      return style.asMaps ? text : new HessianObject(name, ['value'], [text]);
    }
  }
}

/** The whole number that a value is or, as a text, says; undefined for any other. */
function wholeOf(json: Json): bigint | undefined {
  if (typeof json === 'bigint') return json;
  if (typeof json === 'number') return Number.isInteger(json) ? BigInt(json) : undefined;
  return typeof json === 'string' && /^[+-]?\d{1,20}$/.test(json) ? BigInt(json) : undefined;
}

function wide(value: bigint, where: string): bigint {
  if (BigInt.asIntN(64, value) !== value) throw badRequest(`${where}: must be within 64 bits`);
  return value;
}
