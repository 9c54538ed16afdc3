import { NumberField } from './number-field.ts';

/** Where the length of a part stands. */
export type PartLength =
  | { readonly in: 'head'; readonly field: NumberField }
  /** Right before it, in so many bytes. */
  | { readonly in: 'prefix'; readonly size: number }
  | { readonly in: 'spec'; readonly bytes: number }
  /** Up to the end of the frame. */
  | { readonly in: 'nothing' };

export interface Part {
  readonly name: string;
  readonly length: PartLength;
}

/** Where each part begins and ends, in the order of the layout. */
export type PartBounds = readonly number[];

/** A head of fixed size and what follows it: where frames end, where their parts lie, and how they are written anew. */
export class Layout {
  readonly head: number;
  readonly parts: readonly Part[];
  /** Of the whole frame, with what is added to it; undefined: the parts' lengths tell. */
  readonly #total: NumberField | undefined;
  readonly #add: number;
  readonly #little: boolean;

  constructor(head: number, parts: readonly Part[], total: NumberField | undefined, add: number, little: boolean) {
    this.head = head;
    this.parts = parts;
    this.#total = total;
    this.#add = add;
    this.#little = little;
  }

  /** Length of the frame whose head begins at `at`. */
  measure(bytes: Buffer, at: number): number {
    if (this.#total !== undefined) return this.#total.read(bytes, at) + this.#add;
    let length = this.head;
    for (const part of this.parts) length += this.#fixedLength(part, bytes, at) ?? 0;
    return length;
  }

  /** Negative: there is no such part. */
  indexOf(name: string): number {
    return this.parts.findIndex((part) => part.name === name);
  }

  /** Length of the part of that name, where the head or the spec tells it; else 0. */
  claimed(name: string, bytes: Buffer, at: number): number {
    const part = this.parts.find((each) => each.name === name);
    return (part && this.#fixedLength(part, bytes, at)) ?? 0;
  }

  /** Undefined where the parts do not fit into the frame. */
  locate(frame: Buffer): PartBounds | undefined {
    const bounds: number[] = [];
    let at = this.head;
    for (const part of this.parts) {
      let length = this.#fixedLength(part, frame, 0);
      if (length === undefined && part.length.in === 'prefix') {
        const start = at + part.length.size;
        if (start > frame.length) return undefined;
        length = new NumberField(at, part.length.size, this.#little).read(frame);
        at = start;
      }
      const end = length === undefined ? frame.length : at + length;
      if (end > frame.length) return undefined;
      bounds.push(at, end);
      at = end;
    }
    return bounds;
  }

  /**
   * The frame with these parts in place of its own, and every length that follows. What lies behind the last part stays.
   * Undefined where a length has no room for the new one.
   */
  assemble(frame: Buffer, bounds: PartBounds, changed: ReadonlyMap<number, Buffer>): Buffer | undefined {
    const head = Buffer.from(frame.subarray(0, this.head));
    const pieces: Buffer[] = [head];
    for (const [index, part] of this.parts.entries()) {
      const content = changed.get(index) ?? frame.subarray(bounds[2 * index], bounds[2 * index + 1]);
      const { length } = part;
      if (length.in === 'spec' && content.length !== length.bytes) return undefined;
      if (length.in === 'head' && !length.field.write(head, content.length)) return undefined;
      if (length.in === 'prefix') {
        const prefix = Buffer.alloc(length.size);
        if (!new NumberField(0, length.size, this.#little).write(prefix, content.length)) return undefined;
        pieces.push(prefix);
      }
      pieces.push(content);
    }
    pieces.push(frame.subarray(bounds.at(-1) ?? this.head));
    const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (this.#total !== undefined && !this.#total.write(head, total - this.#add)) return undefined;
    return Buffer.concat(pieces, total);
  }

  #fixedLength({ length }: Part, bytes: Buffer, at: number): number | undefined {
    if (length.in === 'head') return length.field.read(bytes, at);
    return length.in === 'spec' ? length.bytes : undefined;
  }
}
