import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterConfig } from '../config/cluster.ts';
import { lineProtocol } from './test-support/line-protocol.ts';
import { type NotedAttempt, PoolWorld } from './test-support/pool-world.ts';

const protocols = { http1: lineProtocol('exclusive'), http2: lineProtocol('multiplexed', 100, 'http2') };

function createWorld(over: Partial<ClusterConfig> = {}) {
  const world = new PoolWorld('exclusive', { tls: {}, ...over });
  const request = (): NotedAttempt => world.request(world.downstream, undefined, protocols);
  return { world, request, connection: (at: number) => world.transport.connection(at) };
}

test('all wait for the first connection, and share it when it is HTTP/2', () => {
  const { world, request, connection } = createWorld();
  const all = [request(), request(), request()];
  assert.equal(world.transport.dials.length, 1);
  assert.deepEqual(world.transport.dials[0]!.options.tls?.alpn, ['h2', 'http/1.1']);
  connection(0).succeed('h2');
  assert.ok(all.every(({ open }) => open));
  assert.equal(world.count('upstream_cx_http2_total'), 1);
});

for (const alpn of ['http/1.1', undefined]) {
  test(`one connection for each when the host chooses ${alpn}`, () => {
    const { world, request, connection } = createWorld();
    const all = [request(), request(), request()];
    connection(0).succeed(alpn);
    assert.equal(world.transport.dials.length, 3);
    connection(1).succeed(alpn);
    connection(2).succeed(alpn);
    assert.ok(all.every(({ open }) => open));
    assert.equal(world.count('upstream_cx_http1_total'), 3);
    all[1]!.answer();
    assert.equal(request().connection, connection(1), 'used again');
    request();
    request();
    assert.equal(world.transport.dials.length, 5, 'now it is known what to expect');
  });
}

test('a host that changes its mind is served in both ways', () => {
  const { world, request, connection } = createWorld();
  const [a, b] = [request(), request()];
  connection(0).succeed('http/1.1');
  connection(1).succeed('h2');
  assert.deepEqual([a.connection, b.connection], [connection(0), connection(1)]);
  const more = [request(), request()];
  assert.ok(more.every((attempt) => attempt.connection === connection(1)));
  a.answer();
  connection(1).gone();
  assert.equal(request().connection, connection(0), 'the idle one is not forgotten');
  connection(0).gone();
  const last = request();
  connection(2).succeed('h2');
  assert.ok(last.open);
  last.answer();
  world.cluster.retire();
  world.transport.settle();
  world.assertAtRest();
});

test('a handshake that fails is told to all that hoped for it', () => {
  const { world, request, connection } = createWorld();
  const all = [request(), request()];
  connection(0).gone('tls-failed', 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL');
  assert.ok(all.every(({ failure }) => failure?.reason === 'connection-failure'));
  assert.equal(world.count('upstream_cx_connect_fail'), 1);
  world.assertAtRest();
});

test('ALPN protocols that are configured are left alone', () => {
  const { world, request } = createWorld({ tls: { alpn: ['istio', 'h2'] } });
  request();
  assert.deepEqual(world.transport.dials[0]!.options.tls?.alpn, ['istio', 'h2']);
});
