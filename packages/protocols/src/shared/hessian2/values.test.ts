import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, test } from 'node:test';
import { CodedError } from '@sofamesh/base/errors';
import { anyText } from '@sofamesh/testkit/any-text';
import fc from 'fast-check';
import { Hessian2DraftReader } from './draft-reader.ts';
import { Hessian2DraftWriter } from './draft-writer.ts';
import { Hessian2Reader } from './reader.ts';
import {
  defaultValueLimits,
  HessianDouble,
  HessianList,
  HessianMap,
  HessianObject,
  type HessianValue,
} from './value.ts';
import { Hessian2Writer } from './writer.ts';

const forms = [
  { name: 'hessian2', Reader: Hessian2Reader, Writer: Hessian2Writer, stranger: 'hessian.js', listEnd: 0x5a },
  {
    name: 'its draft',
    Reader: Hessian2DraftReader,
    Writer: Hessian2DraftWriter,
    stranger: 'hessian.js-1',
    listEnd: 0x7a,
  },
] as const;

type Form = (typeof forms)[number];

const encode = ({ Writer }: Form, value: HessianValue): Buffer => {
  const writer = new Writer();
  writer.write(value);
  return writer.finish();
};
const decode = ({ Reader }: Form, bytes: Buffer): HessianValue => new Reader(bytes).read();

const text = anyText(60);
const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.integer({ min: -300, max: 300 }),
  fc.double({ noNaN: true }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -5000n, max: 5000n }),
  text,
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);
const fieldNames = fc.uniqueArray(fc.constantFrom('id', 'name', 'größe', 'x'), { maxLength: 4 });
const anyValue = fc.letrec<{ any: HessianValue }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalar,
    fc
      .tuple(fc.array(tie('any'), { maxLength: 12 }), fc.constantFrom('', 'java.util.List', '[int'))
      .map(([items, type]) => new HessianList(items, type)),
    fc
      .tuple(fc.array(fc.tuple(text, tie('any')), { maxLength: 4 }), fc.constantFrom('', 'java.util.TreeMap'))
      .map(([entries, type]) => new HessianMap(entries, type)),
    fc
      .tuple(
        fc.constantFrom('com.x.User', 'com.x.Örder'),
        fieldNames,
        fc.array(tie('any'), { minLength: 4, maxLength: 4 }),
      )
      .map(([name, fields, values]) => new HessianObject(name, fields, values.slice(0, fields.length))),
  ),
})).any;

for (const form of forms) {
  describe(`values of ${form.name}`, () => {
    test('are read as they were written', () => {
      fc.assert(
        fc.property(anyValue, (value) => {
          const bytes = encode(form, value);
          const reader = new form.Reader(bytes);
          assert.deepEqual(reader.read(), value);
          assert.equal(reader.done, true);
        }),
        { seed: 1, numRuns: 200 },
      );
    });

    test('long texts and binary data come in chunks', () => {
      for (const length of [31, 32, 1023, 1024, 32_768, 32_769, 65_535, 65_536, 200_001]) {
        const long = 'ä€x'.repeat(length).slice(0, length);
        assert.equal(decode(form, encode(form, long)), long);
        const binary = Buffer.alloc(length, 'abc');
        assert.deepEqual(decode(form, encode(form, binary)), binary);
      }
      const list = new HessianList(Array.from({ length: 1000 }, (_, at) => at));
      assert.deepEqual(decode(form, encode(form, list)), list);
    });

    test('a double stays one, whatever its value', () => {
      for (const value of [0, -0, 1, -1, 127, 128, -129, 32_768, 1.5, 1e300]) {
        const bytes = encode(form, new HessianDouble(value));
        assert.notDeepEqual(bytes, encode(form, value === 1.5 || value === 1e300 ? null : Math.trunc(value) + 7));
        assert.equal(decode(form, bytes), value);
        assert.ok(![0x80, 0x90, 0x91, 0xc8, 0xd4, 0x49].includes(bytes[0]!), `${value} is written as an int`);
      }
    });

    test('whatever comes, it is a value or an error', () => {
      const sample = encode(
        form,
        new HessianList([new HessianMap([['k', 1]]), new HessianObject('c', ['f'], ['v'])], 'l'),
      );
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(sample.length), (noise, at) => {
          for (const bytes of [Buffer.from(noise), Buffer.concat([sample.subarray(0, at), noise])]) {
            try {
              const reader = new form.Reader(bytes);
              while (!reader.done) reader.read();
            } catch (error) {
              assert.equal((error as CodedError).code, 'bad_hessian2', String(error));
            }
          }
        }),
        { seed: 2, numRuns: 1000 },
      );
    });

    test('what is cut is refused at every byte', () => {
      const whole = encode(
        form,
        new HessianObject('com.x.User', ['id', 'tags'], [7n, new HessianList(['a', 'b'.repeat(40)])]),
      );
      for (let end = 0; end < whole.length; end++) {
        assert.throws(() => decode(form, whole.subarray(0, end)), CodedError, `cut at ${end}`);
      }
    });

    test('nesting and number of values are limited', () => {
      let deep: HessianValue = null;
      for (let level = 0; level < 64; level++) deep = new HessianList([deep]);
      assert.ok(decode(form, encode(form, deep)) instanceof HessianList);
      assert.throws(() => decode(form, encode(form, new HessianList([deep]))), /more than 64 levels/);
      const { valuesMax } = defaultValueLimits;
      const many = new HessianList(Array.from({ length: valuesMax }, () => null));
      assert.throws(() => decode(form, encode(form, many)), /more than 100000 values/);
      const endless = Buffer.alloc(200_000, form.name === 'hessian2' ? 0x57 : 0x56);
      assert.throws(() => decode(form, endless), /more than 64 levels/);
    });
  });
}

const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex');

describe('references', () => {
  test('lead to what was read before, even to what contains them', () => {
    const [final, draft] = forms;
    const one = decode(final, hex('7a 79 91 51 91')) as HessianList;
    assert.equal(one.items[0], one.items[1]);
    const own = decode(final, hex('79 51 90')) as HessianList;
    assert.equal(own.items[0], own);
    const map = decode(draft, hex('4d 01 61 4a 00 7a')) as HessianMap;
    assert.equal(map.get('a'), map);
    assert.throws(() => decode(final, hex('79 51 91')), /refers to what is not there/);
    assert.throws(() => decode(draft, hex('56 4b 00 01 7a')), /refers to what is not there/);
  });

  test('types are named once', () => {
    const [final, draft] = forms;
    const list = decode(final, hex('7a 71 01 74 91 71 90 92')) as HessianList;
    assert.deepEqual(list.items, [new HessianList([1], 't'), new HessianList([2], 't')]);
    const drafted = decode(draft, hex('56 6e 02 56 74 00 01 74 6e 01 91 7a 76 90 91 92 7a')) as HessianList;
    assert.deepEqual(drafted.items, [new HessianList([1], 't'), new HessianList([2], 't')]);
    assert.throws(() => decode(final, hex('71 90 92')), /refers to a type/);
  });

  test('claims beyond the bytes are refused before anything is made', () => {
    const [final, draft] = forms;
    for (const bytes of [
      '58 49 7fffffff',
      '58 49 ffffffff',
      '56 01 74 49 7fffffff',
      '43 01 61 49 7fffffff',
      '53 ffff 61',
      '42 ffff 00',
    ])
      assert.throws(() => decode(final, hex(bytes)), CodedError, bytes);
    for (const bytes of [
      '56 6c 7fffffff',
      '56 6c ffffffff',
      '4f 49 7fffffff 61',
      '76 90 91',
      '53 ffff 61',
      '73 0001 61',
    ])
      assert.throws(() => decode(draft, hex(bytes)), CodedError, bytes);
    assert.throws(() => decode(final, hex('60')), /class that it does not define/);
  });
});

interface Stranger {
  encode(value: unknown, version: string): Buffer;
  decode(bytes: Buffer, version: string, withType?: boolean): unknown;
}

function strangerOf({ stranger }: Form): Stranger | undefined {
  try {
    return createRequire(import.meta.url)(stranger);
  } catch {
    return undefined;
  }
}

/** As those packages show a value. */
function plain(value: HessianValue): unknown {
  if (value instanceof HessianDouble) return value.value;
  if (value instanceof HessianList) return value.items.map(plain);
  if (value instanceof HessianMap) return Object.fromEntries(value.entries.map(([key, each]) => [key, plain(each)]));
  if (value instanceof HessianObject)
    return Object.fromEntries(value.fields.map((field, at) => [field, plain(value.values[at]!)]));
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return value;
}

for (const form of forms) {
  const stranger = strangerOf(form);
  const name = fc.constantFrom('id', 'name', 'x', 'size');
  const simple = fc.oneof(
    fc.integer(),
    // It writes whole ones as long.
    fc.double({ noNaN: true, min: -1e9, max: 1e9 }).filter((value) => !Object.is(value, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.string({ maxLength: 40 }),
    fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }),
    fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
  );

  describe(`${form.stranger} and ${form.name}`, {
    skip: stranger === undefined && `${form.stranger} is not there`,
  }, () => {
    test('agree on long texts and data', () => {
      for (const long of ['ä€x'.repeat(30_000), Buffer.alloc(70_000, 'abc')]) {
        assert.deepEqual(stranger!.decode(encode(form, long), '2.0'), long);
        assert.deepEqual(decode(form, stranger!.encode(long, '2.0')), long);
      }
    });

    test('reads what we write', () => {
      const value = fc.letrec<{ any: HessianValue }>((tie) => ({
        any: fc.oneof(
          { maxDepth: 3 },
          simple,
          fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
          fc.array(tie('any'), { maxLength: 4 }).map((items) => new HessianList(items)),
          fc.dictionary(name, tie('any')).map((each) => new HessianMap(Object.entries(each))),
          fc.tuple(tie('any'), simple).map((values) => new HessianObject('com.x.User', ['id', 'name'], values)),
        ),
      })).any;
      fc.assert(
        fc.property(value, (each) => {
          assert.deepEqual(JSON.stringify(stranger!.decode(encode(form, each), '2.0')), JSON.stringify(plain(each)));
        }),
        { seed: 3, numRuns: 150 },
      );
    });

    test('writes what we read', () => {
      const value = fc.letrec((tie) => ({
        any: fc.oneof(
          { maxDepth: 3 },
          simple,
          fc.array(tie('any'), { maxLength: 4 }),
          fc.dictionary(name, tie('any'), { minKeys: 1 }),
          fc.record({ $class: fc.constant('com.x.User'), $: fc.record({ id: tie('any'), name: simple }) }),
        ),
      })).any;
      const expected = (each: unknown): unknown => {
        if (Array.isArray(each)) return each.map(expected);
        if (each === null || typeof each !== 'object' || each instanceof Date || Buffer.isBuffer(each)) return each;
        if ('$class' in each && '$' in each) return expected(each.$);
        return Object.fromEntries(Object.entries(each).map(([key, inner]) => [key, expected(inner)]));
      };
      fc.assert(
        fc.property(value, (each) => {
          const reader = new form.Reader(stranger!.encode(each, '2.0'));
          const sorted = (inner: unknown) => JSON.stringify(sortKeys(inner));
          assert.equal(sorted(plain(reader.read())), sorted(expected(each)));
          assert.equal(reader.done, true);
        }),
        { seed: 4, numRuns: 150 },
      );
    });
  });
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== 'object' || value instanceof Date || Buffer.isBuffer(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sortKeys(each)]),
  );
}
