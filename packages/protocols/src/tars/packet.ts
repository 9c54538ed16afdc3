import type { FrameFault } from '@sofamesh/contract/frame-format';
import { readUint32 } from '../shared/byte-writer.ts';

/**
 * A packet is its length (u32, these four bytes included) and a row of fields in ascending order of their tags. A field is a
 * head, tag << 4 | type, and a value; all numbers are big-endian, and an integer takes the smallest type that holds it.
 *
 *     request, and answer of TUP                    answer
 *     1  iVersion      1 Tars, 2 and 3 TUP, 5 JSON  1  iVersion (0 in answers of TarsGo to what it cannot run)
 *     2  cPacketType   1: one-way                   2  cPacketType
 *     3  iMessageType                               3  iRequestId     0: answers no call
 *     4  iRequestId                                 4  iMessageType
 *     5  sServantName  text                         5  iRet           integer: this tells an answer from a request
 *     6  sFuncName     text                         6  sBuffer        bytes
 *     7  sBuffer       bytes                        7  status         map
 *     8  iTimeout      milliseconds                 8  sResultDesc    text
 *     9  context       map of texts                 9  context        map of texts, may be missing
 *    10  status        map of texts
 */
export const Type = {
  int8: 0,
  int16: 1,
  int32: 2,
  /** Length in one byte. */
  shortText: 6,
  /** Length in four bytes. */
  longText: 7,
  map: 8,
  zero: 12,
  /** The head of their type (0), their number, themselves. */
  bytes: 13,
} as const;

export const Version = { none: 0, tars: 1, tupComplex: 2, tup: 3, json: 5 } as const;

export function isTup(version: number): boolean {
  return version === Version.tup || version === Version.tupComplex;
}

/** Tags of a request, and of an answer of TUP. */
export const RequestTag = { id: 4, servant: 5, method: 6, body: 7, timeout: 8, context: 9, status: 10 } as const;
/** Tags of an answer. */
export const ReplyTag = { id: 3, ret: 5, body: 6, description: 8, context: 9 } as const;

/** Length, version (2 bytes at most), three integers (5 at most), and the head of the field behind them. */
export const headBytes = 22;

/** What all implementations of Tars accept at most. */
export const packetBytesMax = 10 * 1024 * 1024;

/** Bytes of an integer's value by its type; -1: no integer that a packet has. */
export function integerBytes(type: number): number {
  switch (type) {
    case Type.zero:
      return 0;
    case Type.int8:
      return 1;
    case Type.int16:
      return 2;
    case Type.int32:
      return 4;
    default:
      return -1;
  }
}

/** As `FrameFormat.length`. What it lets pass has four integers and, inside the packet, the head of a servant or an iRet. */
export function packetLength(bytes: Buffer, at: number, end: number): number | FrameFault {
  if (bytes[at] !== 0) return noPacket;
  if (end - at < 4) return 0;
  const length = readUint32(bytes, at);
  if (length > packetBytesMax) return { code: 'frame_too_large', message: `a packet of ${length} bytes` };
  let position = at + 4;
  for (let tag = 1; tag <= 5; tag++) {
    if (position >= at + length) return { code: 'bad_length', message: `a packet of ${length} bytes` };
    if (position >= end) return 0;
    const head = bytes[position]!;
    const type = head & 15;
    if (head >> 4 !== tag || !allowed(tag, type)) return noPacket;
    if (tag === 1 && type === Type.int8) {
      if (position + 1 >= end) return 0;
      if (!isVersion(bytes[position + 1]!)) return { code: 'bad_version', message: 'an unknown version' };
    }
    position += 1 + integerBytes(type);
  }
  return length;
}

const noPacket: FrameFault = { code: 'bad_packet', message: 'not a packet of Tars' };

function allowed(tag: number, type: number): boolean {
  if (tag === 1) return type === Type.int8 || type === Type.zero;
  return integerBytes(type) >= 0 || (tag === 5 && isText(type));
}

/** Versions that are written as a number; a missing one is written as nothing. */
function isVersion(version: number): boolean {
  return version >= Version.tars && version <= Version.json && version !== 4;
}

/** As `Protocol.detect`: what a client begins with. Six bytes decide. */
export function detectPacket(prefix: Buffer): 'match' | 'mismatch' | 'more' {
  const { length } = prefix;
  if (prefix[0] !== 0) return 'mismatch';
  if (length >= 2 && prefix[1]! > packetBytesMax >> 16) return 'mismatch';
  if (length >= 4 && (readUint32(prefix, 0) < requestBytesMin || readUint32(prefix, 0) > packetBytesMax))
    return 'mismatch';
  if (length >= 5 && prefix[4] !== 0x10) return 'mismatch';
  if (length < 6) return 'more';
  return isVersion(prefix[5]!) ? 'match' : 'mismatch';
}

/** Its length, the version, three integers that are 0, and two texts and bytes that are empty. */
const requestBytesMin = 4 + 2 + 3 + 2 * 2 + 3;

function isText(type: number): boolean {
  return type === Type.shortText || type === Type.longText;
}

/**
 * Walks over the fields of a packet that {@link packetLength} has let pass. A field that is broken, or of a type that no field
 * of a packet has, is where the walk ends. Texts, bytes and maps of texts are stepped over, whatever they hold.
 */
export class FieldWalk {
  readonly #frame: Buffer;
  tag = 0;
  type = 0;
  /** The field with its head. */
  start = 4;
  end = 4;
  /** The value without its lengths; of a map: its first entry. */
  valueStart = 4;
  /** Of a map. */
  entries = 0;
  /** The walk ended before the packet did. */
  broken = false;

  constructor(frame: Buffer) {
    this.#frame = frame;
  }

  /**
   * To the field with this tag, which is not behind the walk. False: there is none, `start` and `end` are where it would be,
   * and the walk can go on to later ones.
   */
  seek(tag: number): boolean {
    while (this.next()) {
      if (this.tag === tag) return true;
      if (this.tag > tag) break;
    }
    this.end = this.start;
    this.tag = tag;
    return false;
  }

  seekText(tag: number): boolean {
    return this.seek(tag) && isText(this.type);
  }

  /** Undefined: no such field, or no text. */
  text(tag: number): string | undefined {
    return this.seekText(tag) ? this.#frame.toString('utf8', this.valueStart, this.end) : undefined;
  }

  /** Undefined: no such field, or no integer. */
  integer(tag: number): number | undefined {
    return this.seek(tag) ? readInteger(this.#frame, this.start) : undefined;
  }

  next(): boolean {
    const frame = this.#frame;
    this.start = this.end;
    if (this.start >= frame.length) return false;
    const head = frame[this.start]!;
    const tag = head >> 4;
    // Tags from 15 on take a second byte; no packet has one.
    const end = tag === 15 || tag <= this.tag ? -1 : this.#pass(head & 15, this.start + 1);
    this.broken = end < 0 || end > frame.length;
    if (this.broken) return false;
    this.end = end;
    this.tag = tag;
    this.type = head & 15;
    return true;
  }

  /** Where a value ends that begins at `at`; negative: it is broken. */
  #pass(type: number, at: number): number {
    const frame = this.#frame;
    this.valueStart = at;
    switch (type) {
      case Type.shortText:
        this.valueStart = at + 1;
        return at < frame.length ? at + 1 + frame[at]! : -1;
      case Type.longText:
        this.valueStart = at + 4;
        return at + 4 <= frame.length ? at + 4 + readUint32(frame, at) : -1;
      case Type.bytes: {
        const count = frame[at] === 0 ? this.#count(at + 1) : -1;
        return count < 0 ? -1 : this.valueStart + count;
      }
      case Type.map:
        return this.#passEntries(this.#count(at));
      default: {
        const bytes = integerBytes(type);
        return bytes < 0 ? -1 : at + bytes;
      }
    }
  }

  /** The number of things, an integer with tag 0 at `at`; negative: there is none. The things begin at `valueStart`. */
  #count(at: number): number {
    const frame = this.#frame;
    if (at >= frame.length || frame[at]! >> 4 !== 0) return -1;
    this.valueStart = at + 1 + integerBytes(frame[at]!);
    return readInteger(frame, at) ?? -1;
  }

  #passEntries(count: number): number {
    this.entries = count;
    let at = this.valueStart;
    for (let text = 0; text < count * 2; text++) {
      at = textEnd(this.#frame, at, text & 1);
      if (at < 0) return -1;
    }
    return count < 0 ? -1 : at;
  }
}

/** The signed integer whose head is at `at`; undefined when there is none, or not all of it. */
export function readInteger(frame: Buffer, at: number): number | undefined {
  const bytes = at < frame.length ? integerBytes(frame[at]! & 15) : -1;
  if (bytes < 0 || at + 1 + bytes > frame.length) return undefined;
  return bytes === 0 ? 0 : frame.readIntBE(at + 1, bytes);
}

/** Where the head of a field is, one of the five that {@link packetLength} has seen. */
export function headOf(frame: Buffer, tag: number): number {
  let at = 4;
  for (let each = 1; each < tag; each++) at += 1 + integerBytes(frame[at]! & 15);
  return at;
}

/** Whether the packet looks like a request, which answers of TUP do, too. */
export function isRequestShaped(frame: Buffer): boolean {
  return isText(frame[headOf(frame, 5)]! & 15);
}

/** Where the text behind the head at `at` begins. The head is that of a text. */
export function textStart(frame: Buffer, at: number): number {
  return at + ((frame[at]! & 15) === Type.shortText ? 2 : 5);
}

/** Where the text with the head at `at` ends; negative: it has another tag, or is none, or is cut. */
export function textEnd(frame: Buffer, at: number, tag: number): number {
  const head = frame[at];
  let end = -1;
  if (head === ((tag << 4) | Type.shortText) && at + 1 < frame.length) end = at + 2 + frame[at + 1]!;
  else if (head === ((tag << 4) | Type.longText) && at + 5 <= frame.length) end = at + 5 + readUint32(frame, at + 1);
  return end > frame.length ? -1 : end;
}
