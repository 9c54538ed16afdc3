import { FieldBlock } from './field-block.ts';
import { droppedField, fieldWidth } from './field-index.ts';
import type { HeadReader } from './head-reader.ts';

/**
 * Fields that frame, route, authenticate or describe a message: too late in a trailer section, and a way to smuggle if
 * somebody merged them (RFC 9110 §6.5.1).
 */
const forbidden = new Set([
  'age',
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'cookie',
  'date',
  'expect',
  'expires',
  'forwarded',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'location',
  'max-forwards',
  'pragma',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'range',
  'retry-after',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'vary',
  'via',
  'warning',
  'www-authenticate',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
]);

export function isForbiddenTrailer(name: string): boolean {
  return forbidden.has(name);
}

/** The trailer section that `reader` has read, less what may not be there; undefined when nothing is left. */
export function readTrailers(reader: HeadReader): FieldBlock | undefined {
  const block = new FieldBlock(reader);
  const fields = block.fields;
  let left = 0;
  for (let at = 0; at < fields.length; at += fieldWidth) {
    if (forbidden.has(block.slice(fields[at + 1]!, fields[at + 2]!).toLowerCase())) fields[at] = droppedField;
    else left++;
  }
  return left === 0 ? undefined : block;
}
