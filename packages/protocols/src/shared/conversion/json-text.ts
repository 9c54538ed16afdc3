import { badRequest, type ConversionFault } from './fault.ts';

/** A JSON value whose whole numbers keep all their digits. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | { readonly [name: string]: Json };

const utf8 = new TextDecoder('utf-8', { fatal: true });
/** Only a text with so many digits in a row can have a number that JavaScript's would round. */
const manyDigits = /\d{16}/;

interface ReviverContext {
  readonly source?: string;
}

/** Reads a text of JSON in UTF-8. Throws what `fault` makes of the reason. */
export function parseJson(bytes: Buffer, fault: (reason: string) => ConversionFault): Json {
  try {
    const text = utf8.decode(bytes);
    if (!manyDigits.test(text)) return JSON.parse(text) as Json;
    return JSON.parse(text, exactNumber) as Json;
  } catch (error) {
    throw fault(error instanceof SyntaxError ? 'is not JSON' : 'is not UTF-8, or is nested too deeply');
  }
}

function exactNumber(_key: string, value: unknown, context?: ReviverContext): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? '';
  return /^-?\d{1,40}$/.test(source) ? BigInt(source) : value;
}

/** The value under a path of names; undefined when there is none. */
export function fieldOf(json: Json | undefined, path: readonly string[]): Json | undefined {
  let value: Json | undefined = json;
  for (const name of path) {
    if (value === undefined || value === null) return undefined;
    if (!isObject(value)) throw badRequest(`body: ${path.join('.')} is looked for in what is no object`);
    value = Object.hasOwn(value, name) ? value[name] : undefined;
  }
  return value;
}

export function isObject(json: Json): json is { readonly [name: string]: Json } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
