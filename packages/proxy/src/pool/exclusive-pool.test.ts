import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PoolWorld } from './test-support/pool-world.ts';

const limits = { connectionsMax: 1024, pendingRequestsMax: 1024, requestsMax: 1024, retriesMax: 3 };

test('dials for each waiting request and uses the connection that was idle last', () => {
  const world = new PoolWorld('exclusive');
  const [a, b] = [world.request(), world.request()];
  assert.equal(world.transport.dials.length, 2);
  assert.equal(world.count('upstream_rq_pending_active'), 2);
  assert.equal(world.host.activeRequests, 2, 'those that wait count for least_request');
  world.transport.connection(1).succeed();
  assert.equal(a.connection, world.transport.connection(1), 'who waits longest is served first');
  world.transport.connection(0).succeed();
  a.answer();
  b.answer();
  const c = world.request();
  assert.equal(c.connection, b.connection, 'last in, first out');
  assert.deepEqual([b.fresh, c.fresh], [true, false], 'the exchange sees that the connection was used before');
  c.answer();
  assert.equal(world.transport.dials.length, 2);
  assert.equal(world.count('upstream_rq_total'), 3);
  assert.equal(world.count('upstream_cx_http1_total'), 2);
  world.cluster.retire();
  world.transport.settle();
  world.assertAtRest();
  assert.equal(world.count('upstream_cx_destroy_local'), 2);
});

test('a request is served by whichever connection is free first; the one dialled for it becomes idle', () => {
  const world = new PoolWorld('exclusive');
  const a = world.request();
  world.transport.connection(0).succeed();
  const b = world.request();
  a.answer();
  assert.equal(b.connection, world.transport.connection(0));
  world.transport.connection(1).succeed();
  assert.equal(world.request().connection, world.transport.connection(1));
});

test('a failed connect costs the request that depends on it, not those whose connections are being dialled', () => {
  const world = new PoolWorld('exclusive');
  const [a, b] = [world.request(), world.request()];
  world.clock.advance(30);
  world.transport.connection(0).gone('connect-failed', 'ECONNREFUSED');
  assert.deepEqual(a.failure, { reason: 'connection-failure', detail: 'ECONNREFUSED' });
  assert.equal(b.answers, 0);
  world.transport.connection(1).gone('connect-timeout', 'ETIMEDOUT');
  assert.deepEqual(b.failure, { reason: 'connection-timeout', detail: 'ETIMEDOUT' });
  assert.equal(world.transport.dials.length, 2, 'nothing is dialled again by itself');
  assert.equal(world.count('upstream_cx_connect_fail'), 2);
  assert.equal(world.count('upstream_cx_connect_timeout'), 1);
  assert.equal(world.host.cxConnectFail, 2);
  assert.equal(world.count('upstream_rq_pending_failure_eject'), 2);
  world.assertAtRest();
});

test('at the connection limit requests wait for a free connection; the queue has a limit too', () => {
  const world = new PoolWorld('exclusive', { limits: { ...limits, connectionsMax: 1, pendingRequestsMax: 2 } });
  const a = world.request();
  world.transport.connection(0).succeed();
  const [b, c, d] = [world.request(), world.request(), world.request()];
  assert.equal(world.transport.dials.length, 1);
  assert.equal(world.count('upstream_cx_overflow'), 2);
  assert.equal(d.failure?.reason, 'overflow');
  assert.equal(world.count('upstream_rq_pending_overflow'), 1);
  assert.equal(world.count('circuit_breakers.default.cx_open'), 1);
  assert.equal(world.count('circuit_breakers.default.rq_pending_open'), 1);
  a.answer();
  assert.ok(b.open && !c.open);
  assert.equal(world.count('circuit_breakers.default.rq_pending_open'), 0);
  world.transport.connection(0).gone();
  assert.equal(b.reset, 'connection-termination');
  assert.equal(world.transport.dials.length, 2, 'a new one for the request that still waits');
  world.transport.connection(1).succeed();
  assert.ok(c.open);
});

test('with all requests behind one dial, its failure is told to all of them', () => {
  const world = new PoolWorld('exclusive', { limits: { ...limits, connectionsMax: 1 } });
  const all = [world.request(), world.request(), world.request()];
  world.transport.connection(0).gone('connect-failed', 'EHOSTUNREACH');
  assert.ok(all.every(({ failure }) => failure?.detail === 'EHOSTUNREACH'));
  assert.equal(world.transport.dials.length, 1);
  world.assertAtRest();
});

test('a cancelled request leaves the queue, and its connection serves the next', () => {
  const world = new PoolWorld('exclusive');
  const [a, b] = [world.request(), world.request()];
  a.pending!.cancel();
  a.pending!.cancel();
  assert.equal(world.count('upstream_rq_cancelled'), 1);
  const c = world.request();
  assert.equal(world.transport.dials.length, 2, 'there was one to spare');
  for (const { connection } of world.transport.dials) connection.succeed();
  assert.deepEqual([a.answers, b.answers, c.answers], [0, 1, 1]);
});

test('an idle connection that the peer closes is never used again', () => {
  const world = new PoolWorld('exclusive');
  const a = world.request();
  world.transport.connection(0).succeed();
  a.answer();
  world.transport.connection(0).peerEnds();
  const b = world.request();
  assert.equal(world.transport.dials.length, 2);
  assert.equal(b.answers, 0);
  world.transport.settle();
  assert.equal(world.count('upstream_cx_destroy_remote'), 1);
  assert.equal(world.count('upstream_cx_destroy_with_active_rq'), 0);
});

test('a used connection that is closed under its next request ends that with connection-termination', () => {
  const world = new PoolWorld('exclusive');
  const a = world.request();
  world.transport.connection(0).succeed();
  a.answer();
  const b = world.request();
  world.transport.connection(0).peerEnds();
  assert.equal(b.reset, 'connection-termination');
  assert.deepEqual([a.fresh, b.fresh], [true, false]);
  world.transport.settle();
  assert.equal(world.count('upstream_cx_destroy_remote_with_active_rq'), 1);
  world.assertAtRest();
});

test('closes idle connections after the idle timeout, but none that is in use', () => {
  const world = new PoolWorld('exclusive', { idleTimeoutMs: 1000 });
  const [a, b] = [world.request(), world.request()];
  for (const { connection } of world.transport.dials) connection.succeed();
  world.clock.advance(500);
  a.answer();
  world.clock.advance(990);
  assert.equal(world.transport.connection(0).closed, undefined, 'not before its time');
  world.clock.advance(190);
  assert.equal(world.transport.connection(0).closed, 'flush');
  assert.equal(world.transport.connection(1).closed, undefined);
  assert.ok(b.open);
  assert.equal(world.count('upstream_cx_idle_timeout'), 1);
});

test('a connection is closed after as many requests as it may carry', () => {
  const world = new PoolWorld('exclusive', { maxRequestsPerConnection: 2 });
  const a = world.request();
  world.transport.connection(0).succeed();
  a.answer();
  const b = world.request();
  assert.equal(world.transport.connection(0).closed, undefined);
  b.answer();
  assert.equal(world.transport.connection(0).closed, 'flush');
  world.request();
  assert.equal(world.transport.dials.length, 2);
  assert.equal(world.count('upstream_cx_max_requests'), 1);
});

test('a drained pool serves what waits and keeps nothing; a closed one tells who waits', () => {
  const world = new PoolWorld('exclusive');
  const a = world.request();
  world.transport.connection(0).succeed();
  const b = world.request();
  world.cluster.retire();
  world.transport.connection(1).succeed();
  assert.ok(a.open && b.open);
  a.answer();
  b.answer();
  assert.deepEqual(
    world.transport.open.map(({ closed }) => closed),
    ['flush', 'flush'],
  );
  const c = world.request();
  world.cluster.close();
  assert.equal(c.failure?.reason, 'connection-failure');
  assert.equal(world.request().failure?.reason, 'connection-failure');
  world.transport.settle();
  world.assertAtRest();
  assert.equal(world.count('upstream_cx_connect_fail'), 0, 'giving up is not a failure to connect');
});

test('counts bytes, faults and times', () => {
  const world = new PoolWorld('exclusive');
  const a = world.request();
  world.clock.advance(7);
  world.transport.connection(0).succeed();
  a.answer();
  assert.equal(world.count('upstream_cx_rx_bytes_total'), 2);
  assert.equal(world.count('upstream_cx_tx_bytes_total'), 2);
  assert.deepEqual(world.stats.histogram('cluster.c.upstream_cx_connect_ms').recorded, [7]);
  const b = world.request();
  world.transport.connection(0).deliver('?\n');
  assert.equal(b.reset, 'protocol-error');
  world.transport.settle();
  assert.equal(world.count('upstream_cx_protocol_error'), 1);
  assert.equal(world.count('upstream_cx_destroy_local_with_active_rq'), 1);
  world.assertAtRest();
});
