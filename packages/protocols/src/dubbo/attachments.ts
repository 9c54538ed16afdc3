import { ByteWriter } from '../shared/byte-writer.ts';
import { type HeaderEdit, joined } from '../shared/editable-headers.ts';
import { isScalar, readScalar } from '../shared/hessian2/scalar.ts';
import { Hessian2Scanner } from '../shared/hessian2/scanner.ts';
import { decodeText, writeText } from '../shared/hessian2/text.ts';
import { nameIs } from '../shared/names.ts';

const entriesMax = 128;
const bytesMax = 64 * 1024;

const untypedMap = 0x48;
const typedMap = 0x4d;
const mapEnd = 0x5a;
const nullByte = 0x4e;

/** Where one attachment lies. */
interface Entry {
  /** The key with its length. */
  readonly start: number;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly end: number;
}

/** One for all: a body is scanned in one go. */
const scanner = new Hessian2Scanner();

/** Position behind `count` values that begin at `at`; -1 when they are not all there. */
export function skipValues(frame: Buffer, at: number, count: number): number {
  scanner.begin(frame, at, frame.length);
  for (let value = 0; value < count; value++) if (!scanner.skipValue()) break;
  const position = scanner.at;
  scanner.release();
  return position;
}

/** The map of attachments that begins at `at` of a frame, read when asked. A map that is broken has no entries. */
export class Attachments {
  readonly #frame: Buffer;
  readonly #at: number;
  /** False: the map is broken, and nothing can be read from it or changed in it. */
  readonly readable: boolean;
  /** Behind the map. */
  readonly end: number;
  readonly #entries: readonly Entry[];

  constructor(frame: Buffer, at: number) {
    this.#frame = frame;
    this.#at = at;
    const entries: Entry[] = [];
    if (at === frame.length || frame[at] === nullByte) {
      this.readable = true;
      this.end = Math.min(at + 1, frame.length);
    } else {
      scanner.begin(frame, at, Math.min(frame.length, at + bytesMax));
      this.readable = openMap() && readEntries(entries);
      this.end = this.readable ? scanner.at : at;
      scanner.release();
    }
    this.#entries = this.readable ? entries : [];
  }

  get(name: string): string | undefined {
    let value: string | undefined;
    for (const entry of this.#entries) {
      if (!nameIs(this.#frame, entry.keyStart, entry.keyEnd, name)) continue;
      const text = readScalar(this.#frame, entry.valueStart, entry.end);
      if (text !== undefined) value = value === undefined ? text : `${value},${text}`;
    }
    return value;
  }

  visit(visitor: (name: string, value: string) => void): void {
    for (const entry of this.#entries) {
      const value = readScalar(this.#frame, entry.valueStart, entry.end);
      if (value !== undefined) visitor(this.#nameOf(entry), value);
    }
  }

  /** The map with the edits made; what nobody edited keeps its bytes. `skipped`: a name that is not added if it is not there. */
  edited(edits: readonly HeaderEdit[], skipped: string | undefined): Buffer {
    const frame = this.#frame;
    const writer = new ByteWriter(this.end - this.#at + 256);
    const done = new Set<string>();
    if (this.#at === frame.length || frame[this.#at] === nullByte) writer.byte(untypedMap);
    else writer.copy(frame, this.#at, this.#entries[0]?.start ?? this.end - 1);
    for (const entry of this.#entries) {
      const name = this.#nameOf(entry);
      const edit = edits.find((each) => each.name === name);
      if (edit === undefined || !isScalar(frame[entry.valueStart]!)) {
        // An object stays even if it should go: leaving it out would renumber the references behind it.
        done.add(name);
        writer.copy(frame, entry.start, entry.end);
        continue;
      }
      if (done.has(name)) continue;
      done.add(name);
      const value = joined(edit, this.get(name));
      if (value === undefined) continue;
      writer.copy(frame, entry.start, entry.valueStart);
      writeText(writer, value);
    }
    for (const edit of edits) {
      const value = done.has(edit.name) || edit.name === skipped ? undefined : joined(edit, undefined);
      if (value === undefined) continue;
      writeText(writer, edit.name);
      writeText(writer, value);
    }
    writer.byte(mapEnd);
    return writer.finish();
  }

  #nameOf(entry: Entry): string {
    return decodeText(this.#frame, entry.keyStart, entry.keyEnd).toLowerCase();
  }
}

/** Passes the beginning of a map; false when there is none. */
function openMap(): boolean {
  const code = scanner.peek();
  if (code !== untypedMap && code !== typedMap) return false;
  scanner.skipByte();
  return code === untypedMap || scanner.skipType();
}

function readEntries(entries: Entry[]): boolean {
  while (scanner.peek() !== mapEnd) {
    const start = scanner.at;
    if (entries.length === entriesMax || !scanner.text()) return false;
    const { textStart: keyStart, textEnd: keyEnd, at: valueStart } = scanner;
    if (!scanner.skipValue()) return false;
    entries.push({ start, keyStart, keyEnd, valueStart, end: scanner.at });
  }
  scanner.skipByte();
  return true;
}

/** What one walk over a map has found. One object for all walks: it is read before the next one. */
export const walked = {
  /** Where the value lies that was looked for, with its length; both 0 when it is not there or the map is broken before it. */
  valueStart: 0,
  valueEnd: 0,
  /** Bit n: a key has n bytes, or n and a multiple of 32. None of a broken map, from which nothing is read. */
  keyLengths: 0,
};

/** Walks over the map at `at` without keeping its entries: for what every call is asked for. */
export function walkAttachments(frame: Buffer, at: number, name: string): void {
  walked.valueStart = walked.valueEnd = walked.keyLengths = 0;
  let keyLengths = 0;
  scanner.begin(frame, at, Math.min(frame.length, at + bytesMax));
  if (openMap()) {
    for (let count = 0; count < entriesMax && scanner.peek() !== mapEnd; count++) {
      if (!scanner.text()) break;
      const { textStart, textEnd, at: valueStart } = scanner;
      if (!scanner.skipValue()) break;
      keyLengths |= 1 << ((textEnd - textStart) & 31);
      if (walked.valueEnd !== 0 || !nameIs(frame, textStart, textEnd, name)) continue;
      walked.valueStart = valueStart;
      walked.valueEnd = scanner.at;
    }
    if (scanner.peek() === mapEnd) walked.keyLengths = keyLengths;
  }
  scanner.release();
}
