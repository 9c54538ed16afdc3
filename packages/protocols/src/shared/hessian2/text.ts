import { isAscii } from 'node:buffer';
import type { ByteWriter } from '../byte-writer.ts';

/** From this length on, asking the native check costs less than looking at every byte. */
const nativeCheckMin = 128;

/**
 * Text in hessian2 is counted in UTF-16 units and written as UTF-8, surrogates one by one (three bytes each). Some
 * writers use four bytes for a pair; both are understood.
 *
 * Returns the position behind `units` units that begin at `at`, or -1 when they do not lie before `end`.
 */
export function skipText(bytes: Buffer, at: number, end: number, units: number): number {
  const asciiEnd = at + units;
  if (asciiEnd > end) return -1;
  if (units >= nativeCheckMin && isAscii(bytes.subarray(at, asciiEnd))) return asciiEnd;
  let position = at;
  while (position < asciiEnd && bytes[position]! < 0x80) position++;
  return position === asciiEnd ? position : skipUnits(bytes, position, end, asciiEnd - position);
}

function skipUnits(bytes: Buffer, at: number, end: number, units: number): number {
  let position = at;
  let left = units;
  while (left > 0 && position < end) {
    const byte = bytes[position]!;
    if (byte < 0x80) position += 1;
    else if ((byte & 0xe0) === 0xc0) position += 2;
    else if ((byte & 0xf0) === 0xe0) position += 3;
    else if ((byte & 0xf8) === 0xf0) {
      position += 4;
      left--;
    } else return -1;
    left--;
  }
  return left === 0 && position <= end ? position : -1;
}

/** The text between two positions, which {@link skipText} has found. */
export function decodeText(bytes: Buffer, start: number, end: number): string {
  for (let at = start; at < end; at++) if (bytes[at]! >= 0x80) return decodeUnits(bytes, start, end);
  return bytes.toString('latin1', start, end);
}

function decodeUnits(bytes: Buffer, start: number, end: number): string {
  // Joined in pieces: a text is up to 64 Ki units long.
  let text = '';
  let units: number[] = [];
  for (let at = start; at < end; ) {
    const byte = bytes[at]!;
    const second = bytes[at + 1]! & 0x3f;
    const third = bytes[at + 2]! & 0x3f;
    if (byte < 0x80) {
      units.push(byte);
      at += 1;
    } else if (byte < 0xe0) {
      units.push(((byte & 0x1f) << 6) | second);
      at += 2;
    } else if (byte < 0xf0) {
      units.push(((byte & 0x0f) << 12) | (second << 6) | third);
      at += 3;
    } else {
      const point = ((byte & 0x07) << 18) | (second << 12) | (third << 6) | (bytes[at + 3]! & 0x3f);
      units.push(0xd800 + (((point - 0x10000) >> 10) & 0x3ff), 0xdc00 + (point & 0x3ff));
      at += 4;
    }
    if (units.length >= 4096) {
      text += String.fromCharCode(...units);
      units = [];
    }
  }
  return text + String.fromCharCode(...units);
}

/** Longest text that fits one chunk. */
const chunkUnitsMax = 0xffff;

/** Writes a text as a hessian2 string, in its shortest form; longer than 65,535 units it is written in chunks. */
export function writeText(writer: ByteWriter, text: string): void {
  let rest = text;
  for (; rest.length > chunkUnitsMax; rest = rest.slice(chunkUnitsMax)) {
    writer.byte(0x52);
    writer.uint16(chunkUnitsMax);
    writeUnits(writer, rest.slice(0, chunkUnitsMax));
  }
  if (rest.length < 0x20) writer.byte(rest.length);
  else if (rest.length < 0x400) writer.uint16(0x3000 + rest.length);
  else {
    writer.byte(0x53);
    writer.uint16(rest.length);
  }
  writeUnits(writer, rest);
}

/** UTF-8 of a text, surrogates one by one. */
export function writeUnits(writer: ByteWriter, text: string): void {
  if (!/[\ud800-\udfff]/.test(text)) {
    writer.utf8(text);
    return;
  }
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) writer.byte(unit);
    else if (unit < 0x800) writer.uint16(0xc080 | ((unit >> 6) << 8) | (unit & 0x3f));
    else {
      writer.byte(0xe0 | (unit >> 12));
      writer.uint16(0x8080 | (((unit >> 6) & 0x3f) << 8) | (unit & 0x3f));
    }
  }
}
