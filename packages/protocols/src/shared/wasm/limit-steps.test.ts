import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readInstruction } from './instructions.ts';
import { limitSteps, stepsExport } from './limit-steps.ts';
import { ModuleReader, readSections } from './module-bytes.ts';
import {
  again,
  assemble,
  type Code,
  call,
  drop,
  end,
  get,
  i32,
  isAbove,
  loop,
  type ModuleSpec,
  set,
  subtract,
  when,
} from './test-support/assembler.ts';

interface Running {
  readonly run: (argument: number) => number;
  readonly stepsLeft: { value: number };
}

const wasm = (
  globalThis as unknown as {
    WebAssembly: {
      Module: new (bytes: Uint8Array) => object;
      Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
    };
  }
).WebAssembly;

function started(bytes: Buffer, steps = 1000): Running {
  const { exports } = new wasm.Instance(new wasm.Module(limitSteps(bytes, steps)));
  return { run: exports['run'] as Running['run'], stepsLeft: exports[stepsExport] as Running['stepsLeft'] };
}

/** A module with the function `run` of one number. */
const moduleOf = (body: Code, more: Partial<ModuleSpec> = {}) =>
  assemble({
    functions: [{ name: 'run', params: ['i32'], results: ['i32'], locals: ['i32'], body }],
    pages: 1,
    ...more,
  });

const countDown = [loop, get(0), i32(1), subtract, set(0), get(0), i32(0), isAbove, when, again(1), end, end, i32(7)];
const memoryFill = [0xfc, 11, 0];

describe('steps', () => {
  test('are taken by calls and by rounds of loops, and what is within them goes on as before', () => {
    const { run, stepsLeft } = started(moduleOf(countDown));
    assert.equal(run(10), 7);
    assert.equal(stepsLeft.value, 1000 - 11);
    stepsLeft.value = 100;
    assert.equal(run(99), 7);
    assert.equal(stepsLeft.value, 0);
    stepsLeft.value = 100;
    assert.throws(() => run(100), /unreachable/);
    assert.ok(stepsLeft.value < 0);
  });

  test('end a loop without end, loops in each other, and functions that call each other', () => {
    assert.throws(() => started(moduleOf([loop, again(), end, i32(1)])).run(0), /unreachable/);
    const nested = [loop, i32(30), set(0), [...countDown, drop], again(), end, i32(1)];
    assert.throws(() => started(moduleOf(nested)).run(0), /unreachable/);
    // It calls itself at the end, so that no stack overflows before.
    const tailCall = [get(0), [0x12, 0]];
    const { run, stepsLeft } = started(moduleOf(tailCall), 2 ** 20);
    assert.throws(() => run(0), /unreachable/);
    assert.equal(stepsLeft.value, -1);
    assert.throws(() => started(moduleOf([get(0), call(0)]), 500).run(0), /unreachable/);
  });

  test('are taken by instructions on many bytes', () => {
    const { run, stepsLeft } = started(moduleOf([i32(0), i32(1), get(0), memoryFill, i32(5)]));
    assert.equal(run(6400), 5);
    assert.equal(stepsLeft.value, 1000 - 1 - 100);
    stepsLeft.value = 1000;
    assert.throws(() => run(65_536), /unreachable/);
    stepsLeft.value = 1000;
    assert.throws(() => run(-1), /unreachable/);
    assert.ok(stepsLeft.value < 0, 'a length of 4 GiB is no negative number of steps');
  });

  test('are counted beside variables that the module has', () => {
    const { run, stepsLeft } = started(moduleOf([get(0), [0x24, 1], [0x23, 0], [0x23, 1], 0x6a], { globals: [40, 0] }));
    assert.equal(run(2), 42);
    assert.equal(stepsLeft.value, 999);
  });

  test('are counted in a module without variables', () => {
    const { run, stepsLeft } = started(withoutSection(moduleOf([get(0)]), 6));
    assert.equal(run(3), 3);
    assert.equal(stepsLeft.value, 999);
  });

  test('are counted while a module starts', () => {
    const start = Buffer.from([8, 1, 1]);
    const bytes = assemble({
      functions: [
        { name: 'run', params: ['i32'], results: ['i32'], body: get(0) },
        { name: 'begin', params: [], body: [loop, again(), end] },
      ],
      pages: 1,
    });
    assert.throws(() => started(withBefore(bytes, 10, start), 2 ** 16), /unreachable/);
  });
});

/** The sections of a module in their places, without one. */
function withoutSection(bytes: Buffer, unwanted: number): Buffer {
  return rebuilt(bytes, (id, section) => (id === unwanted ? [] : [section]));
}

function withBefore(bytes: Buffer, before: number, added: Buffer): Buffer {
  return rebuilt(bytes, (id, section) => (id === before ? [added, section] : [section]));
}

function rebuilt(bytes: Buffer, change: (id: number, section: Buffer) => readonly Buffer[]): Buffer {
  let at = 8;
  const parts = readSections(bytes).flatMap(({ id, content }) => {
    const start = at;
    at = content.byteOffset - bytes.byteOffset + content.length;
    return change(id, bytes.subarray(start, at));
  });
  return Buffer.concat([bytes.subarray(0, 8), ...parts]);
}

describe('an instruction', () => {
  // One of each form that operands have, written down from the specification.
  const forms: Record<string, string> = {
    nop: '01',
    'block without a value': '0240',
    'block with an i64': '027e',
    'block of a type': '02ff00',
    'block with a reference to a type': '026305',
    loop: '0340',
    if: '047f',
    'try (of old)': '0640',
    'catch (of old)': '0780 01',
    throw: '0803',
    throw_ref: '0a',
    br: '0c8101',
    br_table: '0e03 00 01 8001 02',
    return: '0f',
    call: '10ff7f',
    call_indirect: '118001 00',
    return_call: '1205',
    return_call_indirect: '1305 00',
    call_ref: '1407',
    'delegate (of old)': '1801',
    'catch_all (of old)': '19',
    drop: '1a',
    select: '1b',
    'select with types': '1c01 7f',
    try_table: '1f40 03 000102 0200 0301',
    'local.get': '2005',
    'table.get': '2500',
    'i32.load': '2802 8002',
    'i64.store32 of another memory': '3e42 01 10',
    'memory.size': '3f00',
    'memory.grow': '4000',
    'i32.const': '41ffffffff0f',
    'i64.const': '42ffffffffffffffffff00',
    'f32.const': '430000803f',
    'f64.const': '44000000000000f03f',
    'i32.eqz': '45',
    'i64.extend32_s': 'c4',
    'ref.null': 'd070',
    'ref.is_null': 'd1',
    'ref.func': 'd203',
    'i32.trunc_sat_f32_s': 'fc00',
    'data.drop': 'fc09 01',
    'elem.drop': 'fc0d 01',
    'table.size': 'fc10 00',
    'v128.load': 'fd00 04 10',
    'v128.const': `fd0c ${'11'.repeat(16)}`,
    'i8x16.shuffle': `fd0d ${'01'.repeat(16)}`,
    'i8x16.swizzle': 'fd0e',
    'i8x16.extract_lane_s': 'fd15 0f',
    'f64x2.replace_lane': 'fd22 01',
    'v128.load8_lane': 'fd54 00 10 0f',
    'v128.load32_zero': 'fd5c 02 00',
    'i16x8.add': 'fd8e01',
    'i32x4.relaxed_dot_i8x16_i7x16_add_s': 'fd9302',
  };
  for (const [name, hex] of Object.entries(forms)) {
    test(`is read to its end: ${name}`, () => {
      const bytes = Buffer.from(`${hex.replaceAll(' ', '')}0b`, 'hex');
      const reader = new ModuleReader(bytes);
      assert.equal(readInstruction(reader).isBulk, false);
      assert.equal(reader.at, bytes.length - 1);
    });
  }

  for (const hex of ['fc080000', 'fc0a0000', 'fc0b00', 'fc0c0000', 'fc0e0000', 'fc0f00', 'fc1100']) {
    test(`on many bytes or entries is known: ${hex}`, () => {
      const reader = new ModuleReader(Buffer.from(`${hex}0b`, 'hex'));
      assert.equal(readInstruction(reader).isBulk, true);
      assert.equal(reader.at, hex.length / 2);
    });
  }

  for (const hex of ['fb00', 'fe1000', 'ff', '27', 'c5', 'fc12', 'fd9402', '1f400109']) {
    test(`that is not known is refused: ${hex}`, () => {
      assert.throws(() => readInstruction(new ModuleReader(Buffer.from(`${hex}00000b`, 'hex'))), {
        code: 'bad_wasm',
        message: /has the instruction 0x.* which is not supported/,
      });
    });
  }

  test('that is cut short is refused, however many operands it claims', () => {
    for (const hex of ['0effffffff0f', '1cffffffff0f', '1f40ffffffff0f', '4300', '41ff']) {
      assert.throws(() => readInstruction(new ModuleReader(Buffer.from(hex, 'hex'))), { code: 'bad_wasm' });
    }
  });
});
