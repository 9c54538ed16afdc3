import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AutoServerNameConfig } from '../config/cluster.ts';
import { NotedAttempt, PoolWorld } from './test-support/pool-world.ts';

function createWorld(auto: Partial<AutoServerNameConfig> = {}, pooling: 'exclusive' | 'multiplexed' = 'exclusive') {
  const world = new PoolWorld(
    pooling,
    {
      tls: { serverName: 'default.example', verification: { authorityPem: 'CA' } },
      autoServerName: { sni: true, verify: false, header: '', ...auto },
      limits: { connectionsMax: 10_000, pendingRequestsMax: 10_000, requestsMax: 1024, retriesMax: 3 },
    },
    undefined,
    pooling === 'exclusive' ? 'http1' : 'http2',
  );
  const request = (serverName?: string) =>
    world.request(world.downstream, new NotedAttempt(0, serverName === undefined ? {} : { serverName }));
  return { world, request, tls: (at: number) => world.transport.dials[at]!.options.tls! };
}

for (const pooling of ['exclusive', 'multiplexed'] as const) {
  test(`${pooling}: requests for different names never share a connection`, () => {
    const { world, request, tls } = createWorld({}, pooling);
    const [a, b, none] = [request('a.example'), request('b.example'), request()];
    assert.deepEqual(
      [tls(0).serverName, tls(1).serverName, tls(2).serverName],
      ['a.example', 'b.example', 'default.example'],
    );
    for (const { connection } of world.transport.dials) connection.succeed();
    for (const attempt of [a, b, none]) attempt.answer();
    assert.equal(request('b.example').connection, b.connection);
    assert.equal(request('a.example').connection, a.connection);
    assert.equal(request().connection, none.connection);
  });
}

test('the certificate must be for the name when that is asked for', () => {
  const { request, tls } = createWorld({ verify: true });
  request('a.example');
  request('10.0.0.7');
  assert.deepEqual(tls(0).verification, {
    authorityPem: 'CA',
    subjectAltNames: [{ type: 'DNS', kind: 'exact', value: 'a.example' }],
  });
  assert.equal(tls(1).serverName, 'default.example', 'an address is not sent as a name');
  assert.deepEqual(tls(1).verification?.subjectAltNames, [{ type: 'IP', kind: 'exact', value: '10.0.0.7' }]);
});

test('clients that make names up hold a bounded number of connections', () => {
  const { world, request } = createWorld();
  const busy = Array.from({ length: 256 }, (_, at) => request(`n${at}.example`));
  for (const { connection } of world.transport.dials) connection.succeed();
  assert.equal(request('one.more.example').failure?.reason, 'overflow');
  assert.equal(world.count('upstream_cx_pool_overflow'), 1);
  busy[7]!.answer();
  assert.equal(request('one.more.example').answers, 0);
  assert.equal(busy[7]!.connection!.closed, 'flush', 'that which has nothing to do makes room');
  world.transport.connection(256).succeed();
  world.cluster.close();
  world.transport.settle();
  world.assertAtRest();
});

test('a drained host keeps no connection under any name', () => {
  const { world, request } = createWorld();
  const [a, b] = [request('a.example'), request('b.example')];
  for (const { connection } of world.transport.dials) connection.succeed();
  a.answer();
  world.cluster.retire();
  assert.equal(a.connection!.closed, 'flush');
  b.answer();
  assert.equal(b.connection!.closed, 'flush');
  const late = request('c.example');
  world.transport.connection(2).succeed();
  late.answer();
  assert.equal(late.connection!.closed, 'flush');
});
