import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DescMessage, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf';
import { NetworkFilterWorld, networkFilterSuite } from '@sofamesh/testkit/network-filter-suite/index';
import { reader } from './config.ts';
import { kind } from './connection-limit.ts';

const schema = reader.schemas[0] as DescMessage;
const message = (fields: JsonObject) => toBinary(schema, fromJson(schema, { stat_prefix: 'l', ...fields }));
const worldOf = (fields: JsonObject) => new NetworkFilterWorld(kind, reader.read(schema.typeName, message(fields)));

networkFilterSuite(kind, {
  reader,
  configs: [
    { name: 'one at a time', message: message({ max_connections: 1 }) },
    { name: 'three, the others wait', message: message({ max_connections: 3, delay: '5s' }) },
    { name: 'off', message: message({ max_connections: 1, runtime_enabled: { default_value: false } }) },
  ],
  refused: [
    { message: message({ max_connections: 0 }), field: 'max_connections' },
    { message: message({}), field: 'max_connections' },
    { message: message({ max_connections: 1, stat_prefix: '' }), field: 'stat_prefix' },
    { message: message({ max_connections: 1, delay: '-1s' }), field: 'delay' },
  ],
});

test('a connection beyond the limit ends after the delay; one that goes makes room', () => {
  const world = worldOf({ max_connections: 1, delay: '0.1s' });
  const [first, second] = [world.connect(), world.connect()];
  first.send('hello');
  assert.equal(first.connection.take().toString(), 'hello');
  world.pass(50);
  assert.equal(second.connection.reading, false);
  assert.equal(second.connection.closed, undefined);
  assert.deepEqual(world.stats.nonZero('connection_limit.l.'), { limited_connections: 1, active_connections: 1 });
  world.pass(100);
  assert.equal(second.connection.closed, 'now');
  first.leave();
  world.connect();
  assert.equal(world.behind.activeConnections, 1);
});

test('without a delay it ends at once, and closing ends those that wait', () => {
  const world = worldOf({ max_connections: 1 });
  world.connect();
  assert.equal(world.connect().connection.closed, 'now');
  const slow = worldOf({ max_connections: 1, delay: '1000s' });
  slow.connect();
  const waiting = slow.connect();
  slow.filter.close();
  assert.equal(waiting.connection.closed, 'now');
});

test('places of other workers count', () => {
  const world = worldOf({ max_connections: 2 });
  world.shared.places = 1;
  assert.equal(world.connect().connection.closed, undefined);
  assert.equal(world.connect().connection.closed, 'now');
});
