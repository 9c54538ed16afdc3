import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DialOptions } from '@sofamesh/contract/transport';
import { chain, clusterConfig, forward, httpProxy, inline, listenerConfig, route } from '../test-support/configs.ts';
import { answering, EngineWorld, type LinePeer } from '../test-support/engine-world.ts';

async function started(more: Parameters<typeof clusterConfig>[2] = {}) {
  const world = new EngineWorld();
  const preambles: string[] = [];
  const dial = world.network.dial.bind(world.network);
  world.network.dial = (options: DialOptions, handler) => {
    if (options.address.kind === 'ip' && options.address.host === '10.0.0.1') preambles.push(`${options.preamble}`);
    return dial(options, handler);
  };
  await world.upstream(1, answering('RSP. 200'));
  const cluster = clusterConfig('one', [1], { proxyProtocol: { version: 1, passTlvs: [] }, ...more });
  const network = httpProxy(inline([route(forward('one'))]));
  assert.deepEqual(await world.apply({ clusters: [cluster], listeners: [listenerConfig([chain(network)])] }), []);
  const ask = async (peer: LinePeer) => {
    peer.send('1 REQ. GET host /');
    await world.settle();
    return peer.take()[0];
  };
  return { world, preambles, ask };
}

test('requests of two clients do not share a connection that speaks for one of them', async () => {
  const { world, preambles, ask } = await started();
  const [one, two] = [await world.client(), await world.client()];
  for (const peer of [one, two, one, two]) assert.match((await ask(peer))!, /200/);
  assert.equal(preambles.length, 2);
  for (const [at, peer] of [one, two].entries()) {
    const { local } = peer.connection;
    assert.ok(local.kind === 'ip');
    assert.equal(preambles[at], `PROXY TCP4 127.0.0.1 127.0.0.1 ${local.port} 8080\r\n`);
  }
  assert.equal(world.stats.get('cluster.one.upstream_cx_active'), 2);
});

test('without it clients share, and nothing is sent ahead', async () => {
  const { world, preambles, ask } = await started({ proxyProtocol: undefined });
  for (const peer of [await world.client(), await world.client()]) assert.match((await ask(peer))!, /200/);
  assert.deepEqual(preambles, ['undefined']);
});
