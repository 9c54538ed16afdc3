import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RpcProxyConfig } from '../config/listener.ts';
import type { ForwardConfig } from '../config/route.ts';
import {
  chain,
  clusterConfig,
  filterConfig,
  forward,
  inline,
  listenerConfig,
  route,
  rpcProxy,
} from '../test-support/configs.ts';
import { EngineWorld, type LinePeer } from '../test-support/engine-world.ts';

const refusing = {
  name: 'refuse',
  prepare: () => () => ({
    onRequestHead: (_head: unknown, exchange: { reply(reply: object): void }) => {
      exchange.reply({ status: 503, body: 'fault', details: 'fault_filter_abort', flags: 0 });
      return undefined;
    },
  }),
};
const slow = {
  name: 'wait',
  prepare: () => () => ({
    onRequestHead: (_head: unknown, exchange: { sleep(ms: number): Promise<void> }) => exchange.sleep(400),
  }),
};

async function relayed(action: Partial<ForwardConfig> = {}, more: Partial<RpcProxyConfig> = {}) {
  const world = new EngineWorld([refusing as never, slow as never]);
  const upstream = await world.upstream(1, (line, peer) => peer.send(`echo ${line}`));
  const proxy = rpcProxy(inline([route(forward('shop', action))]), { serviceLevel: 'relay', protocol: '', ...more });
  const rejections = await world.apply({
    clusters: [clusterConfig('shop', [1]), clusterConfig('nobody', [9])],
    listeners: [listenerConfig([chain(proxy)])],
  });
  assert.deepEqual(rejections, []);
  return { world, upstream };
}

const text = (peer: LinePeer) => peer.take().join('|');

describe('service level RELAY', () => {
  test('passes bytes of any kind on as they are, and logs a connection as one request', async () => {
    const { world, upstream } = await relayed();
    const client = await world.client();
    client.send('not a protocol', '\u0000\u0001');
    await world.settle();
    assert.equal(text(upstream.peer), 'not a protocol|\u0000\u0001');
    assert.equal(text(client), 'echo not a protocol|echo \u0000\u0001');
    client.connection.end();
    await world.settle();
    assert.equal(upstream.peer.ended, true);
    assert.equal(client.closed?.kind, 'closed');
    assert.deepEqual(world.logs, ['200 - via_upstream 1 10.0.0.1:1']);
    const [record] = world.records;
    assert.equal(record?.request?.authority, '127.0.0.1:8080');
    assert.equal(record?.bytesReceived, 18);
    assert.equal(record?.bytesSent, 28);
  });

  test('connects before the client has said anything, for a server that speaks first', async () => {
    const { world, upstream } = await relayed();
    const client = await world.client();
    await world.settle();
    upstream.peer.send('welcome');
    await world.settle();
    assert.equal(text(client), 'welcome');
  });

  test('an end of the upstream is an end, and what the client still says arrives', async () => {
    const { world, upstream } = await relayed();
    const client = await world.client();
    await world.settle();
    upstream.peer.send('last words');
    upstream.peer.connection.end();
    await world.settle();
    assert.equal(text(client), 'last words');
    assert.equal(client.ended, true);
  });

  test('no host: the connection ends, and the log says why', async () => {
    const { world } = await relayed({ clusters: forward('nobody').clusters });
    const client = await world.client();
    client.send('hello');
    await world.settle();
    assert.equal(client.closed !== undefined || client.ended, true);
    assert.match(world.logs.join(), /^503 (?:UF|NC)/);
  });

  test('filters may refuse a connection, or make it wait', async () => {
    const refused = await relayed({}, { filters: [filterConfig('refuse'), filterConfig('router')] });
    const client = await refused.world.client();
    await refused.world.settle();
    assert.equal(client.ended, true);
    assert.deepEqual(refused.upstream.peers, []);
    assert.deepEqual(refused.world.logs, ['503 - fault_filter_abort 0 -']);

    const { world, upstream } = await relayed({}, { filters: [filterConfig('wait'), filterConfig('router')] });
    const patient = await world.client();
    patient.send('early');
    await world.pass(399);
    assert.deepEqual(upstream.peers, []);
    await world.pass(1);
    assert.equal(text(upstream.peer), 'early');
  });

  test('a reset of either side is a reset of the other', async () => {
    const { world, upstream } = await relayed();
    const client = await world.client();
    await world.settle();
    upstream.peer.connection.close('reset');
    await world.settle();
    assert.equal(client.closed?.kind, 'reset');
    const second = await world.client();
    await world.settle();
    second.connection.close('reset');
    await world.settle();
    assert.equal(upstream.peer.closed?.kind, 'reset');
  });

  test('a client that leaves while its upstream is dialled leaves nothing behind', async () => {
    const { world, upstream } = await relayed();
    world.network.blackHoles.add('10.0.0.1:1');
    const client = await world.client();
    client.send('too early');
    await world.settle();
    client.connection.close('reset');
    await world.settle();
    const [dialled] = world.network.connections;
    dialled!.inbox.push({ kind: 'connect' });
    await world.settle();
    assert.deepEqual(upstream.peer.take(), []);
    assert.equal(upstream.peer.closed?.kind, 'closed');
    assert.deepEqual(world.network.connections, []);

    world.network.blackHoles.clear();
    const next = await world.client();
    next.send('in time');
    await world.settle();
    assert.equal(text(next), 'echo in time');
  });

  test('an idle connection is closed', async () => {
    const { world } = await relayed({}, { streamIdleTimeoutMs: 1000, idleTimeoutMs: 1000 });
    const client = await world.client();
    await world.pass(900);
    client.send('still here');
    await world.pass(900);
    assert.equal(client.closed, undefined);
    await world.pass(200);
    assert.notEqual(client.closed, undefined);
  });

  test('a drain waits for the connection to end by itself', async () => {
    const { world, upstream } = await relayed();
    const client = await world.client();
    await world.settle();
    const drained = world.engine.drain(10_000);
    await world.settle();
    client.send('during the drain');
    await world.settle();
    assert.equal(text(upstream.peer), 'during the drain');
    client.connection.end();
    // Whether all are gone is looked at every 50 ms.
    await world.pass(100);
    await drained;
    assert.deepEqual(world.logs, ['200 - via_upstream 1 10.0.0.1:1']);
  });
});
