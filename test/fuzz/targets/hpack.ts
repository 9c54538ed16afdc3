import assert from 'node:assert/strict';
import { CodedError } from '@sofamesh/base/errors';
import { HpackDecoder } from '@sofamesh/protocols/shared/hpack/decoder';
import { HpackEncoder } from '@sofamesh/protocols/shared/hpack/encoder';
import type { FuzzTarget } from '../target.ts';

type Field = [name: string, value: string, sensitive: boolean];

const tableBytesMax = 4096;
const blocksMax = 100;
/** What is kept of a block's fields: an octet may stand for a field of thousands. */
const keptCharactersMax = 60 * 1024;

/** Blocks of one connection, each behind its length in one octet; what can be decoded is encoded and decoded again. */
export const hpackTarget: FuzzTarget = {
  name: 'hpack',
  corpus: () => {
    const encoder = new HpackEncoder();
    const block = (...fields: readonly (readonly [string, string])[]) => {
      encoder.begin();
      for (const [name, value] of fields) encoder.field(name, value);
      const bytes = encoder.take();
      return Buffer.concat([Buffer.of(bytes.length), bytes]);
    };
    const request = [
      [':method', 'GET'],
      [':path', '/books?id=1'],
      [':authority', 'books.example.com'],
      ['x-tenant', 'blue'],
    ] as const;
    const both = Buffer.concat([block(...request), block(...request, ['cookie', 'a=b']), block([':status', '404'])]);
    encoder.setPeerTableBytesMax(40);
    return [both, block(...request), block(['authorization', 'Basic xyz'])];
  },
  tokens: ['\x20', '\x3f\xe1\x1f', '\x40', '\x10', '\x00', '\x80', '\xbe', '\x7f\xff\xff\xff\x07', '\xff\xff\xff'].map(
    (text) => Buffer.from(text, 'latin1'),
  ),
  parts: {
    split: (bytes) => {
      const blocks: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += 1 + bytes[at]!)
        blocks.push(bytes.subarray(at + 1, at + 1 + bytes[at]!));
      return blocks;
    },
    join: (blocks) =>
      Buffer.concat(blocks.flatMap((block) => [Buffer.of(Math.min(block.length, 255)), block.subarray(0, 255)])),
  },
  run(pieces) {
    const bytes = Buffer.concat(pieces);
    const decoder = new HpackDecoder({ tableBytesMax });
    const encoder = new HpackEncoder();
    const other = new HpackDecoder({ tableBytesMax });
    const said: string[] = [];
    const sort: string[] = [];
    for (let at = 0, block = 0; at < bytes.length && block < blocksMax; block++) {
      const end = Math.min(bytes.length, at + 1 + bytes[at]!);
      const fields: Field[] = [];
      const error = decodeInto(fields, decoder, bytes.subarray(at + 1, end));
      assert.ok(decoder.tableBytes <= tableBytesMax, 'the table is larger than it may be');
      assert.ok(fields.length < end - at, 'more fields than octets');
      said.push(JSON.stringify(fields), error ?? '');
      if (sort.length < 4) sort.push(error ?? fields.length.toString(2).length.toString());
      if (error !== undefined) break;
      assertRoundTrip(fields, encoder, other);
      at = end;
    }
    return { said: said.join('\n'), sort: sort.join() };
  },
};

/** The message of the error that ended the block, if one did. */
function decodeInto(fields: Field[], decoder: HpackDecoder, block: Buffer): string | undefined {
  try {
    let kept = 0;
    decoder.decode(block, {
      field: (name, value, sensitive) => {
        kept += name.length + value.length;
        if (kept <= keptCharactersMax) fields.push([name, value, sensitive]);
      },
    });
    return undefined;
  } catch (thrown) {
    if (thrown instanceof CodedError && thrown.code === 'compression_error')
      return thrown.message.replaceAll(/\d+/g, 'N');
    throw thrown;
  }
}

function assertRoundTrip(fields: readonly Field[], encoder: HpackEncoder, decoder: HpackDecoder): void {
  encoder.begin();
  for (const [name, value, sensitive] of fields) encoder.field(name, value, sensitive);
  const again: Field[] = [];
  assert.equal(decodeInto(again, decoder, encoder.take()), undefined);
  const plain = (read: readonly Field[]) => read.map(([name, value]) => `${name}\n${value}`).join('\n');
  assert.ok(plain(again) === plain(fields), 'what was encoded is decoded as something else');
  for (const [at, [, , sensitive]] of fields.entries()) if (sensitive) assert.ok(again[at]![2], 'a secret was indexed');
}
