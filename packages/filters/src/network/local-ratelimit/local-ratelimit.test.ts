import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DescMessage, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf';
import { NetworkFilterWorld, networkFilterSuite } from '@sofamesh/testkit/network-filter-suite/index';
import { reader } from './config.ts';
import { kind } from './local-ratelimit.ts';

const schema = reader.schemas[0] as DescMessage;
const message = (bucket: JsonObject | undefined, fields: JsonObject = {}) =>
  toBinary(
    schema,
    fromJson(schema, { stat_prefix: 'rl', ...(bucket !== undefined && { token_bucket: bucket }), ...fields }),
  );
const read = (bucket: JsonObject, fields: JsonObject = {}) => reader.read(schema.typeName, message(bucket, fields));
const bucket = { max_tokens: 2, tokens_per_fill: 4, fill_interval: '4s' };

networkFilterSuite(kind, {
  reader,
  configs: [
    { name: 'two at once', message: message(bucket) },
    { name: 'one a minute', message: message({ max_tokens: 1, fill_interval: '60s' }) },
    { name: 'off', message: message(bucket, { runtime_enabled: { default_value: false } }) },
  ],
  refused: [
    { message: message(undefined), field: 'token_bucket' },
    { message: message({ max_tokens: 1 }), field: 'token_bucket.fill_interval' },
    { message: message({ ...bucket, fill_interval: '0.049s' }), field: 'token_bucket.fill_interval' },
    { message: message({ ...bucket, fill_interval: '-1s' }), field: 'token_bucket.fill_interval' },
    { message: message({ ...bucket, tokens_per_fill: 0 }), field: 'token_bucket.tokens_per_fill' },
    { message: message(bucket, { stat_prefix: '' }), field: 'stat_prefix' },
  ],
});

test('a connection without a token ends at once, and is counted', () => {
  const world = new NetworkFilterWorld(kind, read(bucket));
  const ends = () => world.connect().connection.closed;
  assert.deepEqual([ends(), ends(), ends()], [undefined, undefined, 'now']);
  world.pass(1000);
  assert.deepEqual([ends(), ends()], [undefined, 'now']);
  assert.equal(world.stats.value('local_rate_limit.rl.rate_limited'), 2);
  assert.equal(world.behind.activeConnections, 3);
});

test('one that is off takes no token', () => {
  const world = new NetworkFilterWorld(
    kind,
    read({ max_tokens: 0, fill_interval: '1s' }, { runtime_enabled: { default_value: false } }),
  );
  assert.equal(world.connect().connection.closed, undefined);
  assert.equal(world.shared.value, 0);
});

test('a bucket is shared by key, and only with equal numbers', () => {
  const sharesAs = (json: JsonObject, share_key: string) => reader.sharesAs!(read(json, { share_key }));
  assert.equal(sharesAs(bucket, ''), undefined);
  assert.equal(sharesAs(bucket, 'a'), sharesAs({ ...bucket }, 'a'));
  assert.notEqual(sharesAs(bucket, 'a'), sharesAs(bucket, 'b'));
  assert.notEqual(sharesAs(bucket, 'a'), sharesAs({ ...bucket, max_tokens: 3 }, 'a'));
});
