import { mergeEntries } from '../shared/merge-entries.ts';
import type { PacketWriter } from './encode.ts';
import { FieldWalk, Type, textEnd, textStart } from './packet.ts';

/** Entries of a map that are looked at; with more of them it has none. */
const entriesMax = 128;
/** Bytes of such a map. */
const mapBytesMax = 64 * 1024;

/** Where one entry lies: `start` and `end` with its heads and lengths. */
interface Entry {
  readonly start: number;
  readonly valueHead: number;
  readonly end: number;
  readonly key: string;
}

/** A map of texts of a packet. */
export class TextMap {
  /** Where the field lies, or would lie; equal when there is none. */
  readonly start: number;
  readonly end: number;
  /** False: the map is broken or too large, so that nothing can be read from it or changed in it. */
  readonly readable: boolean;
  readonly #frame: Buffer;
  readonly #entries: Entry[] = [];

  constructor(frame: Buffer, tag: number) {
    const walk = new FieldWalk(frame);
    const found = walk.seek(tag);
    this.#frame = frame;
    this.start = walk.start;
    this.end = walk.end;
    const small = walk.entries <= entriesMax && walk.end - walk.start <= mapBytesMax;
    this.readable = found ? walk.type === Type.map && small : !walk.broken;
    if (!found || !this.readable) return;
    for (let at = walk.valueStart; at < walk.end; ) {
      const valueHead = textEnd(frame, at, 0);
      const end = textEnd(frame, valueHead, 1);
      this.#entries.push({ start: at, valueHead, end, key: frame.toString('utf8', textStart(frame, at), valueHead) });
      at = end;
    }
  }

  /** The value of a key, in the very spelling. */
  get(key: string): string | undefined {
    const entry = this.#entries.find((each) => each.key === key);
    return entry && this.#valueOf(entry);
  }

  /** Keys in lower case. */
  visit(visitor: (name: string, value: string) => void): void {
    for (const entry of this.#entries) visitor(entry.key.toLowerCase(), this.#valueOf(entry));
  }

  /** Writes the field anew with these headers; entries that stay keep their bytes, and their keys their spelling. */
  writeWith(headers: readonly (readonly [name: string, value: string])[], tag: number, writer: PacketWriter): void {
    const old = this.#entries.map((entry): [string, string] => [entry.key.toLowerCase(), this.#valueOf(entry)]);
    const merged = mergeEntries(old, headers);
    writer.mapHead(tag, merged.length);
    for (const { from, name, value } of merged) {
      const entry = from === undefined ? undefined : this.#entries[from]!;
      if (entry === undefined) writer.text(0, name);
      else writer.bytes.copy(this.#frame, entry.start, entry.valueHead);
      if (entry !== undefined && value === old[from!]![1]) {
        writer.bytes.copy(this.#frame, entry.valueHead, entry.end);
      } else {
        writer.text(1, value);
      }
    }
  }

  /** Writes the field anew with this key set. */
  writeSetting(key: string, value: string, tag: number, writer: PacketWriter): void {
    const entries = this.#entries.map((entry): [string, string] => [entry.key, this.#valueOf(entry)]);
    const others = entries.filter(([each]) => each !== key);
    writer.map(tag, [...others, [key, value]]);
  }

  #valueOf(entry: Entry): string {
    return this.#frame.toString('utf8', textStart(this.#frame, entry.valueHead), entry.end);
  }
}
