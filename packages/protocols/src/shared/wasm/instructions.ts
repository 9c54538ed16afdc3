import { CodedError } from '@sofamesh/base/errors';
import type { ModuleReader } from './module-bytes.ts';

/** WebAssembly Core 3.0 §5.4: the instructions that somebody looks for. */
export const loopInstruction = 0x03;
export const endInstruction = 0x0b;

/** Instructions of two bytes whose last operand is a number of bytes or entries: memory.init, .copy, .fill, table.init, .copy, .grow, .fill. */
const bulkInstructions: readonly number[] = [8, 10, 11, 12, 14, 15, 17];

export interface Instruction {
  readonly opcode: number;
  /** It works on as many bytes or entries as its last operand says. */
  readonly isBulk: boolean;
}

/** Steps over one instruction. Throws `bad_wasm` at one of an extension that is not known here. */
export function readInstruction(reader: ModuleReader): Instruction {
  const opcode = reader.byte();
  let isBulk = false;
  switch (opcode) {
    case 0xfc: {
      const second = reader.number();
      isBulk = bulkInstructions.includes(second);
      skipNumbers(reader, operandsOfBulk(second));
      break;
    }
    case 0xfd:
      skipVector(reader, reader.number());
      break;
    default:
      skipPlain(reader, opcode);
  }
  return { opcode, isBulk };
}

function skipPlain(reader: ModuleReader, opcode: number): void {
  switch (opcode) {
    case 0x02: // block
    case loopInstruction:
    case 0x04: // if
    case 0x06: // try
      skipBlockType(reader);
      break;
    case 0x0e: // br_table
      skipNumbers(reader, reader.number() + 1);
      break;
    case 0x11: // call_indirect
    case 0x13: // return_call_indirect
      skipNumbers(reader, 2);
      break;
    case 0x1c: // select with types
      for (let left = reader.number(); left > 0; left--) skipBlockType(reader);
      break;
    case 0x1f: // try_table
      skipTryTable(reader);
      break;
    case 0x43: // f32.const
      reader.bytes(4);
      break;
    case 0x44: // f64.const
      reader.bytes(8);
      break;
    default:
      if (oneNumber.has(opcode)) reader.skipNumber();
      else if (opcode >= 0x28 && opcode <= 0x3e) skipMemoryArgument(reader);
      else if (!withoutOperands.has(opcode)) throw unknown(`0x${opcode.toString(16)}`);
  }
}

/** catch, throw, rethrow, br, br_if, call, return_call, call_ref, return_call_ref, delegate, variables, tables, memory.size, memory.grow, i32.const, i64.const, ref.null, ref.func. */
const oneNumber = new Set([
  ...[0x07, 0x08, 0x09, 0x0c, 0x0d, 0x10, 0x12, 0x14, 0x15, 0x18],
  ...[0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x3f, 0x40, 0x41, 0x42, 0xd0, 0xd2, 0xd5, 0xd6],
]);

/** unreachable, nop, else, throw_ref, end, return, catch_all, drop, select, ref.is_null, ref.eq, ref.as_non_null; then arithmetic. */
const withoutOperands = new Set([
  ...[0x00, 0x01, 0x05, 0x0a, endInstruction, 0x0f, 0x19, 0x1a, 0x1b, 0xd1, 0xd3, 0xd4],
  ...Array.from({ length: 0xc5 - 0x45 }, (_, at) => 0x45 + at),
]);

function operandsOfBulk(second: number): number {
  if (second <= 7) return 0;
  const counts = [2, 1, 2, 1, 2, 1, 2, 1, 1, 1];
  const count = counts[second - 8];
  if (count === undefined) throw unknown(`0xfc ${second}`);
  return count;
}

/** SIMD, with relaxed SIMD. */
function skipVector(reader: ModuleReader, second: number): void {
  if (second > 0x113) throw unknown(`0xfd ${second}`);
  const isMemoryLane = second >= 84 && second <= 91;
  if (second <= 11 || isMemoryLane || second === 92 || second === 93) skipMemoryArgument(reader);
  if (isMemoryLane || (second >= 21 && second <= 34)) reader.byte();
  // A constant, and a shuffle.
  if (second === 12 || second === 13) reader.bytes(16);
}

/** Alignment and offset; where bit 6 of the alignment is set, a memory's index is between them. */
function skipMemoryArgument(reader: ModuleReader): void {
  skipNumbers(reader, (reader.number() & 0x40) === 0 ? 1 : 2);
}

/** Nothing, a type, or the index of one; references to a type have it behind them. */
function skipBlockType(reader: ModuleReader): void {
  const start = reader.at;
  reader.skipNumber();
  const [first] = reader.since(start);
  if (first === 0x63 || first === 0x64) reader.skipNumber();
}

function skipTryTable(reader: ModuleReader): void {
  skipBlockType(reader);
  for (let left = reader.number(); left > 0; left--) {
    const kind = reader.byte();
    if (kind > 3) throw unknown(`0x1f with a catch ${kind}`);
    skipNumbers(reader, kind < 2 ? 2 : 1);
  }
}

function skipNumbers(reader: ModuleReader, count: number): void {
  for (let left = count; left > 0; left--) reader.skipNumber();
}

function unknown(what: string): CodedError {
  return new CodedError('bad_wasm', `has the instruction ${what}, which is not supported`);
}
