import { type ByteWriter, readUint32, writeUint32 } from '../byte-writer.ts';
import { needMore, refused } from '../frame-splitter.ts';
import { varint32, varint32Length, varint32Octets, varintEnd, writeVarint32 } from './varint.ts';

/**
 * The head of a Thrift message, in front of the struct that holds its arguments or its result:
 *
 *     binary        80 01 · unused octet · type · u32 length, name · u32 sequence id
 *     old binary    u32 length, name · type · u32 sequence id
 *     compact       82 · type (3 bits), version 1 (5 bits) · varint sequence id · varint length, name
 */
export const Encoding = { binary: 0, oldBinary: 1, compact: 2 } as const;
export type Encoding = (typeof Encoding)[keyof typeof Encoding];

export const MessageType = { call: 1, reply: 2, exception: 3, oneWay: 4 } as const;

/** A longer name is refused, so that no route, log or metric has to do with it. */
export const nameBytesMax = 16 * 1024;

/** Where the parts of a message's head lie. One object reads many messages, one after the other. */
export class MessageHead {
  encoding: Encoding = Encoding.binary;
  type = 0;
  nameStart = 0;
  nameEnd = 0;
  idStart = 0;
  idEnd = 0;

  /** Position of the struct behind the head, `needMore`, or `refused` for what is no head of a message. */
  read(bytes: Uint8Array, at: number, end: number): number {
    if (at >= end) return needMore;
    const first = bytes[at]!;
    if (first === 0x80) return this.#readBinary(bytes, at, end);
    if (first === 0x82) return this.#readCompact(bytes, at, end);
    return first === 0 ? this.#readOldBinary(bytes, at, end) : refused;
  }

  /** Signed in Thrift; read without the sign, which comes back as it was. */
  id(bytes: Uint8Array): number {
    if (this.encoding === Encoding.compact) return varint32(bytes, this.idStart, this.idEnd);
    return readUint32(bytes, this.idStart);
  }

  /** Whether {@link stampId} can put this id where the old one is. */
  idFits(id: number): boolean {
    return this.encoding !== Encoding.compact || varint32Length(id) === this.idEnd - this.idStart;
  }

  stampId(bytes: Uint8Array, id: number): void {
    if (this.encoding !== Encoding.compact) {
      writeUint32(bytes, this.idStart, id);
      return;
    }
    let rest = id >>> 0;
    for (let at = this.idStart; at < this.idEnd; at++, rest >>>= 7) {
      bytes[at] = at + 1 < this.idEnd ? (rest & 0x7f) | 0x80 : rest;
    }
  }

  #readBinary(bytes: Uint8Array, at: number, end: number): number {
    this.encoding = Encoding.binary;
    if (end - at > 1 && bytes[at + 1] !== 1) return refused;
    if (end - at > 3 && !this.#takeType(bytes[at + 3]!)) return refused;
    if (end - at < 8) return needMore;
    const length = readUint32(bytes, at + 4);
    if (length > nameBytesMax) return refused;
    this.nameStart = at + 8;
    this.nameEnd = this.nameStart + length;
    return this.#takeId(this.nameEnd, this.nameEnd + 4, end);
  }

  #readOldBinary(bytes: Uint8Array, at: number, end: number): number {
    this.encoding = Encoding.oldBinary;
    if (end - at < 4) return needMore;
    const length = readUint32(bytes, at);
    if (length === 0 || length > nameBytesMax) return refused;
    this.nameStart = at + 4;
    this.nameEnd = this.nameStart + length;
    if (end <= this.nameEnd) return needMore;
    if (!this.#takeType(bytes[this.nameEnd]!)) return refused;
    return this.#takeId(this.nameEnd + 1, this.nameEnd + 5, end);
  }

  #readCompact(bytes: Uint8Array, at: number, end: number): number {
    this.encoding = Encoding.compact;
    if (end - at < 2) return needMore;
    const second = bytes[at + 1]!;
    if ((second & 0x1f) !== 1 || !this.#takeType(second >>> 5)) return refused;
    this.idStart = at + 2;
    this.idEnd = varintEnd(bytes, this.idStart, end, varint32Octets);
    if (this.idEnd <= 0) return this.idEnd;
    this.nameStart = varintEnd(bytes, this.idEnd, end, varint32Octets);
    if (this.nameStart <= 0) return this.nameStart;
    const length = varint32(bytes, this.idEnd, this.nameStart);
    if (length > nameBytesMax) return refused;
    this.nameEnd = this.nameStart + length;
    return this.nameEnd > end ? needMore : this.nameEnd;
  }

  #takeType(type: number): boolean {
    this.type = type;
    return type >= MessageType.call && type <= MessageType.oneWay;
  }

  #takeId(start: number, structStart: number, end: number): number {
    this.idStart = start;
    this.idEnd = structStart;
    return structStart > end ? needMore : structStart;
  }
}

export function writeMessageHead(
  writer: ByteWriter,
  encoding: Encoding,
  type: number,
  name: Uint8Array,
  id: number,
): void {
  const bytes = Buffer.from(name.buffer, name.byteOffset, name.length);
  if (encoding === Encoding.compact) {
    writer.byte(0x82);
    writer.byte((type << 5) | 1);
    writeVarint32(writer, id);
    writeVarint32(writer, bytes.length);
    writer.copy(bytes, 0, bytes.length);
    return;
  }
  if (encoding === Encoding.binary) writer.uint32(0x80010000 + type);
  writer.uint32(bytes.length);
  writer.copy(bytes, 0, bytes.length);
  if (encoding === Encoding.oldBinary) writer.byte(type);
  writer.uint32(id);
}
