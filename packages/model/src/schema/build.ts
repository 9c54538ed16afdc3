import type { SyntaxName } from './syntax.ts';

/** A JSON schema with two keywords of our own: `syntax` (see syntax.ts) and `atMostOne` (a protobuf oneof). */
export type Schema = { readonly [keyword: string]: unknown };

/** Words in which schemas are written, so that a kind's list of fields reads as a list. */
export const string: Schema = { type: 'string' };
export const boolean: Schema = { type: 'boolean' };
export const integer: Schema = { type: 'integer', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
export const natural: Schema = { type: 'integer', minimum: 0, maximum: 2 ** 32 - 1 };
export const number: Schema = { type: 'number' };
export const portNumber: Schema = { type: 'integer', minimum: 1, maximum: 65_535 };
export const percent: Schema = { type: 'integer', minimum: 0, maximum: 100 };
export const anyValue: Schema = {};
export const anyObject: Schema = { type: 'object' };
export const intOrString: Schema = { type: ['integer', 'string'] };

/** A message: fields that are not named are errors. */
export function object(fields: Readonly<Record<string, Schema>>, more: Schema = {}): Schema {
  return { type: 'object', properties: fields, additionalProperties: false, ...more };
}

export function list(items: Schema, more: Schema = {}): Schema {
  return { type: 'array', items, ...more };
}

/** A map with free keys. */
export function map(values: Schema, keys?: SyntaxName): Schema {
  const schema = { type: 'object', additionalProperties: values };
  return keys === undefined ? schema : { ...schema, propertyNames: { syntax: keys } };
}

export function oneOf(...words: string[]): Schema {
  return { type: 'string', enum: words };
}

/** A string that a named rule judges. */
export function text(syntax: SyntaxName, more: Schema = {}): Schema {
  return { type: 'string', syntax, ...more };
}

export const strings: Schema = list(string);
