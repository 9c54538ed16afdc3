import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { anyText } from '@sofamesh/testkit/any-text';
import fc from 'fast-check';
import { ByteWriter } from '../byte-writer.ts';
import { readScalar } from './scalar.ts';
import { Hessian2Scanner } from './scanner.ts';
import { decodeText, writeText } from './text.ts';

const scanner = new Hessian2Scanner();

/** Position behind the first value; -1 when there is none. */
function skip(bytes: Buffer): number {
  scanner.begin(bytes, 0, bytes.length);
  return scanner.skipValue() ? scanner.at : -1;
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

test('every form of a value is passed exactly', () => {
  const values = [
    '4e',
    '54',
    '46',
    '80',
    'bf',
    'c0ff',
    'cf00',
    'd00000',
    'd7ffff',
    '49 7fffffff',
    'd8',
    'ef',
    'f000',
    'ff00',
    '380000',
    '3fffff',
    '59 00000001',
    '4c 0000000000000001',
    '5b',
    '5c',
    '5d01',
    '5e0102',
    '5f00000001',
    '44 0000000000000000',
    '4a 0000000000000000',
    '4b 00000000',
    '00',
    '0568656c6c6f',
    '300568656c6c6f',
    '53000568656c6c6f',
    '5200026865 036c6c6f',
    '52000168 52000165 5300016c',
    '20',
    '2401020304',
    '340401020304',
    '42000401020304',
    '4100020102 4200010a',
    '410001012109',
    '78',
    '7a9091',
    '5890',
    '589290 91',
    '5790915a',
    '72 045b696e74 9091',
    '55 03616263 9091 5a',
    '56 03616263 92 9091',
    '48 5a',
    '48 0161 9001 62 91 5a',
    '4d 0161 0162 90 5a',
    '43 0161 92 0162 0163 60 9091',
    '43 0161 90 60',
    '43 0161 91 0162 4f90 90',
    // the same list twice, the second time by reference; a type by its number
    '48 0161 7990 0162 5191 5a',
    '7a 560161 9190 5690 9191',
  ];
  for (const hex of values) {
    const bytes = bytesOf(hex);
    assert.equal(skip(bytes), bytes.length, hex);
    assert.equal(skip(Buffer.concat([bytes, bytesOf('90')])), bytes.length, `${hex} and more`);
    for (let end = 0; end < bytes.length; end++) assert.equal(skip(bytes.subarray(0, end)), -1, `${hex} cut at ${end}`);
  }
});

test('hostile values end the scan', () => {
  const nested = (count: number) =>
    Buffer.concat([Buffer.alloc(count, 0x57), Buffer.of(0x90), Buffer.alloc(count, 0x5a)]);
  assert.equal(skip(nested(60)), 121);
  const hostile: Record<string, Buffer> = {
    'depth of lists': nested(65),
    'depth of 100,000 lists': Buffer.alloc(100_000, 0x57),
    'depth of fixed lists': Buffer.alloc(10_000, 0x79),
    'depth of maps': Buffer.alloc(10_000, 0x48),
    'a class in a class in a class': bytesOf(`${'43016190'.repeat(1000)}60`),
    'negative count': bytesOf('58 49ffffffff'),
    'count of 2^31-1': bytesOf('58 497fffffff'),
    'count that is no int': bytesOf('58 0161'),
    'count larger than what is left': bytesOf('58 94 90 90'),
    'negative number of fields': bytesOf('43 0161 49ffffffff 60'),
    'too many fields': Buffer.concat([bytesOf('43 0161 c900'), Buffer.alloc(1000)]),
    'too many classes': bytesOf(`57${'43016190'.repeat(65)}60 5a`),
    'class that is not defined': bytesOf('60'),
    'class by a negative number': bytesOf('4f 8f'),
    'reference to nothing': bytesOf('5190'),
    'reference forward': bytesOf('48 0161 5191 0162 7890 5a'),
    'negative reference': bytesOf('57 518f 5a'),
    'type that was not named': bytesOf('5690 90 90'),
    'text longer than the bytes': bytesOf('53ffff61'),
    'broken text': bytesOf('02ff61'),
    'code that does not exist': bytesOf('40'),
    'chunk without a final one': bytesOf('520001 61'),
    'binary chunk without a final one': bytesOf('410001 61'),
  };
  for (const [name, bytes] of Object.entries(hostile)) assert.equal(skip(bytes), -1, name);
  const many = (count: number) => Buffer.concat([Buffer.of(0x57), Buffer.alloc(count, 0x90), Buffer.of(0x5a)]);
  assert.equal(skip(many(9_999)), 10_001);
  assert.equal(skip(many(10_000)), -1, 'more values than the limit');
});

test('any bytes: no throw, no position outside, little time', () => {
  const started = process.cpuUsage();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (array) => {
      const bytes = Buffer.from(array);
      const at = skip(bytes);
      assert.ok(at === -1 || (at > 0 && at <= bytes.length));
      if (at > 0) readScalar(bytes, 0, at);
    }),
    { seed: 4, numRuns: 20_000 },
  );
  assert.ok(process.cpuUsage(started).user < 20_000_000);
});

test('texts survive writing and reading, surrogates included', () => {
  fc.assert(
    fc.property(anyText(2000), (text) => {
      const writer = new ByteWriter(1);
      writeText(writer, text);
      const bytes = writer.finish();
      scanner.begin(bytes, 0, bytes.length);
      assert.ok(scanner.text());
      assert.equal(scanner.at, bytes.length);
      assert.equal(decodeText(bytes, scanner.textStart, scanner.textEnd), text);
    }),
    { seed: 5, numRuns: 500 },
  );
  const long = 'ä'.repeat(200_000);
  const writer = new ByteWriter();
  writeText(writer, long);
  assert.equal(skip(writer.finish()), writer.length);
  // A pair of surrogates in four bytes, as some writers do it.
  assert.equal(skip(bytesOf('02f09f9880')), 5);
  assert.equal(decodeText(bytesOf('f09f9880'), 0, 4), '😀');
});

test('scalars read as text', () => {
  const cases: Record<string, string | undefined> = {
    '0161': 'a',
    '54': 'true',
    '46': 'false',
    '90': '0',
    '80': '-16',
    c7ff: '-1',
    c900: '256',
    d3ffff: '-1',
    '49fffffffe': '-2',
    d8: '-8',
    f7ff: '-1',
    '3bffff': '-1',
    '5900000007': '7',
    '4c7fffffffffffffff': '9223372036854775807',
    '5b': '0',
    '5c': '1',
    '5dff': '-1',
    '5effff': '-1',
    '5f000005dc': '1.5',
    '443ff8000000000000': '1.5',
    '4e': undefined,
    '78': undefined,
  };
  for (const [hex, text] of Object.entries(cases)) {
    const bytes = bytesOf(hex);
    assert.equal(readScalar(bytes, 0, bytes.length), text, hex);
  }
});

/** The writer of npm's Dubbo and SOFARPC packages, where it is installed. */
function hessianJs(): { encode(value: unknown, version: string): Buffer } | undefined {
  try {
    return createRequire(import.meta.url)('hessian.js');
  } catch {
    return undefined;
  }
}

test('passes what hessian.js writes', { skip: hessianJs() === undefined }, () => {
  const { encode } = hessianJs()!;
  const scalar = fc.oneof(
    fc.integer(),
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.constant(null),
    fc.string({ maxLength: 60 }),
    fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }),
    fc.uint8Array({ maxLength: 80 }).map((array) => Buffer.from(array)),
  );
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      scalar,
      fc.array(tie('any'), { maxLength: 5 }),
      fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), tie('any'), { maxKeys: 4 }),
      fc.record({
        $class: fc.constantFrom('com.x.User', 'com.x.Order'),
        $: fc.record({ id: tie('any'), name: scalar }),
      }),
    ),
  })).any;
  fc.assert(
    fc.property(value, (each) => {
      const bytes = encode(each, '2.0');
      assert.equal(skip(bytes), bytes.length, bytes.toString('hex'));
    }),
    { seed: 6, numRuns: 1000 },
  );
});
