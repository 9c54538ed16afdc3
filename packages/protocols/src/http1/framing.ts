import { spells } from '../shared/octets.ts';
import { type Http1Fault, refused } from './fault.ts';
import { contentLengthField, droppedField, fieldWidth, transferEncodingField } from './field-index.ts';
import type { HeadReader } from './head-reader.ts';

/** How a body is delimited (RFC 9112 §6). */
export const noBody = 0;
export const bodyWithLength = 1;
export const chunkedBody = 2;
/** To the end of the connection: responses without length, tunnels. */
export const bodyUntilClose = 3;
export type BodyKind = typeof noBody | typeof bodyWithLength | typeof chunkedBody | typeof bodyUntilClose;

/** What the fields of a head say about the message's end and the connection after it. One per codec, used again. */
export class Framing {
  body: BodyKind = noBody;
  /** -1: not given. */
  contentLength = -1;
  keepAlive = true;
  expectContinue = false;
}

/**
 * Fills in `framing.body` and `framing.contentLength` from Content-Length and Transfer-Encoding. Whatever two readers
 * could take differently is refused: both fields (unless `bothAllowed`: then the length is dropped), either one twice,
 * any number but a plain decimal, any coding but `chunked` alone.
 */
export function readBodyFraming(reader: HeadReader, framing: Framing, bothAllowed: boolean): Http1Fault | undefined {
  const kinds = reader.kinds;
  framing.body = noBody;
  framing.contentLength = -1;
  const hasLength = (kinds & (1 << contentLengthField)) !== 0;
  const hasCoding = (kinds & (1 << transferEncodingField)) !== 0;
  if (hasLength && hasCoding) {
    if (!bothAllowed) return refused('length_and_chunked', 'both Content-Length and Transfer-Encoding');
    dropFields(reader, contentLengthField);
  } else if (hasLength) {
    if (reader.repeatedKinds & (1 << contentLengthField)) {
      return refused('duplicate_content_length', 'more than one Content-Length');
    }
    const at = fieldOf(reader, contentLengthField);
    const length = parseLength(reader.bytes, reader.fields[at + 3]!, reader.fields[at + 4]!);
    if (length < 0) return refused('bad_content_length', 'Content-Length is not a plain decimal number');
    framing.contentLength = length;
    framing.body = length === 0 ? noBody : bodyWithLength;
  }
  if (hasCoding) {
    if (reader.repeatedKinds & (1 << transferEncodingField)) {
      return refused('bad_transfer_encoding', 'more than one Transfer-Encoding');
    }
    if (reader.minorVersion === 0) return refused('bad_transfer_encoding', 'Transfer-Encoding in HTTP/1.0');
    const at = fieldOf(reader, transferEncodingField);
    const start = reader.fields[at + 3]!;
    const end = reader.fields[at + 4]!;
    if (end - start !== 7 || !spells(reader.bytes, start, 'chunked')) {
      return refused('unsupported_transfer_coding', 'a transfer coding other than chunked', 501);
    }
    framing.body = chunkedBody;
  }
  return undefined;
}

export function fieldOf(reader: HeadReader, kind: number): number {
  let at = 0;
  while (at < reader.fieldsLength && reader.fields[at] !== kind) at += fieldWidth;
  return at;
}

/** Takes every field of a kind out of the message. */
export function dropFields(reader: HeadReader, kind: number): void {
  for (let at = 0; at < reader.fieldsLength; at += fieldWidth) {
    if (reader.fields[at] === kind) reader.fields[at] = droppedField;
  }
}

/** Digits only, no leading zero, at most 15 of them; else -1. */
function parseLength(bytes: Buffer, start: number, end: number): number {
  const digits = end - start;
  if (digits < 1 || digits > 15 || (digits > 1 && bytes[start] === 0x30)) return -1;
  let length = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}
