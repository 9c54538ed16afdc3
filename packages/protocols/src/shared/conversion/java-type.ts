/** How JSON shows a value of a Java type that is no list, map or class of the user's. */
export type ScalarKind =
  | 'boolean'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'double'
  | 'char'
  | 'text'
  | 'date'
  | 'bytes'
  | 'decimal';

/** A Java type as far as values of it are read and written. `name` is as in a method's signature: no type arguments. */
export type JavaType =
  | { readonly kind: 'any'; readonly name: string }
  | { readonly kind: 'scalar'; readonly name: string; readonly scalar: ScalarKind }
  | { readonly kind: 'list'; readonly name: string; readonly element: JavaType }
  | { readonly kind: 'map'; readonly name: string; readonly value: JavaType }
  | { readonly kind: 'class'; readonly name: string };

export const anyType: JavaType = { kind: 'any', name: 'java.lang.Object' };

const scalars: Readonly<Record<string, ScalarKind>> = {
  boolean: 'boolean',
  'java.lang.Boolean': 'boolean',
  byte: 'int8',
  'java.lang.Byte': 'int8',
  short: 'int16',
  'java.lang.Short': 'int16',
  int: 'int32',
  'java.lang.Integer': 'int32',
  long: 'int64',
  'java.lang.Long': 'int64',
  float: 'double',
  'java.lang.Float': 'double',
  double: 'double',
  'java.lang.Double': 'double',
  char: 'char',
  'java.lang.Character': 'char',
  'java.lang.String': 'text',
  'java.util.Date': 'date',
  'java.math.BigDecimal': 'decimal',
};

const lists = new Set(['List', 'ArrayList', 'Collection', 'Set', 'HashSet'].map((name) => `java.util.${name}`));
const maps = new Set(['Map', 'HashMap', 'LinkedHashMap'].map((name) => `java.util.${name}`));
const className = /^[\p{L}_$][\p{L}\p{N}_$]*(\.[\p{L}_$][\p{L}\p{N}_$]*)+$/u;

/** `java.util.List<com.x.User>`, `int[]`, `long`; undefined for what is no type. */
export function parseJavaType(text: string): JavaType | undefined {
  const name = text.trim();
  if (name.endsWith('[]')) return arrayOf(parseJavaType(name.slice(0, -2)));
  const open = name.indexOf('<');
  if (open >= 0) {
    if (!name.endsWith('>')) return undefined;
    return parameterized(name.slice(0, open).trim(), splitArguments(name.slice(open + 1, -1)));
  }
  const scalar = Object.hasOwn(scalars, name) ? scalars[name] : undefined;
  if (scalar !== undefined) return { kind: 'scalar', name, scalar };
  if (name === anyType.name) return anyType;
  if (lists.has(name)) return { kind: 'list', name, element: anyType };
  if (maps.has(name)) return { kind: 'map', name, value: anyType };
  return className.test(name) ? { kind: 'class', name } : undefined;
}

function arrayOf(element: JavaType | undefined): JavaType | undefined {
  if (element === undefined) return undefined;
  const name = `${element.name}[]`;
  return name === 'byte[]' ? { kind: 'scalar', name, scalar: 'bytes' } : { kind: 'list', name, element };
}

function parameterized(name: string, given: readonly string[]): JavaType | undefined {
  const [first, second] = given.map(parseJavaType);
  if (lists.has(name) && given.length === 1 && first !== undefined) return { kind: 'list', name, element: first };
  // Keys are texts: JSON has no others.
  if (!maps.has(name) || given.length !== 2 || first?.name !== 'java.lang.String' || second === undefined)
    return undefined;
  return { kind: 'map', name, value: second };
}

/** At the commas that are not within further brackets. */
function splitArguments(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const character of text) {
    if (character === '<') depth++;
    if (character === '>') depth--;
    if (character === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}

export function isArray(type: JavaType): boolean {
  return type.name.endsWith('[]');
}

const primitiveLetters: Readonly<Record<string, string>> = {
  boolean: 'Z',
  byte: 'B',
  char: 'C',
  double: 'D',
  float: 'F',
  int: 'I',
  long: 'J',
  short: 'S',
};

/** As class files write it: `Ljava/lang/String;`, `[I`. */
export function descriptorOf({ name }: JavaType): string {
  return descriptor(name);
}

/** As `Class.getName` says it: `int`, `java.lang.String`, `[I`, `[Ljava.lang.String;`. */
export function classNameOf(type: JavaType): string {
  return isArray(type) ? descriptorOf(type).replaceAll('/', '.') : type.name;
}

function descriptor(name: string): string {
  if (name.endsWith('[]')) return `[${descriptor(name.slice(0, -2))}`;
  return primitiveLetters[name] ?? `L${name.replaceAll('.', '/')};`;
}

const namesInArrays: Readonly<Record<string, string>> = {
  'java.lang.String': 'string',
  'java.lang.Object': 'object',
  'java.util.Date': 'date',
};

/** What hessian2 calls an array: `[int`, `[string`, `[com.x.User`; empty for other lists. */
export function hessianListType(type: JavaType): string {
  if (!isArray(type)) return '';
  const [, element, levels] = /^(.*?)((?:\[\])+)$/.exec(type.name)!;
  return '['.repeat(levels!.length / 2) + (namesInArrays[element!] ?? element);
}
