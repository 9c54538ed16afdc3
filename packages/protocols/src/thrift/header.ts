import { ByteWriter, readUint16, readUint32 } from '../shared/byte-writer.ts';
import { varint32, varint32Octets, varintEnd, writeVarint32 } from '../shared/thrift/varint.ts';

/**
 * A frame of Thrift's header transport (HeaderFormat.md of Apache Thrift):
 *
 *     0        4      6       8             12           14
 *     ┌────────┬──────┬───────┬─────────────┬────────────┬───────┬─────────┐
 *     │ length │ 0FFF │ flags │ sequence id │ block/4    │ block │ message │
 *     └────────┴──────┴───────┴─────────────┴────────────┴───────┴─────────┘
 *     block, padded with zeros: varint protocol (0 binary, 2 compact), varint number of transforms, their ids, then parts:
 *         varint kind; kind 1: varint number of entries, each a name and a value with a varint length before
 *         a kind that is not known ends what can be read
 */
export const fixedBytes = 14;
export const sequenceAt = 8;

const entriesKind = 1;
const blockBytesMax = 0xffff * 4;

export function blockBytes(bytes: Uint8Array, at: number): number {
  return readUint16(bytes, at + 12) * 4;
}

/** Why a block cannot be used. */
export type HeaderProblem = 'broken' | 'transformed' | 'protocol' | 'too-many-entries';

/** Where the parts of a frame's block lie. One object reads many. */
export class HeaderBlock {
  /** Behind the block: where the message begins. */
  end = 0;
  sequence = 0;
  problem: HeaderProblem | undefined = undefined;
  /** How the message is encoded, as the block says; false where it does not. */
  compact = false;
  /** The first part, and what follows the last part that can be read. */
  #partsAt = 0;
  #restAt = 0;

  /** False: see {@link problem}. The frame is whole and has the fixed part. */
  read(frame: Buffer, entriesMax: number): boolean {
    this.sequence = readUint32(frame, sequenceAt);
    this.end = fixedBytes + blockBytes(frame, 0);
    this.compact = false;
    this.problem = this.end > frame.length ? 'broken' : this.#readBlock(frame, entriesMax);
    return this.problem === undefined;
  }

  visit(frame: Buffer, visitor: (name: string, value: string) => void): void {
    this.#entries(frame, (nameStart, nameEnd, valueStart, valueEnd) => {
      visitor(frame.toString('utf8', nameStart, nameEnd).toLowerCase(), frame.toString('utf8', valueStart, valueEnd));
    });
  }

  /**
   * The block with these headers in place of its entries; undefined when there is no room for them. An entry that is not
   * changed keeps its bytes, capital letters too.
   */
  rebuilt(frame: Buffer, headers: readonly (readonly [name: string, value: string])[]): Buffer | undefined {
    const left = [...headers];
    const entries = new ByteWriter();
    let count = 0;
    this.#entries(frame, (nameStart, nameEnd, valueStart, valueEnd) => {
      const name = frame.toString('utf8', nameStart, nameEnd).toLowerCase();
      const value = frame.toString('utf8', valueStart, valueEnd);
      const at = left.findIndex((each) => each[0] === name && each[1] === value);
      if (at < 0) return;
      left.splice(at, 1);
      writeText(entries, frame.subarray(nameStart, nameEnd));
      writeText(entries, frame.subarray(valueStart, valueEnd));
      count++;
    });
    for (const [name, value] of left) {
      writeText(entries, Buffer.from(name));
      writeText(entries, Buffer.from(value));
      count++;
    }
    return this.#assemble(frame, count, entries);
  }

  #assemble(frame: Buffer, count: number, entries: ByteWriter): Buffer | undefined {
    const writer = new ByteWriter(entries.length + 64);
    writer.copy(frame, fixedBytes, this.#partsAt);
    if (count > 0) {
      writer.byte(entriesKind);
      writeVarint32(writer, count);
      writer.copy(entries.finish(), 0, entries.length);
    }
    // Parts that are not known stay; padding is made anew.
    if (this.#restAt < this.end && frame[this.#restAt] !== 0) writer.copy(frame, this.#restAt, this.end);
    while (writer.length % 4 !== 0) writer.byte(0);
    return writer.length > blockBytesMax ? undefined : writer.finish();
  }

  #readBlock(frame: Buffer, entriesMax: number): HeaderProblem | undefined {
    const transformsAt = varintEnd(frame, fixedBytes, this.end, varint32Octets);
    if (transformsAt <= 0) return 'broken';
    const protocol = varint32(frame, fixedBytes, transformsAt);
    if (protocol !== 0 && protocol !== 2) return 'protocol';
    this.compact = protocol === 2;
    this.#partsAt = varintEnd(frame, transformsAt, this.end, varint32Octets);
    if (this.#partsAt <= 0) return 'broken';
    if (varint32(frame, transformsAt, this.#partsAt) !== 0) return 'transformed';
    const count = this.#entries(frame, undefined);
    if (count < 0) return 'broken';
    return count > entriesMax ? 'too-many-entries' : undefined;
  }

  /** Walks through the entries; returns their number, -1 when a length does not add up. */
  #entries(
    frame: Buffer,
    visitor: ((nameStart: number, nameEnd: number, valueStart: number, valueEnd: number) => void) | undefined,
  ): number {
    const { end } = this;
    let at = this.#partsAt;
    let seen = 0;
    while (at < end) {
      this.#restAt = at;
      if (frame[at] !== entriesKind) return seen;
      const countEnd = varintEnd(frame, at + 1, end, varint32Octets);
      if (countEnd <= 0) return -1;
      const count = varint32(frame, at + 1, countEnd);
      at = countEnd;
      for (let entry = 0; entry < count; entry++, seen++) {
        const nameStart = varintEnd(frame, at, end, varint32Octets);
        if (nameStart <= 0) return -1;
        const nameEnd = nameStart + varint32(frame, at, nameStart);
        const valueStart = nameEnd >= end ? 0 : varintEnd(frame, nameEnd, end, varint32Octets);
        if (valueStart <= 0) return -1;
        at = valueStart + varint32(frame, nameEnd, valueStart);
        if (at > end) return -1;
        visitor?.(nameStart, nameEnd, valueStart, at);
      }
    }
    this.#restAt = end;
    return seen;
  }
}

function writeText(writer: ByteWriter, bytes: Buffer): void {
  writeVarint32(writer, bytes.length);
  writer.copy(bytes, 0, bytes.length);
}
