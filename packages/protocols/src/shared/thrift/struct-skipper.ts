import { readUint32 } from '../byte-writer.ts';
import { binaryTypes, compactTypes, type ValueTypes } from './value-types.ts';
import { varint32, varint32Octets, varint64Octets, varintEnd } from './varint.ts';

/** Structs, lists, sets and maps within each other, as many as Thrift's own libraries read by default. */
export const depthMax = 64;

export type SkipState = 'running' | 'done' | 'broken' | 'too-deep' | 'too-large';

/** What a level of the stack holds, apart from a number of elements. */
const structLevel = -1;

/**
 * Finds the end of a struct, or of one value, without making anything of it, in bytes that come in pieces: it stops between two parts and goes
 * on from there, so that every byte is looked at once (the few of an unfinished number or head again). Texts and lists of
 * values of one length are passed over as a whole. A length or a count for which there is no room within the limit is
 * refused where it stands, before its bytes come.
 */
export class StructSkipper {
  #types: ValueTypes = binaryTypes;
  #state: SkipState = 'done';
  /** Octets to pass over, whatever they are. */
  #pending = 0;
  /** Type of the value that comes next; 0: the next part of the innermost level. */
  #wanted = 0;
  #depth = 0;
  /** Of every level: {@link structLevel}, or values that are left. */
  readonly #left = new Float64Array(depthMax);
  /** Of every level: type of its values, and of every second one in a map. */
  readonly #type = new Uint8Array(depthMax);
  readonly #otherType = new Uint8Array(depthMax);

  get state(): SkipState {
    return this.#state;
  }

  begin(compact: boolean): void {
    this.beginValue(compact, 0);
    this.#state = 'running';
    this.#depth = 1;
    this.#left[0] = structLevel;
  }

  /** For one value of a type as a field's head names it, in place of a struct. */
  beginValue(compact: boolean, type: number): void {
    this.#types = compact ? compactTypes : binaryTypes;
    this.#state = this.#types.leastBytes[type] === 0 ? 'broken' : 'running';
    this.#pending = 0;
    this.#wanted = type;
    this.#depth = 0;
  }

  /**
   * Goes on at `at`, where it stopped before; bytes up to `end` have come, and the struct must end at or before `limit`.
   * Returns where it stopped: while the state is `running` there are too few bytes.
   */
  run(bytes: Uint8Array, at: number, end: number, limit: number): number {
    let position = at;
    while (this.#state === 'running') {
      if (this.#pending > 0) {
        const step = Math.min(this.#pending, end - position);
        this.#pending -= step;
        position += step;
        if (this.#pending > 0) return position;
      }
      if (this.#depth === 0 && this.#wanted === 0) {
        this.#state = 'done';
        return position;
      }
      const next = this.#wanted === 0 ? this.#nextPart(bytes, position, end) : this.#value(bytes, position, end, limit);
      if (next < 0) return position;
      position = next;
      if (position + this.#pending > limit) this.#state = 'too-large';
    }
    return position;
  }

  /** Position behind what was taken, -1: too few bytes, or a state other than `running`. */
  #nextPart(bytes: Uint8Array, at: number, end: number): number {
    const level = this.#depth - 1;
    const left = this.#left[level]!;
    if (left === structLevel) return at < end ? this.#field(bytes, at, end) : -1;
    if (left === 0) this.#depth--;
    else {
      this.#wanted = this.#type[level]!;
      this.#type[level] = this.#otherType[level]!;
      this.#otherType[level] = this.#wanted;
      this.#left[level] = left - 1;
    }
    return at;
  }

  #field(bytes: Uint8Array, at: number, end: number): number {
    const first = bytes[at]!;
    if (first === 0) {
      this.#depth--;
      return at + 1;
    }
    const compact = this.#types === compactTypes;
    const type = compact ? first & 0x0f : first;
    if (this.#types.leastBytes[type] === 0) return this.#fail('broken');
    let next = at + 1;
    if (!compact) next += 2;
    else if (first < 0x10) next = varintEnd(bytes, next, end, varint32Octets);
    if (next < 0) return this.#fail('broken');
    if (next === 0 || next > end) return -1;
    // The type says whether it is true or false.
    if (!compact || type > 2) this.#wanted = type;
    return next;
  }

  #value(bytes: Uint8Array, at: number, end: number, limit: number): number {
    const types = this.#types;
    const type = this.#wanted;
    const fixed = types.fixedBytes[type]!;
    if (fixed > 0) {
      this.#pending = fixed;
      this.#wanted = 0;
      return at;
    }
    if (type === types.struct) return this.#push(at, structLevel, 0, 0);
    if (types.varint(type)) {
      const next = varintEnd(bytes, at, end, type === 6 ? varint64Octets : varint32Octets);
      if (next < 0) return this.#fail('broken');
      if (next > 0) this.#wanted = 0;
      return next === 0 ? -1 : next;
    }
    if (type === types.text) return this.#text(bytes, at, end);
    return types === compactTypes
      ? this.#compactContainer(bytes, at, end, limit)
      : this.#binaryContainer(bytes, at, end, limit);
  }

  #text(bytes: Uint8Array, at: number, end: number): number {
    let next = at + 4;
    if (this.#types === compactTypes) next = varintEnd(bytes, at, end, varint32Octets);
    if (next < 0) return this.#fail('broken');
    if (next === 0 || next > end) return -1;
    this.#pending = this.#types === compactTypes ? varint32(bytes, at, next) : readUint32(bytes, at);
    this.#wanted = 0;
    return next;
  }

  #binaryContainer(bytes: Uint8Array, at: number, end: number, limit: number): number {
    const map = this.#wanted === this.#types.map;
    const next = at + (map ? 6 : 5);
    if (next > end) return -1;
    const count = readUint32(bytes, next - 4);
    return this.#container(next, count, bytes[at]!, map ? bytes[at + 1]! : undefined, limit);
  }

  #compactContainer(bytes: Uint8Array, at: number, end: number, limit: number): number {
    if (at >= end) return -1;
    const map = this.#wanted === this.#types.map;
    const first = bytes[at]!;
    if (!map && first < 0xf0) return this.#container(at + 1, first >>> 4, first & 0x0f, undefined, limit);
    const countAt = map ? at : at + 1;
    const countEnd = varintEnd(bytes, countAt, end, varint32Octets);
    if (countEnd < 0) return this.#fail('broken');
    if (countEnd === 0) return -1;
    const count = varint32(bytes, countAt, countEnd);
    if (!map) return this.#container(countEnd, count, first & 0x0f, undefined, limit);
    // An empty map names no types.
    if (count === 0) return this.#container(countEnd, 0, 0, 0, limit);
    if (countEnd >= end) return -1;
    const both = bytes[countEnd]!;
    return this.#container(countEnd + 1, count, both >>> 4, both & 0x0f, limit);
  }

  /** `valueType`: of a map. */
  #container(at: number, count: number, type: number, valueType: number | undefined, limit: number): number {
    if (count === 0) {
      this.#wanted = 0;
      return at;
    }
    const { leastBytes, fixedBytes } = this.#types;
    const other = valueType ?? type;
    if (leastBytes[type] === 0 || leastBytes[other] === 0) return this.#fail('broken');
    const values = valueType === undefined ? count : count * 2;
    if (at + (values / 2) * (leastBytes[type]! + leastBytes[other]!) > limit) return this.#fail('too-large');
    if (fixedBytes[type]! === 0 || fixedBytes[other]! === 0) return this.#push(at, values, type, other);
    this.#pending = (values / 2) * (fixedBytes[type]! + fixedBytes[other]!);
    this.#wanted = 0;
    return at;
  }

  #push(at: number, left: number, type: number, otherType: number): number {
    if (this.#depth === depthMax) return this.#fail('too-deep');
    this.#left[this.#depth] = left;
    this.#type[this.#depth] = type;
    this.#otherType[this.#depth] = otherType;
    this.#depth++;
    this.#wanted = 0;
    return at;
  }

  #fail(state: SkipState): -1 {
    this.#state = state;
    return -1;
  }
}
