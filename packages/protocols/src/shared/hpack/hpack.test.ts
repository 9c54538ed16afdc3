import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CodedError } from '@sofamesh/base/errors';
import fc from 'fast-check';
import { HpackDecoder, type HpackSink } from './decoder.ts';
import { HpackEncoder } from './encoder.ts';

type Field = readonly [name: string, value: string, sensitive?: boolean];

class Fields implements HpackSink {
  readonly read: [name: string, value: string, sensitive: boolean][] = [];
  field(name: string, value: string, sensitive: boolean): void {
    this.read.push([name, value, sensitive]);
  }
}

function encode(encoder: HpackEncoder, fields: readonly Field[]): Buffer {
  encoder.begin();
  for (const [name, value, sensitive] of fields) encoder.field(name, value, sensitive);
  return Buffer.from(encoder.take());
}

function decode(decoder: HpackDecoder, block: Buffer): Fields['read'] {
  const sink = new Fields();
  decoder.decode(block, sink);
  return sink.read;
}

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const plain = (fields: readonly Field[]) => fields.map(([name, value]) => [name, value]);
const isCompressionError = (error: unknown) => error instanceof CodedError && error.code === 'compression_error';

const request: readonly Field[] = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':path', '/api/books?id=7'],
  [':authority', 'books.example.com'],
  ['user-agent', 'curl/8.5.0'],
  ['accept', '*/*'],
  ['x-forwarded-proto', 'https'],
];

describe('HPACK', () => {
  test('every octet survives, packed or not', () => {
    const octets = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet));
    const decoder = new HpackDecoder({ tableBytesMax: 4096 });
    const encoder = new HpackEncoder();
    const fields: Field[] = [...octets.map((octet): Field => ['x', octet.repeat(3)]), ['all', octets.join('')]];
    fields.push(['long', 'e'.repeat(100_000)], ['binary', '\xff\x00'.repeat(30_000)], ['', '']);
    assert.deepEqual(plain(decode(decoder, encode(encoder, fields))), fields);
  });

  test('a field that comes again is one octet', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder({ tableBytesMax: 4096 });
    const first = encode(encoder, request);
    const second = encode(encoder, request);
    assert.deepEqual(plain(decode(decoder, first)), request);
    assert.deepEqual(plain(decode(decoder, second)), request);
    const path = 2 + Math.ceil(('/api/books?id=7'.length * 6) / 8);
    assert.ok(second.length <= request.length - 1 + path, `${second.length} octets`);
  });

  test('both sides keep the same table over any fields and sizes', () => {
    const name = fc.oneof(
      fc.constantFrom(':path', ':status', 'cookie', 'date', 'authorization', 'x-request-id', 'etag', 'vary'),
      fc.stringMatching(/^[a-z-]{1,70}$/),
    );
    const value = fc.oneof(
      fc.constantFrom('', '/', '200', '404', 'gzip, deflate', 'text/plain'),
      fc.string({ unit: 'binary-ascii', maxLength: 40 }),
      fc.integer({ min: 0, max: 3500 }).map((length) => 'v'.repeat(length)),
    );
    const block = fc.record({
      sizes: fc.array(fc.integer({ min: 0, max: 6000 }), { maxLength: 3 }),
      fields: fc.array(fc.tuple(name, value, fc.boolean()), { minLength: 1, maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.array(block, { maxLength: 12 }), (blocks) => {
        const encoder = new HpackEncoder();
        const decoder = new HpackDecoder({ tableBytesMax: 4096 });
        let limit = 4096;
        for (const { sizes, fields } of blocks) {
          for (const size of sizes) encoder.setPeerTableBytesMax((limit = size));
          if (sizes.length > 0) decoder.setTableBytesMax(limit);
          const read = decode(decoder, encode(encoder, fields));
          assert.deepEqual(plain(read), plain(fields));
          for (const [at, [, , sensitive]] of fields.entries()) if (sensitive) assert.ok(read[at]![2]);
          assert.ok(decoder.tableBytes <= limit);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('secrets are marked, and never shorter when they come again', () => {
    const secrets: readonly Field[] = [
      ['authorization', 'Bearer abcdefghijklmnopqrstuvwxyz'],
      ['proxy-authorization', 'Basic dXNlcjpwYXNz'],
      ['cookie', 'id=secret'],
      ['x-key', 'told to be kept', true],
    ];
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder({ tableBytesMax: 4096 });
    const first = encode(encoder, secrets);
    assert.ok(decode(decoder, first).every(([, , sensitive]) => sensitive));
    assert.equal(encode(encoder, secrets).length, first.length);
    assert.equal(decoder.tableBytes, 0);
  });

  test('values that never come again leave the table to others', () => {
    const encoder = new HpackEncoder();
    encode(encoder, request);
    for (let id = 0; id < 500; id++) {
      encode(encoder, [...request, ['x-request-id', `3f1c9a52-77aa-4e0b-9d7e-${String(id).padStart(12, '0')}`]]);
    }
    assert.ok(encode(encoder, request).length < 25);
  });

  test('names without end do not pile up, nor do their values', () => {
    const encoder = new HpackEncoder();
    const decoder = new HpackDecoder({ tableBytesMax: 4096 });
    for (let round = 0; round < 3000; round++) {
      const fields: readonly Field[] = [
        [`x-${round}`, `value ${round}`],
        [`x-${'long'.repeat(30)}-${round}`, ''],
        ['vary', 'accept'],
      ];
      assert.deepEqual(plain(decode(decoder, encode(encoder, fields))), fields);
      assert.ok(decoder.tableBytes <= 4096);
    }
  });

  test('a size that went down and up again is told as both, before the first field', () => {
    const encoder = new HpackEncoder();
    encoder.setPeerTableBytesMax(100);
    encoder.setPeerTableBytesMax(8192);
    assert.equal(encode(encoder, [[':method', 'GET']]).toString('hex'), '3f453fe11f82');
    encoder.setPeerTableBytesMax(0);
    assert.equal(
      encode(encoder, [['vary', 'accept']])
        .subarray(0, 2)
        .toString('hex'),
      '200f',
    );
    assert.equal(encode(encoder, [[':method', 'GET']]).toString('hex'), '82');
  });

  const refused: Record<string, string> = {
    'index 0': '80',
    'an index beyond the table': 'be',
    'a name index beyond the table': '7f00 0161',
    'an integer that does not end': '82 ff',
    'an integer of too many octets': '82 ff 80 80 80 80 80 00',
    'an integer above 2^31 - 1': '82 ff 80 ff ff ff 0f',
    'a string longer than the block': '00 01 61 02 62',
    'a string without a length': '00 01 61',
    'a field without a name': '40',
    'padding of zeros': '00 01 61 81 18',
    'padding of eight ones': '00 01 61 82 1f ff',
    'end-of-string inside': '00 01 61 84 ff ff ff ff',
    'a size above the limit': '3f e2 1f',
    'a size after a field': '82 20',
    'three changes of size': '20 20 20',
  };
  for (const [what, block] of Object.entries(refused)) {
    test(`refuses ${what}`, () => {
      const decoder = new HpackDecoder({ tableBytesMax: 4096 });
      assert.throws(() => decode(decoder, hex(block)), isCompressionError);
    });
  }

  test('takes what is odd but allowed', () => {
    const decoder = new HpackDecoder({ tableBytesMax: 4096 });
    assert.deepEqual(decode(decoder, hex('20 3f e1 1f 82')), [[':method', 'GET', false]]);
    assert.deepEqual(decode(decoder, hex('00 01 61 80')), [['a', '', false]]);
    assert.deepEqual(decode(decoder, hex('00 00 00')), [['', '', false]]);
    assert.deepEqual(decode(decoder, hex('0f 80 00 01 62')), [['accept-charset', 'b', false]]);
    // Larger than the table: it empties it.
    assert.equal(decode(decoder, hex('40 01 61 01 62')).length, 1);
    assert.equal(decoder.tableBytes, 34);
    decode(decoder, Buffer.concat([hex('40 01 61 7f a1 1f'), Buffer.alloc(4128, 0x62)]));
    assert.equal(decoder.tableBytes, 0);
  });

  test('wants to be told that its lower limit was heard', () => {
    const decoder = new HpackDecoder({ tableBytesMax: 4096 });
    decode(decoder, hex('40 01 61 01 62'));
    decoder.setTableBytesMax(20);
    assert.throws(() => decode(decoder, hex('82')), isCompressionError);
    assert.deepEqual(decode(decoder, hex('34 82')), [[':method', 'GET', false]]);
    assert.equal(decoder.tableBytes, 0);
  });

  test('a damaged block is refused or read, and nothing else, whatever the damage', () => {
    const encoder = new HpackEncoder();
    const blocks = [encode(encoder, request), encode(encoder, request), encode(encoder, [['etag', 'W/"abcdef"']])];
    const edit = fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom('set', 'insert', 'delete', 'cut'));
    fc.assert(
      fc.property(fc.nat(2), fc.array(edit, { minLength: 1, maxLength: 6 }), (which, edits) => {
        let bytes = [...blocks[which]!];
        for (const [position, octet, action] of edits) {
          const at = position % (bytes.length + 1);
          if (action === 'set') bytes[at] = octet;
          else if (action === 'insert') bytes.splice(at, 0, octet);
          else if (action === 'delete') bytes.splice(at, 1);
          else bytes = bytes.slice(0, at);
        }
        const decoder = new HpackDecoder({ tableBytesMax: 4096 });
        try {
          decode(decoder, Buffer.from(bytes));
        } catch (error) {
          assert.ok(isCompressionError(error), String(error));
        }
        assert.ok(decoder.tableBytes <= 4096);
      }),
      { numRuns: 2000 },
    );
  });
});
