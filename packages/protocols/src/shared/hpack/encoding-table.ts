import { entryOverheadBytes } from './decoding-table.ts';
import { type Indexing, indexingOf } from './index-policy.ts';
import { type StaticName, staticFieldCount, staticNameIndex } from './static-table.ts';

/** Names that are remembered, twice as many as the table can have entries; then those without an entry are forgotten. */
const namesMax = 256;
/** Longer names are sent as literals every time. */
const nameCharactersMax = 64;
/** Entries that a name may put into the table without one of them being used; every use gives one back. */
const creditMax = 4;
/** A name without credit gets another try after so many fields, for a peer's habits change. */
const retryFields = 64;

/** One name of the fields that were sent: where its values are, and whether they are worth a place in the table. */
export interface NameRecord {
  readonly name: string;
  readonly static: StaticName | undefined;
  readonly indexing: Indexing;
  /** In the dynamic table, oldest first. */
  readonly entries: Entry[];
  credit: number;
  /** Fields that were sent since the credit was used up. */
  waited: number;
}

interface Entry {
  readonly record: NameRecord;
  readonly value: string;
  /** Entries are numbered as they are added; an index counts back from the newest. */
  readonly number: number;
}

/**
 * The dynamic table as its sender keeps it: found by name, evicted by age. What is worth an entry is learnt: a name whose
 * values come again keeps its credit, one whose values never do (a request id) uses it up and leaves the table to others.
 */
export class EncodingTable {
  readonly #records = new Map<string, NameRecord>();
  /** Oldest first from `#oldest` on; what is before it was evicted. */
  #entries: Entry[] = [];
  #oldest = 0;
  #added = 0;
  #bytes = 0;
  #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** Undefined for a name that is too long to be worth it; such a field is sent as a literal that is not indexed. */
  recordOf(name: string): NameRecord | undefined {
    const known = this.#records.get(name);
    if (known !== undefined) return known;
    if (name.length > nameCharactersMax) return undefined;
    if (this.#records.size >= namesMax) this.#forgetUnused();
    const record = {
      name: ownCopy(name),
      static: staticNameIndex.get(name),
      indexing: indexingOf(name),
      entries: [],
      credit: creditMax,
      waited: 0,
    };
    this.#records.set(record.name, record);
    return record;
  }

  /** Index of the whole field, or 0. */
  find(record: NameRecord, value: string): number {
    const values = record.static?.values;
    if (values !== undefined) {
      for (let at = 0; at < values.length; at++) if (values[at] === value) return record.static!.index + at;
    }
    for (let at = record.entries.length - 1; at >= 0; at--) {
      if (record.entries[at]!.value !== value) continue;
      if (record.credit < creditMax) record.credit++;
      return this.#indexOf(record.entries[at]!);
    }
    return 0;
  }

  /** Index of some field with this name, or 0. */
  findName(record: NameRecord): number {
    if (record.static !== undefined) return record.static.index;
    const newest = record.entries.at(-1);
    return newest === undefined ? 0 : this.#indexOf(newest);
  }

  /** Whether this field is worth an entry; if so, {@link add} has to follow. Takes from the credit of its name. */
  worthAdding(record: NameRecord, value: string): boolean {
    // An entry that fills most of the table throws out what others still use.
    if ((record.name.length + value.length + entryOverheadBytes) * 4 > this.#bytesMax * 3) return false;
    if (record.credit === 0) {
      if (++record.waited < retryFields) return false;
      record.waited = 0;
      return true;
    }
    record.credit--;
    return true;
  }

  add(record: NameRecord, value: string): void {
    const bytes = record.name.length + value.length + entryOverheadBytes;
    this.#evictTo(this.#bytesMax - bytes);
    const entry = { record, value: ownCopy(value), number: this.#added++ };
    this.#entries.push(entry);
    record.entries.push(entry);
    this.#bytes += bytes;
  }

  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#evictTo(bytesMax);
  }

  #forgetUnused(): void {
    for (const record of this.#records.values()) if (record.entries.length === 0) this.#records.delete(record.name);
  }

  #indexOf(entry: Entry): number {
    return staticFieldCount + this.#added - entry.number;
  }

  #evictTo(bytes: number): void {
    while (this.#bytes > bytes) {
      const { record, value } = this.#entries[this.#oldest++]!;
      record.entries.shift();
      this.#bytes -= record.name.length + value.length + entryOverheadBytes;
    }
    if (this.#oldest * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#oldest);
      this.#oldest = 0;
    }
  }
}

/** A string that does not keep alive the larger one that it may be a part of. */
function ownCopy(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
