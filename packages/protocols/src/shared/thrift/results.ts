import { type ByteWriter, readUint16, readUint32 } from '../byte-writer.ts';
import { Encoding } from './message.ts';
import { ExceptionType } from './status.ts';
import { unzigzag, varint32, varint32Octets, varintEnd, writeVarint32, zigzag } from './varint.ts';

/** The text of an error that the proxy makes is cut here. */
const errorTextMax = 1024;
/** Fields of an exception that are looked at. */
const exceptionFieldsMax = 8;

/**
 * Whether the result of a call (a struct at `at`) is an exception that its interface declares: the value of a call is
 * field 0, exceptions have the ids behind it, and a call without a value has no field at all.
 */
export function isDeclaredException(bytes: Uint8Array, at: number, end: number, encoding: Encoding): boolean {
  if (at >= end || bytes[at] === 0) return false;
  if (encoding !== Encoding.compact) return end - at >= 3 && readUint16(bytes, at + 1) !== 0;
  // The id as a distance from the one before, or in full behind the type.
  return bytes[at]! >>> 4 !== 0 || (end - at > 1 && bytes[at + 1] !== 0);
}

/** Type of the TApplicationException that is the struct at `at`: {@link ExceptionType} or a number of the server's own. */
export function readExceptionType(bytes: Uint8Array, at: number, end: number, encoding: Encoding): number {
  const type =
    encoding === Encoding.compact ? readCompactException(bytes, at, end) : readBinaryException(bytes, at, end);
  return type ?? ExceptionType.unknown;
}

/** Fields: 1 text, 2 type. */
function readBinaryException(bytes: Uint8Array, start: number, end: number): number | undefined {
  let at = start;
  for (let field = 0; field < exceptionFieldsMax && at + 7 <= end; field++) {
    const kind = bytes[at];
    if (kind === 8) {
      if (readUint16(bytes, at + 1) === 2) return readUint32(bytes, at + 3) | 0;
      at += 7;
    } else if (kind === 11) at += 7 + readUint32(bytes, at + 3);
    else return undefined;
  }
  return undefined;
}

function readCompactException(bytes: Uint8Array, start: number, end: number): number | undefined {
  let at = start;
  let id = 0;
  for (let field = 0; field < exceptionFieldsMax && at < end; field++) {
    const head = bytes[at++]!;
    if (head === 0) return undefined;
    if (head >>> 4 !== 0) id += head >>> 4;
    else {
      const next = varintEnd(bytes, at, end, varint32Octets);
      if (next <= 0) return undefined;
      id = unzigzag(varint32(bytes, at, next));
      at = next;
    }
    const next = varintEnd(bytes, at, end, varint32Octets);
    if (next <= 0) return undefined;
    const value = varint32(bytes, at, next);
    const kind = head & 0x0f;
    if (kind === 5) {
      if (id === 2) return unzigzag(value);
      at = next;
    } else if (kind === 8) at = next + value;
    else return undefined;
  }
  return undefined;
}

/** A TApplicationException, the struct of a message of type 3. */
export function writeException(writer: ByteWriter, encoding: Encoding, type: number, text: string): void {
  const bytes = Buffer.from(text.slice(0, errorTextMax));
  if (encoding === Encoding.compact) {
    writer.byte(0x18);
    writeVarint32(writer, bytes.length);
    writer.copy(bytes, 0, bytes.length);
    writer.byte(0x15);
    writeVarint32(writer, zigzag(type));
  } else {
    writer.byte(11);
    writer.uint16(1);
    writer.uint32(bytes.length);
    writer.copy(bytes, 0, bytes.length);
    writer.byte(8);
    writer.uint16(2);
    writer.uint32(type);
  }
  writer.byte(0);
}
