import type { CallArgument } from '@sofamesh/contract/frame-format';
import { argumentBytesMax, argumentsMax, argumentText } from '../arguments.ts';
import { readUint16, readUint32 } from '../byte-writer.ts';
import { StructSkipper } from './struct-skipper.ts';
import { unzigzag, varint32, varint32Octets, varintEnd } from './varint.ts';

/** One for all: a struct is read in one go. */
const skipper = new StructSkipper();

/** `FrameFormat.arguments` of the struct that a call's message ends in. Values inside others are passed over. */
export function readArguments(struct: Buffer, compact: boolean): CallArgument[] {
  const found: CallArgument[] = [];
  if (struct.length > argumentBytesMax) return found;
  const field = { id: 0, type: 0 };
  for (let at = 0; found.length < argumentsMax; ) {
    const start = compact ? compactField(struct, at, field) : binaryField(struct, at, field);
    if (start < 0) break;
    // The type of a compact boolean is its value.
    const end = compact && field.type <= 2 ? start : valueEnd(struct, start, compact, field.type);
    if (end < 0) break;
    const value = struct.subarray(start, end);
    found.push({ id: field.id, value: compact ? compactScalar(field.type, value) : binaryScalar(field.type, value) });
    at = end;
  }
  return found;
}

interface Field {
  id: number;
  type: number;
}

/** Position of the value; -1: there is no field. */
function binaryField(struct: Buffer, at: number, field: Field): number {
  if (at + 3 > struct.length || struct[at] === 0) return -1;
  field.type = struct[at]!;
  field.id = readUint16(struct, at + 1);
  return at + 3;
}

function compactField(struct: Buffer, at: number, field: Field): number {
  const head = at < struct.length ? struct[at]! : 0;
  field.type = head & 0x0f;
  if (field.type === 0) return -1;
  if (head >>> 4 !== 0) {
    field.id += head >>> 4;
    return at + 1;
  }
  const end = varintEnd(struct, at + 1, struct.length, varint32Octets);
  field.id = unzigzag(varint32(struct, at + 1, end));
  return end > 0 ? end : -1;
}

function valueEnd(struct: Buffer, at: number, compact: boolean, type: number): number {
  skipper.beginValue(compact, type);
  const end = skipper.run(struct, at, struct.length, struct.length);
  return skipper.state === 'done' ? end : -1;
}

function binaryScalar(type: number, value: Buffer): string | undefined {
  switch (type) {
    case 2:
      return String(value[0] !== 0);
    case 3:
      return String(value.readInt8());
    case 4:
      return String(value.readDoubleBE());
    case 6:
      return String(value.readInt16BE());
    case 8:
      return String(readUint32(value, 0) | 0);
    case 10:
      return String(value.readBigInt64BE());
    case 11:
      return argumentText(value.subarray(4));
    default:
      return undefined;
  }
}

function compactScalar(type: number, value: Buffer): string | undefined {
  switch (type) {
    case 1:
    case 2:
      return String(type === 1);
    case 3:
      return String(value.readInt8());
    case 4:
    case 5:
      return String(unzigzag(varint32(value, 0, value.length)));
    case 6:
      return String(long(value));
    case 7:
      return String(value.readDoubleLE());
    case 8:
      return argumentText(value.subarray(varintEnd(value, 0, value.length, varint32Octets)));
    default:
      return undefined;
  }
}

/** A zigzag number of 64 bits. */
function long(varint: Buffer): bigint {
  let value = 0n;
  for (let at = varint.length - 1; at >= 0; at--) value = (value << 7n) | BigInt(varint[at]! & 0x7f);
  value = BigInt.asUintN(64, value);
  return (value >> 1n) ^ -(value & 1n);
}
