import type { ByteWriter } from '../byte-writer.ts';
import { needMore, refused } from '../frame-splitter.ts';

/** Longest number of 32 bits. */
export const varint32Octets = 5;
/** Longest number of 64 bits. */
export const varint64Octets = 10;

/**
 * Position behind the number at `at` (seven bits an octet, the lowest first; a set high bit means that more follows),
 * `needMore`, or `refused` when it is longer than `octets`.
 */
export function varintEnd(bytes: Uint8Array, at: number, end: number, octets: number): number {
  const last = at + octets;
  for (let next = at; next < last; next++) {
    if (next >= end) return needMore;
    if (bytes[next]! < 0x80) return next + 1;
  }
  return refused;
}

/** The lower 32 bits of the number between two positions, unsigned. */
export function varint32(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let next = at, shift = 0; next < end && shift < 32; next++, shift += 7) {
    value |= (bytes[next]! & 0x7f) << shift;
  }
  return value >>> 0;
}

/** Octets that {@link writeVarint32} writes. */
export function varint32Length(value: number): number {
  let length = 1;
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) length++;
  return length;
}

export function writeVarint32(writer: ByteWriter, value: number): void {
  let rest = value >>> 0;
  for (; rest > 0x7f; rest >>>= 7) writer.byte((rest & 0x7f) | 0x80);
  writer.byte(rest);
}

export function zigzag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}

export function unzigzag(value: number): number {
  return (value >>> 1) ^ -(value & 1);
}
