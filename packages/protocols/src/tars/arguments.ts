import type { CallArgument } from '@sofamesh/contract/frame-format';
import { argumentBytesMax, argumentsMax, argumentText } from '../shared/arguments.ts';
import { readUint32 } from '../shared/byte-writer.ts';
import { readInteger, Type } from './packet.ts';

/** Types that values have and packets do not. */
const ValueType = { int64: 3, float: 4, double: 5, list: 9, struct: 10, structEnd: 11 } as const;

/** Maps, lists and structs within each other. */
const depthMax = 64;

/**
 * `FrameFormat.arguments` of the body of a call of Tars: its parameters are fields whose tags count from 1. (TUP's have names
 * instead.) Values inside others are passed over.
 */
export function readArguments(body: Buffer): CallArgument[] {
  const found: CallArgument[] = [];
  if (body.length > argumentBytesMax) return found;
  for (let at = 0; found.length < argumentsMax; ) {
    const start = valueStart(body, at);
    const end = start < 0 ? -1 : passValue(body, start, body[at]! & 15, 0);
    if (end < 0 || end > body.length) break;
    found.push({ id: tagOf(body, at), value: scalar(body, body[at]! & 15, start, end) });
    at = end;
  }
  return found;
}

/** Behind the head of a field; -1: there is none. */
function valueStart(body: Buffer, at: number): number {
  const start = at < body.length && body[at]! >> 4 === 15 ? at + 2 : at + 1;
  return start > body.length ? -1 : start;
}

function tagOf(body: Buffer, at: number): number {
  const tag = body[at]! >> 4;
  return tag === 15 ? body[at + 1]! : tag;
}

/** Where a value ends that begins at `at`: beyond the body, or -1, when it is broken. */
function passValue(body: Buffer, at: number, type: number, depth: number): number {
  switch (type) {
    case Type.zero:
      return at;
    case Type.int8:
      return at + 1;
    case Type.int16:
      return at + 2;
    case Type.int32:
    case ValueType.float:
      return at + 4;
    case ValueType.int64:
    case ValueType.double:
      return at + 8;
    case Type.shortText:
      return at < body.length ? at + 1 + body[at]! : -1;
    case Type.longText:
      return at + 4 <= body.length ? at + 4 + readUint32(body, at) : -1;
    case Type.bytes: {
      const count = body[at] === 0 ? countAt(body, at + 1) : -1;
      return count < 0 ? -1 : passField(body, at + 1, depth) + count;
    }
    case Type.map:
      return passItems(body, at, 2, depth + 1);
    case ValueType.list:
      return passItems(body, at, 1, depth + 1);
    case ValueType.struct:
      return passStruct(body, at, depth + 1);
    default:
      return -1;
  }
}

function passField(body: Buffer, at: number, depth: number): number {
  const start = at >= 0 ? valueStart(body, at) : -1;
  return start < 0 ? -1 : passValue(body, start, body[at]! & 15, depth);
}

/** The number of things, a field of its own; -1: there is none. */
function countAt(body: Buffer, at: number): number {
  return at < body.length && body[at]! >> 4 === 0 ? (readInteger(body, at) ?? -1) : -1;
}

function passItems(body: Buffer, at: number, fieldsEach: number, depth: number): number {
  const count = countAt(body, at);
  if (count < 0 || depth > depthMax) return -1;
  let position = passField(body, at, depth);
  // Every field takes a byte or more, so what is claimed and not there ends this early.
  for (let field = 0; field < count * fieldsEach && position >= 0; field++) position = passField(body, position, depth);
  return position;
}

function passStruct(body: Buffer, at: number, depth: number): number {
  let position = depth > depthMax ? -1 : at;
  while (position >= 0 && position < body.length && (body[position]! & 15) !== ValueType.structEnd)
    position = passField(body, position, depth);
  return position < 0 ? -1 : valueStart(body, position);
}

function scalar(body: Buffer, type: number, start: number, end: number): string | undefined {
  switch (type) {
    case Type.zero:
      return '0';
    case Type.int8:
    case Type.int16:
    case Type.int32:
      return String(body.readIntBE(start, end - start));
    case ValueType.int64:
      return String(body.readBigInt64BE(start));
    case ValueType.float:
      return shortest(body.readFloatBE(start));
    case ValueType.double:
      return String(body.readDoubleBE(start));
    case Type.shortText:
      return argumentText(body.subarray(start + 1, end));
    case Type.longText:
      return argumentText(body.subarray(start + 4, end));
    default:
      return undefined;
  }
}

/** The fewest digits that stand for this number of 32 bits: `0.1`, which JavaScript's own would not say. */
function shortest(float: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const rounded = Number(float.toPrecision(digits));
    if (Math.fround(rounded) === float) return String(rounded);
  }
  return String(float);
}
