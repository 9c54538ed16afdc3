import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { uint32, varint } from '../../thrift/sample-frames.test.ts';
import { depthMax, StructSkipper } from './struct-skipper.ts';

/** A value of any type, as both protocols write it. */
interface Sample {
  readonly binaryType: number;
  readonly compactType: number;
  readonly binary: Buffer;
  readonly compact: Buffer;
}

const sample = (binaryType: number, compactType: number, binary: Buffer, compact = binary): Sample => ({
  binaryType,
  compactType,
  binary,
  compact,
});
const flag = fc.boolean().map((value) => sample(2, value ? 1 : 2, Buffer.of(value ? 1 : 0), Buffer.of(value ? 1 : 2)));
const octet = fc.nat(255).map((value) => sample(3, 3, Buffer.of(value)));
const real = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => sample(4, 7, Buffer.from(bytes)));
const uuid = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => sample(16, 13, Buffer.from(bytes)));
const short = fc.nat(0xffff).map((value) => sample(6, 4, uint32(value).subarray(2), varint(value)));
const whole = fc.nat().map((value) => sample(8, 5, uint32(value), varint(value)));
const long = fc
  .tuple(fc.nat(), fc.nat())
  .map(([high, low]) =>
    sample(10, 6, Buffer.concat([uint32(high), uint32(low)]), Buffer.concat([Buffer.alloc(5, 0x80), varint(low)])),
  );
const text = fc
  .uint8Array({ maxLength: 20 })
  .map((bytes) =>
    sample(11, 8, Buffer.concat([uint32(bytes.length), bytes]), Buffer.concat([varint(bytes.length), bytes])),
  );

function structOf(fields: readonly Sample[]): Sample {
  const binary = fields.map((field, at) => Buffer.concat([Buffer.of(field.binaryType, 0, at), field.binary]));
  const compact = fields.map((field, at) => {
    // Every second head in full.
    const head = at % 2 === 0 ? Buffer.of(field.compactType, at * 2) : Buffer.of(0x10 | field.compactType);
    return field.binaryType === 2 ? head : Buffer.concat([head, field.compact]);
  });
  const stop = Buffer.of(0);
  return sample(12, 12, Buffer.concat([...binary, stop]), Buffer.concat([...compact, stop]));
}

function listOf(values: readonly Sample[], set: boolean): Sample {
  const [{ binaryType, compactType } = { binaryType: 3, compactType: 3 }] = values;
  const count = values.length;
  const head =
    count < 15 ? Buffer.of((count << 4) | compactType) : Buffer.concat([Buffer.of(0xf0 | compactType), varint(count)]);
  return sample(
    set ? 14 : 15,
    set ? 10 : 9,
    Buffer.concat([Buffer.of(binaryType), uint32(count), ...values.map((value) => value.binary)]),
    Buffer.concat([head, ...values.map((value) => value.compact)]),
  );
}

function mapOf(pairs: readonly (readonly [Sample, Sample])[]): Sample {
  const [[key, value] = [undefined, undefined]] = pairs;
  const count = uint32(pairs.length);
  const types = Buffer.of(((key?.compactType ?? 0) << 4) | (value?.compactType ?? 0));
  return sample(
    13,
    11,
    Buffer.concat([
      Buffer.of(key?.binaryType ?? 0, value?.binaryType ?? 0),
      count,
      ...pairs.flatMap((pair) => pair.map((each) => each.binary)),
    ]),
    pairs.length === 0
      ? Buffer.of(0)
      : Buffer.concat([varint(pairs.length), types, ...pairs.flatMap((pair) => pair.map((each) => each.compact))]),
  );
}

const flat = [flag, octet, real, uuid, short, whole, long, text] as const;
const { struct } = fc.letrec<{ value: Sample; struct: Sample; containers: Sample }>((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, ...flat, tie('containers'), tie('struct')),
  struct: fc.array(tie('value'), { maxLength: 6 }).map(structOf),
  containers: fc.oneof(
    // Values of one list share a type, so each list repeats one kind.
    ...flat.map((each) =>
      fc.tuple(fc.array(each, { maxLength: 20 }), fc.boolean()).map(([values, set]) => listOf(values, set)),
    ),
    fc.array(tie('struct'), { maxLength: 3 }).map((values) => listOf(values, false)),
    fc
      .array(
        fc.array(text, { maxLength: 3 }).map((values) => listOf(values, true)),
        { maxLength: 3 },
      )
      .map((values) => listOf(values, true)),
    fc.array(fc.tuple(text, tie('struct')), { maxLength: 3 }).map(mapOf),
    fc.array(fc.tuple(whole, real), { maxLength: 3 }).map(mapOf),
    fc.array(fc.tuple(octet, octet), { maxLength: 3 }).map(mapOf),
  ),
}));

/** Skips what comes in these pieces; returns state and position. */
function skip(bytes: Buffer, compact: boolean, cuts: readonly number[] = [], limit = 1 << 20) {
  const skipper = new StructSkipper();
  skipper.begin(compact);
  let at = 0;
  for (const end of [...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length]) {
    at = skipper.run(bytes, at, end, limit);
    assert.ok(at <= end);
  }
  return [skipper.state, at];
}

test('the end of a struct is found, whatever is in it and however it comes', () => {
  fc.assert(
    fc.property(
      struct,
      fc.array(fc.nat(400), { maxLength: 6 }),
      fc.uint8Array({ maxLength: 9 }),
      (value, cuts, more) => {
        for (const compact of [false, true]) {
          const bytes = compact ? value.compact : value.binary;
          assert.deepEqual(skip(Buffer.concat([bytes, more]), compact, cuts), ['done', bytes.length]);
          assert.deepEqual(skip(bytes, compact, Array.from(bytes.keys())), ['done', bytes.length]);
          assert.deepEqual(skip(bytes.subarray(0, -1), compact, cuts)[0], 'running');
        }
      },
    ),
    { numRuns: 150, seed: 1 },
  );
});

test('arbitrary bytes are judged the same however they come', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(fc.nat(60), { maxLength: 6 }),
      fc.boolean(),
      (octets, cuts, compact) => {
        const bytes = Buffer.from(octets);
        const [state, at] = skip(bytes, compact);
        const pieces = skip(bytes, compact, cuts);
        assert.equal(pieces[0], state);
        if (state === 'done') assert.equal(pieces[1], at);
      },
    ),
    { numRuns: 3000, seed: 2 },
  );
});

const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex');

test('what cannot be is refused where it stands', () => {
  const cases: readonly (readonly [name: string, compact: boolean, bytes: string, state: string])[] = [
    ['a field of no type', false, '05', 'broken'],
    ['a field of type 17', false, '11', 'broken'],
    ['a field of type 14', true, '1e', 'broken'],
    ['a stop with a distance', true, '10', 'broken'],
    ['an id without an end', true, '05 ffffffffff', 'broken'],
    ['a number without an end', true, '15 ffffffffff', 'broken'],
    ['a long number without an end', true, '16 ffffffffffffffffffff', 'broken'],
    ['a text of -1', false, '0b0001 ffffffff', 'too-large'],
    ['a text of -1', true, '18 ffffffff0f', 'too-large'],
    ['a text without an end of its length', true, '18 ffffffffff', 'broken'],
    ['a list of -1 octets', false, '0f0001 03 ffffffff', 'too-large'],
    ['a list of 2^31 - 1 structs', false, '0f0001 0c 7fffffff', 'too-large'],
    ['a list of 2^31 - 1 structs', true, '19 fc ffffffff07', 'too-large'],
    ['a map of 2^31 - 1 numbers', true, '1b ffffffff07 55', 'too-large'],
    ['a map of 2^28 octets', false, '0d0001 03 03 10000000', 'too-large'],
    ['a list of no type', false, '0f0001 00 00000001', 'broken'],
    ['a map of no type', true, '1b 01 05', 'broken'],
  ];
  for (const [name, compact, digits, state] of cases) {
    assert.equal(skip(hex(digits), compact)[0], state, name);
    assert.equal(skip(hex(digits), compact, Array.from(hex(digits).keys()))[0], state, `${name}, octet by octet`);
  }
  // Nothing is claimed by an empty map or list: their types may be anything.
  assert.deepEqual(skip(hex('0d0001 0000 00000000 00'), false), ['done', 10]);
  assert.deepEqual(skip(hex('19 0f 00'), true), ['done', 3]);
});

test('the limit holds to the octet', () => {
  const bytes = hex('0b0001 00000004 61626364 00');
  assert.deepEqual(skip(bytes, false, [], bytes.length), ['done', bytes.length]);
  assert.equal(skip(bytes, false, [], bytes.length - 2)[0], 'too-large');
  // As many values as there is room for, and one more.
  const cases: readonly (readonly [compact: boolean, list: string, count: (limit: number) => number])[] = [
    [false, '0f0001 0c', (limit) => limit - 8],
    [false, '0f0001 0b', (limit) => (limit - 8) / 4],
    [false, '0f0001 0a', (limit) => (limit - 8) / 8],
    [true, '19 f5', (limit) => limit - 3],
  ];
  for (const [compact, list, count] of cases) {
    const limit = 88;
    const written = (values: number) => Buffer.concat([hex(list), compact ? varint(values) : uint32(values)]);
    assert.equal(skip(written(count(limit)), compact, [], limit)[0], 'running', list);
    assert.equal(skip(written(count(limit) + 1), compact, [], limit)[0], 'too-large', list);
  }
});

test('depth is limited, and costs nothing where nothing is nested', () => {
  for (const [compact, open] of [
    [false, '0c0001'],
    [true, '1c'],
  ] as const) {
    const nested = (levels: number) =>
      Buffer.concat([...Array.from({ length: levels - 1 }, () => hex(open)), Buffer.alloc(levels)]);
    assert.equal(skip(nested(depthMax), compact)[0], 'done');
    assert.equal(skip(nested(depthMax + 1), compact)[0], 'too-deep');
  }
  const lists = Buffer.concat([hex('0f0001'), Buffer.alloc(5 * 80, hex('0f00000001'))]);
  assert.equal(skip(lists, false)[0], 'too-deep');
});

test('a long message in small pieces takes linear time', () => {
  for (const [compact, bytes] of [
    [true, Buffer.concat([hex('19 f5 80808001'), Buffer.alloc(2 * 1024 * 1024, 1), hex('00')])],
    [false, Buffer.concat([hex('0f0001 0c 00200000'), Buffer.alloc(2 * 1024 * 1024), hex('00')])],
  ] as const) {
    const skipper = new StructSkipper();
    skipper.begin(compact);
    const started = process.cpuUsage();
    let at = 0;
    for (let end = 1; end <= bytes.length; end += 7) at = skipper.run(bytes, at, end, 1 << 24);
    at = skipper.run(bytes, at, bytes.length, 1 << 24);
    assert.deepEqual([skipper.state, at], ['done', bytes.length]);
    assert.ok(process.cpuUsage(started).user < 3_000_000);
  }
});
