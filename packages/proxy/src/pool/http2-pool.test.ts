import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterConfig } from '../config/cluster.ts';
import { NotedAttempt, PoolWorld } from './test-support/pool-world.ts';

const limits = { connectionsMax: 1024, pendingRequestsMax: 1024, requestsMax: 1024, retriesMax: 3 };

/** `streamsMax`: before the peer has said anything. */
const http2 = (over: Partial<ClusterConfig> = {}, streamsMax = 100) =>
  new PoolWorld('multiplexed', over, streamsMax, 'http2');

const requests = (world: PoolWorld, count: number) => Array.from({ length: count }, () => world.request());

test('a new connection takes what it may before the peer has spoken, and more when the peer says so', () => {
  const world = http2();
  const all = requests(world, 150);
  world.transport.connection(0).succeed();
  assert.equal(all.filter(({ open }) => open).length, 100);
  world.transport.connection(0).deliver('+1000\n');
  assert.ok(all.every(({ open }) => open));
  assert.equal(world.count('upstream_cx_http2_total'), 1);
});

test('a peer that took few streams is not flooded on its next connection', () => {
  const world = http2();
  const first = world.request();
  world.transport.connection(0).succeed();
  world.transport.connection(0).deliver('+2\n');
  const all = requests(world, 6);
  assert.equal(world.transport.dials.length, 4, 'one is there, and two streams fit on each');
  world.transport.connection(1).succeed();
  assert.equal(all.filter(({ open }) => open).length, 3);
  world.transport.connection(1).deliver('+4\n');
  assert.equal(all.filter(({ open }) => open).length, 5);
  first.answer();
  assert.ok(all.every(({ open }) => open));
});

test('a peer that took no stream at all is tried again with one', () => {
  const world = http2();
  world.request();
  world.transport.connection(0).succeed();
  world.transport.connection(0).deliver('+0\n');
  const late = world.request();
  world.transport.connection(1).succeed();
  assert.ok(late.open);
  late.answer();
  assert.equal(late.replies, 1);
});

test('as many connections as the streams of all need, and the spare ones go when they are idle', () => {
  const world = http2({ idleTimeoutMs: 1000 }, 2);
  const all = requests(world, 7);
  for (let at = 0; at < 4; at++) world.transport.connection(at).succeed();
  assert.ok(all.every(({ open }) => open));
  assert.equal(world.transport.dials.length, 4);
  for (const attempt of all) attempt.answer();
  for (let turn = 0; turn < 20; turn++) {
    const attempt = world.request();
    assert.equal(attempt.connection, world.transport.connection(0), 'the others are left to grow old');
    world.clock.advance(100);
    attempt.answer();
  }
  world.transport.settle();
  assert.equal(world.transport.open.length, 1);
  assert.equal(world.count('upstream_cx_idle_timeout'), 3);
});

test('dials at once what a configured number of streams needs', () => {
  const codecLimits = { headBytesMax: 1, headerCountMax: 1, frameBytesMax: 1, streamsMax: 10 };
  const world = http2({ codecLimits }, 10);
  requests(world, 35);
  assert.equal(world.transport.dials.length, 4);
  world.transport.connection(0).succeed();
  assert.equal(world.protocol.codecs[0]!.limits.streamsMax, 10);
});

test('the circuit breaker holds however many streams wait', () => {
  const world = http2({ limits: { ...limits, connectionsMax: 2, pendingRequestsMax: 3 } }, 2);
  const all = requests(world, 3);
  world.transport.connection(0).succeed();
  world.transport.connection(1).succeed();
  all.push(...requests(world, 10));
  assert.equal(world.transport.dials.length, 2);
  assert.equal(all.filter(({ open }) => open).length, 4);
  assert.equal(all.filter(({ failure }) => failure?.reason === 'overflow').length, 6);
  assert.equal(world.count('upstream_rq_pending_overflow'), 6);
});

test('a limit that falls below what is open takes effect as streams end', () => {
  const world = http2();
  const all = requests(world, 4);
  const first = world.transport.connection(0);
  first.succeed();
  first.deliver('+2\n');
  const late = world.request();
  assert.equal(late.answers, 0);
  all[0]!.answer();
  all[1]!.answer();
  assert.equal(late.answers, 0, 'two are still open');
  all[2]!.answer();
  assert.equal(late.connection, first);
});

test('after GOAWAY streams above the last one are refused, the others end, and new ones go elsewhere', () => {
  const world = http2();
  const [a, b, c] = requests(world, 3) as [NotedAttempt, NotedAttempt, NotedAttempt];
  const old = world.transport.connection(0);
  old.succeed();
  c.onLost = () => {
    world.request();
  };
  old.deliver('!1\n');
  assert.deepEqual([a.reset, b.reset, c.reset], [undefined, 'refused', 'refused']);
  assert.equal(world.transport.dials.length, 2, 'the request that came from inside has a new connection');
  assert.equal(old.closed, undefined);
  a.answer();
  assert.equal(old.closed, 'flush');
});

test('an attempt that wants a fresh connection waits for its own', () => {
  const world = http2();
  const a = world.request();
  world.transport.connection(0).succeed();
  a.answer();
  const fresh = world.request(world.downstream, new NotedAttempt(0, { wantsFresh: true }));
  assert.equal(fresh.answers, 0);
  assert.ok(world.request().open, 'others do not wait for it');
  world.transport.connection(1).succeed();
  assert.deepEqual([fresh.connection, fresh.fresh], [world.transport.connection(1), true]);
});

test('the failure of a fresh connection is told to its attempt alone, and a cancelled one leaves it to others', () => {
  const world = new PoolWorld('exclusive');
  const fresh = () => world.request(world.downstream, new NotedAttempt(0, { wantsFresh: true }));
  const [lost, cancelled] = [fresh(), fresh()];
  const waiting = world.request();
  assert.equal(world.transport.dials.length, 3);
  world.transport.connection(0).gone('connect-failed', 'ECONNREFUSED');
  assert.equal(lost.failure?.detail, 'ECONNREFUSED');
  assert.equal(waiting.answers, 0);
  cancelled.pending!.cancel();
  world.transport.connection(1).succeed();
  assert.deepEqual([cancelled.answers, waiting.connection], [0, world.transport.connection(1)]);
  waiting.answer();
  world.cluster.close();
  world.transport.settle();
  world.assertAtRest();
});

test('at the connection limit an attempt takes what is there', () => {
  const world = new PoolWorld('exclusive', { limits: { ...limits, connectionsMax: 1 } });
  const a = world.request();
  world.transport.connection(0).succeed();
  a.answer();
  const b = world.request(world.downstream, new NotedAttempt(0, { wantsFresh: true }));
  assert.equal(b.connection, a.connection);
});

test('a connection takes no new streams from its maximum age on', () => {
  const world = http2({ connectionDurationMs: 1000 });
  const a = world.request();
  const old = world.transport.connection(0);
  old.succeed();
  world.clock.advance(1010);
  assert.equal(old.closed, undefined);
  const b = world.request();
  world.transport.connection(1).succeed();
  assert.equal(b.connection, world.transport.connection(1));
  a.answer();
  assert.equal(old.closed, 'flush');
  assert.equal(world.count('upstream_cx_max_duration_reached'), 1);
  b.answer();
  world.clock.advance(1010);
  assert.equal(b.connection!.closed, 'flush', 'an idle one is closed at once');
  world.transport.settle();
  world.assertAtRest();
});

test("a codec's faults are counted by their own names", () => {
  const world = http2();
  world.request();
  world.transport.connection(0).succeed();
  world.transport.connection(0).deliver('?\n');
  assert.equal(world.count('http2.bad_line'), 1);
  assert.equal(world.count('upstream_cx_protocol_error'), 1);
});

// ── keepalive ───────────────────────────────────────────────────────────────────────────────────────────────────────

const keepalive = { intervalMs: 1000, timeoutMs: 200, jitterPercent: 0, idleIntervalMs: 0 };

test('a peer that does not answer a PING in time is left', () => {
  const world = http2({ keepalive });
  const a = world.request();
  const connection = world.transport.connection(0);
  connection.succeed();
  world.clock.advance(1010);
  assert.equal(connection.text, '1\nping\n');
  connection.deliver('pong\n');
  world.clock.advance(1010);
  assert.equal(connection.text, '1\nping\nping\n');
  world.clock.advance(180);
  assert.equal(connection.closed, undefined);
  world.clock.advance(30);
  assert.equal(connection.closed, 'now');
  assert.equal(world.count('http2.keepalive_timeout'), 1);
  world.transport.settle();
  assert.equal(a.reset, 'connection-termination');
  world.assertAtRest();
});

test('whatever comes puts the timeout off', () => {
  const world = http2({ keepalive });
  const [a, b] = requests(world, 2) as [NotedAttempt, NotedAttempt];
  const connection = world.transport.connection(0);
  connection.succeed();
  world.clock.advance(1150);
  a.answer();
  world.clock.advance(190);
  assert.equal(connection.closed, undefined);
  world.clock.advance(30);
  assert.equal(connection.closed, 'now');
  assert.ok(b.open);
});

test('a request after a silence sends a PING ahead, once', () => {
  const world = http2({ keepalive: { ...keepalive, intervalMs: 0, idleIntervalMs: 500 } });
  const a = world.request();
  const connection = world.transport.connection(0);
  connection.succeed();
  a.answer();
  world.clock.advance(400);
  world.request().answer();
  world.clock.advance(600);
  requests(world, 2);
  assert.equal(connection.text, '1\n2\nping\n3\n4\n');
  world.clock.advance(210);
  assert.equal(connection.closed, 'now');
});

test('the interval is jittered', () => {
  const world = http2({ keepalive: { ...keepalive, jitterPercent: 50 } });
  requests(world, 1);
  const connection = world.transport.connection(0);
  connection.succeed();
  const times: number[] = [];
  let pings = 0;
  let sinceMs = world.clock.now();
  while (times.length < 20) {
    world.clock.advance(5);
    const now = connection.text.split('ping').length - 1;
    if (now === pings) continue;
    pings = now;
    times.push(world.clock.now() - sinceMs);
    sinceMs = world.clock.now();
    connection.deliver('pong\n');
  }
  assert.ok(Math.min(...times) >= 1000 && Math.max(...times) <= 1510, String(times));
  assert.ok(new Set(times).size > 10);
});

test('HTTP/1 connections send none', () => {
  const world = new PoolWorld('exclusive', { keepalive });
  world.request();
  world.transport.connection(0).succeed();
  world.clock.advance(5000);
  assert.equal(world.transport.connection(0).text, '1\n');
});
