import { endInstruction, loopInstruction, readInstruction } from './instructions.ts';
import {
  encodeNumber,
  encodeSigned,
  ModuleReader,
  readSections,
  type Section,
  sectionIds,
  writeSections,
} from './module-bytes.ts';

/** The export that has what is left of a guest's steps. */
export const stepsExport = 'mosn_steps_left';

/** As a power of two, how many bytes (or entries of a table) of a bulk instruction are one step. */
const bytesPerStepBits = 6;

const i32 = 0x7f;
const mutable = 1;
const globalKind = 3;

/**
 * The same module with a count of steps: every call of a function and every round of a loop takes one, an
 * instruction on many bytes one for each 64. Below zero the guest traps. Engines of WebAssembly have no such count, and
 * nothing else ends a loop on a thread that has connections to serve. `stepsAtStart` is what it may take while it is started;
 * after that the variable {@link stepsExport} is written before every call. `module` must be valid and import no variables.
 * Throws `bad_wasm`.
 */
export function limitSteps(module: Buffer, stepsAtStart: number): Buffer {
  const sections = readSections(module);
  const globals = sections.find(({ id }) => id === sectionIds.global);
  const count = globals === undefined ? 0 : new ModuleReader(globals.content).number();
  const variables: Variables = { steps: encodeNumber(count), operand: encodeNumber(count + 1) };
  const added = [stepsAtStart, 0].flatMap((value) => [i32, mutable, 0x41, ...encodeSigned(value), endInstruction]);
  const name = Buffer.from(stepsExport);
  const exported = [...encodeNumber(name.length), ...name, globalKind, ...variables.steps];
  return writeSections(
    withGlobals(sections).map(({ id, content }) => {
      if (id === sectionIds.global) return { id, content: appended(content, 2, added) };
      if (id === sectionIds.export) return { id, content: appended(content, 1, exported) };
      return { id, content: id === sectionIds.code ? counted(content, variables) : content };
    }),
  );
}

/** Indexes, as they are written. */
interface Variables {
  readonly steps: readonly number[];
  /** Keeps an instruction's last operand while it is looked at. */
  readonly operand: readonly number[];
}

/** Variables stand before the exports, which a codec has. */
function withGlobals(sections: readonly Section[]): readonly Section[] {
  if (sections.some(({ id }) => id === sectionIds.global)) return sections;
  const at = sections.findIndex(({ id }) => id >= sectionIds.export && id !== sectionIds.tag);
  return sections.toSpliced(at, 0, { id: sectionIds.global, content: Buffer.from([0]) });
}

/** A vector with more behind it. */
function appended(vector: Buffer, count: number, items: readonly number[]): Buffer {
  const reader = new ModuleReader(vector);
  const length = encodeNumber(reader.number() + count);
  return Buffer.concat([Buffer.from(length), vector.subarray(reader.at), Buffer.from(items)]);
}

function counted(code: Buffer, variables: Variables): Buffer {
  const oneStep = Buffer.from([...takeSteps(variables, [0x41, 1])]);
  const stepsOfOperand = Buffer.from([
    ...[0x24, ...variables.operand],
    ...takeSteps(variables, [0x23, ...variables.operand, 0x41, bytesPerStepBits, 0x76]),
    ...[0x23, ...variables.operand],
  ]);
  const reader = new ModuleReader(code);
  const count = reader.number();
  const parts: Buffer[] = [Buffer.from(encodeNumber(count))];
  for (let left = count; left > 0; left--) {
    const body = countedBody(reader.bytes(reader.number()), oneStep, stepsOfOperand);
    parts.push(Buffer.from(encodeNumber(body.length)), body);
  }
  return Buffer.concat(parts);
}

function countedBody(body: Buffer, oneStep: Buffer, stepsOfOperand: Buffer): Buffer {
  const reader = new ModuleReader(body);
  for (let left = reader.number(); left > 0; left--) {
    reader.number();
    skipValueType(reader);
  }
  const parts = [body.subarray(0, reader.at), oneStep];
  let copied = reader.at;
  while (!reader.isAtEnd) {
    const start = reader.at;
    const { opcode, isBulk } = readInstruction(reader);
    const at = isBulk ? start : opcode === loopInstruction ? reader.at : undefined;
    if (at === undefined) continue;
    parts.push(body.subarray(copied, at), isBulk ? stepsOfOperand : oneStep);
    copied = at;
  }
  parts.push(body.subarray(copied));
  return Buffer.concat(parts);
}

/** `steps -= amount; if (steps < 0) unreachable`, with an amount that is the code of a number. */
function takeSteps({ steps }: Variables, amount: readonly number[]): number[] {
  const get = [0x23, ...steps];
  return [...get, ...amount, 0x6b, 0x24, ...steps, ...get, 0x41, 0, 0x48, 0x04, 0x40, 0x00, endInstruction];
}

/** References to a type have it behind them. */
function skipValueType(reader: ModuleReader): void {
  const first = reader.byte();
  if (first === 0x63 || first === 0x64) reader.skipNumber();
}
