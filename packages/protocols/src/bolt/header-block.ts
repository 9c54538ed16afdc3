import { readUint32 } from '../shared/byte-writer.ts';
import { nameIs } from '../shared/names.ts';

const nullLength = 0xffff_ffff;

/** Where one entry of a header block lies. One object is filled again and again while a block is walked. */
export interface Entry {
  keyStart: number;
  keyEnd: number;
  valueStart: number;
  valueEnd: number;
  /** Key or value is null: there is no such header for anybody. */
  isNull: boolean;
  /** Where the next entry begins. */
  next: number;
}

export function newEntry(): Entry {
  return { keyStart: 0, keyEnd: 0, valueStart: 0, valueEnd: 0, isNull: false, next: 0 };
}

/** Reads the entry at `at` into `entry`; false when it does not lie within the block. */
export function readEntry(frame: Buffer, at: number, end: number, entry: Entry): boolean {
  if (end - at < 8) return false;
  let keyLength = readUint32(frame, at);
  entry.isNull = keyLength === nullLength;
  if (entry.isNull) keyLength = 0;
  entry.keyStart = at + 4;
  entry.keyEnd = entry.keyStart + keyLength;
  if (entry.keyEnd + 4 > end) return false;
  let valueLength = readUint32(frame, entry.keyEnd);
  if (valueLength === nullLength) {
    entry.isNull = true;
    valueLength = 0;
  }
  entry.valueStart = entry.keyEnd + 4;
  entry.valueEnd = entry.next = entry.valueStart + valueLength;
  return entry.next <= end;
}

/** True when the entry's key is `name` (lower case) in any case. */
export function keyIs(frame: Buffer, entry: Entry, name: string): boolean {
  return nameIs(frame, entry.keyStart, entry.keyEnd, name);
}

/** The lower-case name of the entry. */
export function nameOf(frame: Buffer, entry: Entry): string {
  return frame.toString('utf8', entry.keyStart, entry.keyEnd).toLowerCase();
}
