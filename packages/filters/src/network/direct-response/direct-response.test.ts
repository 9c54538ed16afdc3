import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type DescMessage, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf';
import { NetworkFilterWorld, networkFilterSuite } from '@sofamesh/testkit/network-filter-suite/index';
import { reader } from './config.ts';
import { kind } from './direct-response.ts';

const folder = mkdtempSync(join(tmpdir(), 'direct-response-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'answer');
writeFileSync(file, Buffer.from([0, 1, 255]));
process.env['DIRECT_RESPONSE_TEST'] = 'zoë';

const schema = reader.schemas[0] as DescMessage;
const message = (response?: JsonObject) =>
  toBinary(schema, fromJson(schema, response === undefined ? {} : { response }));

networkFilterSuite(kind, {
  reader,
  configs: [
    { name: 'a text', message: message({ inline_string: 'go away\n' }) },
    { name: 'nothing', message: message() },
  ],
  refused: [
    { message: message({ filename: join(folder, 'none') }), field: 'response.filename' },
    { message: message({ environment_variable: 'DIRECT_RESPONSE_NONE' }), field: 'response.environment_variable' },
  ],
});

test('every client is told, then its connection ends, whatever it sends', () => {
  for (const [source, bytes] of [
    [{ inline_string: 'go äway' }, 'go äway'],
    [{ inline_bytes: Buffer.from('bytes').toString('base64') }, 'bytes'],
    [{ environment_variable: 'DIRECT_RESPONSE_TEST' }, 'zoë'],
    [{ filename: file }, Buffer.from([0, 1, 255])],
    [{ inline_string: '' }, ''],
  ] as const) {
    const config = reader.read(schema.typeName, message(source));
    const world = new NetworkFilterWorld(kind, config);
    for (let count = 0; count < 2; count++) {
      const { connection } = world.connect();
      assert.deepEqual(connection.written, Buffer.from(bytes));
      assert.equal(connection.closed, 'flush');
    }
  }
});
