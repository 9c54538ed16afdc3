import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PoolWorld } from './test-support/pool-world.ts';

const limits = { connectionsMax: 1024, pendingRequestsMax: 1024, requestsMax: 1024, retriesMax: 3 };

test('one connection carries all; while it is dialled everybody waits for it', () => {
  const world = new PoolWorld('multiplexed');
  const all = [world.request(), world.request(), world.request()];
  assert.equal(world.transport.dials.length, 1);
  world.transport.connection(0).succeed();
  assert.equal(world.transport.connection(0).text, '1\n2\n3\n');
  all[1]!.answer();
  assert.deepEqual(
    all.map(({ replies }) => replies),
    [0, 1, 0],
  );
  assert.ok(world.request().open);
  assert.equal(world.host.activeRequests, 3);
  assert.equal(world.count('upstream_rq_active'), 3);
});

test('a failed connect is told to all that waited for it, and the next request dials again', () => {
  const world = new PoolWorld('multiplexed');
  const [a, b] = [world.request(), world.request()];
  b.onLost = () => {
    world.request();
  };
  world.transport.connection(0).gone('connect-failed', 'ECONNREFUSED');
  assert.equal(a.failure?.detail, 'ECONNREFUSED');
  assert.equal(b.failure?.detail, 'ECONNREFUSED');
  assert.equal(world.transport.dials.length, 2, 'for the retry that came from inside');
});

test('streams spread over the wanted number of connections, the least busy first', () => {
  const world = new PoolWorld('multiplexed', { multiplexedConnections: 3 });
  const a = world.request();
  world.transport.connection(0).succeed();
  assert.equal(world.transport.dials.length, 1, 'one is enough for one');
  const b = world.request();
  assert.equal(b.connection, a.connection, 'nobody waits for the extra one');
  assert.equal(world.transport.dials.length, 2);
  world.transport.connection(1).succeed();
  const c = world.request();
  assert.equal(c.connection, world.transport.connection(1));
  assert.equal(world.transport.dials.length, 2, 'an idle connection was there');
  world.request();
  assert.equal(world.transport.dials.length, 3);
  world.transport.connection(2).succeed();
  assert.equal(world.request().connection, world.transport.connection(2));
  for (let count = 0; count < 20; count++) world.request();
  assert.equal(world.transport.dials.length, 3);
});

test('connections that are dialled one after the other and all fail do not keep anybody waiting', () => {
  const world = new PoolWorld('multiplexed', { multiplexedConnections: 2 });
  const a = world.request();
  const later = [world.request()];
  world.transport.connection(0).gone('connect-failed', 'ECONNREFUSED');
  assert.equal(a.failure?.detail, 'ECONNREFUSED', 'it came before the second was dialled');
  for (let at = 1; at < 5; at++) {
    world.clock.advance(1500);
    later.push(world.request());
    world.transport.connection(at).gone('connect-failed', 'ECONNREFUSED');
    assert.ok(later[at - 1]!.failure !== undefined);
  }
});

test('an extra connection that fails harms nobody and is not tried again at once', () => {
  const world = new PoolWorld('multiplexed', { multiplexedConnections: 2 });
  world.request();
  world.transport.connection(0).succeed();
  const b = world.request();
  world.transport.connection(1).gone('connect-failed', 'ECONNREFUSED');
  assert.ok(b.open);
  for (let count = 0; count < 10; count++) world.request();
  assert.equal(world.transport.dials.length, 2);
  world.clock.advance(1001);
  world.request();
  assert.equal(world.transport.dials.length, 3);
});

test('while all connections are full another one is opened, one at a time', () => {
  const world = new PoolWorld('multiplexed', {}, 2);
  const all = Array.from({ length: 5 }, () => world.request());
  world.transport.connection(0).succeed();
  assert.deepEqual(
    all.map(({ open }) => open),
    [true, true, false, false, false],
  );
  assert.equal(world.transport.dials.length, 2);
  world.transport.connection(1).gone('connect-failed', 'ECONNREFUSED');
  assert.ok(all[2]!.failure, 'one failure costs one request');
  assert.equal(all[3]!.answers, 0);
  all[0]!.answer();
  assert.ok(all[3]!.open, 'served by the stream that became free');
  world.transport.connection(2).succeed();
  assert.ok(all[4]!.open);
});

test('after a GOAWAY new streams go to a new connection, and the old one ends with its last stream', () => {
  const world = new PoolWorld('multiplexed');
  const [a, b] = [world.request(), world.request()];
  const [old] = [world.transport.connection(0)];
  old.succeed();
  old.deliver('!\n');
  assert.equal(old.closed, undefined);
  const c = world.request();
  assert.equal(c.answers, 0);
  world.transport.connection(1).succeed();
  assert.equal(c.connection, world.transport.connection(1));
  a.answer();
  assert.equal(old.closed, undefined);
  b.answer();
  assert.equal(old.closed, 'flush');
  c.answer();
  world.cluster.retire();
  world.transport.settle();
  world.assertAtRest();
});

test('waits for a peer that has not said yet how many streams it takes', () => {
  const world = new PoolWorld('multiplexed', {}, 0);
  const a = world.request();
  const [connection] = [world.transport.connection(0)];
  connection.succeed();
  assert.equal(a.answers, 0);
  connection.deliver('+\n');
  assert.ok(a.open);
});

test('a connection that stands but never takes a stream is told as a failure, not dialled for ever', () => {
  const world = new PoolWorld('multiplexed', {}, 0);
  const [a, b] = [world.request(), world.request()];
  world.transport.connection(0).succeed();
  assert.equal(world.transport.dials.length, 2, 'it is full, as far as one can see');
  for (let turn = 0; turn < 10; turn++) {
    for (const connection of world.transport.open) {
      connection.succeed();
      connection.gone();
    }
  }
  assert.equal(a.failure?.reason, 'connection-failure');
  assert.equal(b.failure?.reason, 'connection-failure');
  assert.ok(world.transport.dials.length <= 4);
  world.assertAtRest();
});

test('a lost connection ends its own streams only', () => {
  const world = new PoolWorld('multiplexed', { multiplexedConnections: 2 });
  const [a, b] = [world.request(), world.request()];
  world.transport.connection(0).succeed();
  world.transport.connection(1).succeed();
  const c = world.request();
  assert.equal(c.connection, world.transport.connection(1));
  world.transport.connection(0).gone();
  assert.deepEqual([a.reset, b.reset, c.reset], ['connection-termination', 'connection-termination', undefined]);
  c.answer();
  assert.equal(c.replies, 1);
});

test('replies that nobody waits for are dropped and counted, and close the connection when there are far too many', () => {
  const world = new PoolWorld('multiplexed');
  const a = world.request();
  const b = world.request();
  const connection = world.transport.connection(0);
  connection.succeed();
  a.stream!.reset('local-reset');
  a.answer();
  assert.equal(a.replies, 0);
  assert.equal(world.count('upstream_rq_unsolicited'), 1);
  for (let count = 0; count < 200; count++) connection.deliver('999\n');
  assert.equal(connection.closed, 'now');
  world.transport.settle();
  assert.equal(b.reset, 'connection-termination');
  assert.equal(world.count('upstream_rq_unsolicited'), 103, 'what two requests may cause, a hundred, and one');
  world.assertAtRest();
});

test('late replies of many timed-out requests do not close the connection', () => {
  const world = new PoolWorld('multiplexed');
  world.request();
  const connection = world.transport.connection(0);
  connection.succeed();
  for (let count = 0; count < 500; count++) {
    const late = world.request();
    late.stream!.reset('local-reset');
    late.answer();
  }
  assert.equal(connection.closed, undefined);
});

test('at the connection limit no extra connection is opened', () => {
  const world = new PoolWorld('multiplexed', { multiplexedConnections: 4, limits: { ...limits, connectionsMax: 1 } });
  world.request();
  world.transport.connection(0).succeed();
  for (let count = 0; count < 10; count++) assert.ok(world.request().open);
  assert.equal(world.transport.dials.length, 1);
});

test('passes codec settings only to the protocol that they are for', () => {
  const settings = { marker: true };
  const http = new PoolWorld('exclusive', { codecSettings: { http1: settings } });
  http.request();
  http.transport.connection(0).succeed();
  assert.equal(http.protocol.codecs[0]!.settings, settings);
  const rpc = new PoolWorld('multiplexed', { codecSettings: { http1: settings } });
  rpc.request();
  rpc.transport.connection(0).succeed();
  assert.equal(rpc.protocol.codecs[0]!.settings, undefined);
});
