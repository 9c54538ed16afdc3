import { readUint16, readUint32 } from '../byte-writer.ts';
import { decodeText } from './text.ts';

/**
 * The scalar between two positions, which a scanner has passed, as text: strings of one chunk, numbers, booleans.
 * Undefined for anything else, null included.
 */
export function readScalar(bytes: Buffer, at: number, end: number): string | undefined {
  const code = bytes[at]!;
  if (code < 0x20) return decodeText(bytes, at + 1, end);
  if (code >= 0x30 && code <= 0x33) return decodeText(bytes, at + 2, end);
  if (code === 0x53) return decodeText(bytes, at + 3, end);
  if (code === 0x54) return 'true';
  if (code === 0x46) return 'false';
  if (code >= 0x80 && code <= 0xbf) return String(code - 0x90);
  if (code >= 0xc0 && code <= 0xcf) return String(((code - 0xc8) << 8) | bytes[at + 1]!);
  if (code >= 0xd0 && code <= 0xd7) return String(((code - 0xd4) << 16) | readUint16(bytes, at + 1));
  if (code === 0x49 || code === 0x59) return String(readUint32(bytes, at + 1) | 0);
  if (code >= 0xd8 && code <= 0xef) return String(code - 0xe0);
  if (code >= 0xf0) return String(((code - 0xf8) << 8) | bytes[at + 1]!);
  if (code >= 0x38 && code <= 0x3f) return String(((code - 0x3c) << 16) | readUint16(bytes, at + 1));
  if (code === 0x4c) return String(bytes.readBigInt64BE(at + 1));
  if (code === 0x44) return String(bytes.readDoubleBE(at + 1));
  if (code === 0x5b) return '0';
  if (code === 0x5c) return '1';
  if (code === 0x5d) return String(bytes.readInt8(at + 1));
  if (code === 0x5e) return String(bytes.readInt16BE(at + 1));
  if (code === 0x5f) return String(bytes.readInt32BE(at + 1) / 1000);
  return undefined;
}

/** True for what a list, map or object is not: leaving it out does not renumber the references that follow. */
export function isScalar(code: number): boolean {
  if (code >= 0x60 && code <= 0x7f) return false;
  return ![0x43, 0x48, 0x4d, 0x4f, 0x55, 0x56, 0x57, 0x58].includes(code);
}
