import { staticFieldCount, staticNames, staticValues } from './static-table.ts';

/** What an entry counts beyond its octets (RFC 7541 §4.1). */
export const entryOverheadBytes = 32;
const firstSlots = 16;

/** The fields that a peer's blocks can refer to: the static ones, then its dynamic table, newest first (RFC 7541 §2.3). */
export class DecodingTable {
  /** A ring whose length is a power of two; it grows with the entries, which their own limit bounds. */
  #names: string[] = [];
  #values: string[] = [];
  /** Where the next entry goes; the newest is before it. */
  #next = 0;
  #count = 0;
  #bytes = 0;
  #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** Octets that the dynamic entries count (RFC 7541 §4.1). */
  get bytes(): number {
    return this.#bytes;
  }

  /** The highest index that means something. */
  get lastIndex(): number {
    return staticFieldCount + this.#count;
  }

  /** `index` must be from 1 to {@link lastIndex}. */
  nameAt(index: number): string {
    return index <= staticFieldCount ? staticNames[index]! : this.#names[this.#slotOf(index)]!;
  }

  valueAt(index: number): string {
    return index <= staticFieldCount ? staticValues[index]! : this.#values[this.#slotOf(index)]!;
  }

  /** Makes room first; an entry that is larger than the table leaves it empty, which is no error (RFC 7541 §4.4). */
  add(name: string, value: string): void {
    const bytes = name.length + value.length + entryOverheadBytes;
    this.#evictTo(this.#bytesMax - bytes);
    if (bytes > this.#bytesMax) return;
    if (this.#count === this.#names.length) this.#grow();
    this.#names[this.#next] = name;
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) & (this.#names.length - 1);
    this.#count++;
    this.#bytes += bytes;
  }

  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#evictTo(bytesMax);
  }

  #slotOf(index: number): number {
    return (this.#next - (index - staticFieldCount)) & (this.#names.length - 1);
  }

  #evictTo(bytes: number): void {
    while (this.#count > 0 && this.#bytes > bytes) {
      const oldest = (this.#next - this.#count) & (this.#names.length - 1);
      this.#bytes -= this.#names[oldest]!.length + this.#values[oldest]!.length + entryOverheadBytes;
      this.#names[oldest] = '';
      this.#values[oldest] = '';
      this.#count--;
    }
  }

  #grow(): void {
    const length = Math.max(firstSlots, this.#names.length * 2);
    const names = new Array<string>(length).fill('');
    const values = new Array<string>(length).fill('');
    for (let age = 1; age <= this.#count; age++) {
      const slot = (this.#next - age) & (this.#names.length - 1);
      names[this.#count - age] = this.#names[slot]!;
      values[this.#count - age] = this.#values[slot]!;
    }
    this.#names = names;
    this.#values = values;
    this.#next = this.#count;
  }
}
