import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FilterChainConfig, NetworkConfig, TcpProxyConfig } from '../config/listener.ts';
import { clientHello } from '../listener/test-support/client-hello.ts';
import { chain, clusterConfig, listenerConfig } from '../test-support/configs.ts';
import { EngineWorld } from '../test-support/engine-world.ts';

async function started(network: NetworkConfig, more: Partial<FilterChainConfig> = {}) {
  const world = new EngineWorld();
  assert.deepEqual(await world.apply({ listeners: [listenerConfig([chain(network, more)])] }), []);
  return world;
}

const echo = { kind: 'direct-reply', response: undefined } as const;

test('echo gives back what comes, and ends when the client does', async () => {
  const world = await started(echo);
  const client = await world.client();
  client.send('one');
  client.send('two');
  await world.settle();
  assert.deepEqual(client.take(), ['one', 'two']);
  client.connection.end();
  await world.settle();
  assert.equal(client.closed?.kind, 'closed');
  assert.equal(world.engine.status().listeners[0]?.connections, 0);
});

test('a direct response is sent, and the connection ends', async () => {
  const world = await started({ kind: 'direct-reply', response: Buffer.from('go away\n') });
  const client = await world.client();
  await world.settle();
  assert.deepEqual(client.take(), ['go away']);
  client.connection.end();
  await world.settle();
  assert.equal(client.closed?.kind, 'closed');
});

test('an empty response only ends the connection', async () => {
  const world = await started({ kind: 'direct-reply', response: new Uint8Array() });
  const client = await world.client();
  client.connection.end();
  await world.settle();
  assert.deepEqual(client.take(), []);
  assert.equal(client.closed?.kind, 'closed');
});

test('a connection beyond the limit of its chain ends after the delay; one that goes makes room', async () => {
  const world = await started(echo, { connectionLimit: { statPrefix: 'l', connectionsMax: 1, delayMs: 100 } });
  const [first, second] = [await world.client(), await world.client()];
  second.send('hello');
  first.send('hello');
  await world.pass(50);
  assert.deepEqual(first.take(), ['hello']);
  assert.deepEqual(second.take(), []);
  assert.equal(second.closed, undefined);
  assert.equal(world.stats.value('connection_limit.l.limited_connections'), 1);
  assert.equal(world.stats.value('connection_limit.l.active_connections'), 1);
  await world.pass(100);
  assert.notEqual(second.closed, undefined);
  first.connection.end();
  await world.settle();
  const third = await world.client();
  third.send('again');
  await world.settle();
  assert.deepEqual(third.take(), ['again']);
});

test('without a delay it ends at once, and closing ends those that wait', async () => {
  const world = await started(echo, { connectionLimit: { statPrefix: 'l', connectionsMax: 1, delayMs: 0 } });
  const first = await world.client();
  const second = await world.client();
  await world.settle();
  assert.notEqual(second.closed, undefined);
  assert.equal(first.closed, undefined);
  const slow = await started(echo, { connectionLimit: { statPrefix: 'l', connectionsMax: 1, delayMs: 1e6 } });
  const clients = [await slow.client(), await slow.client()];
  const closing = slow.engine.close();
  await slow.settle();
  await slow.pass(1000);
  await closing;
  for (const client of clients) assert.notEqual(client.closed, undefined);
});

test('a server name chooses the cluster; without one the proxy’s own is used', async () => {
  const world = new EngineWorld();
  const tcp: TcpProxyConfig = {
    kind: 'tcp',
    statPrefix: 't',
    clusters: [{ name: 'own', weight: 1 }],
    clusterByServerName: true,
    idleTimeoutMs: 0,
    maxConnectAttempts: 1,
    maxDurationMs: 0,
    hashSourceIp: false,
    logOnConnect: false,
    logFlushIntervalMs: 0,
    accessLogs: [],
  };
  await world.upstream(1, (_line, peer) => peer.send('own'));
  await world.upstream(2, (_line, peer) => peer.send('by name'));
  const rejections = await world.apply({
    clusters: [clusterConfig('own', [1]), clusterConfig('shop', [2])],
    listeners: [listenerConfig([chain(tcp)], { listenerFilters: [{ kind: 'tls-inspector', disabled: undefined }] })],
  });
  assert.deepEqual(rejections, []);
  const client = await world.client();
  client.send('x');
  await world.settle();
  assert.deepEqual(client.take(), ['own']);

  const named = await world.client();
  named.connection.write(clientHello('shop', ['h2']));
  await world.settle();
  named.send('');
  await world.settle();
  assert.deepEqual(new Set(named.take()), new Set(['by name']));

  const unknown = await world.client();
  unknown.connection.write(clientHello('elsewhere', ['h2']));
  await world.settle();
  assert.notEqual(unknown.closed, undefined);
  assert.equal(world.stats.value('tcp.t.downstream_cx_no_route'), 1);
});
