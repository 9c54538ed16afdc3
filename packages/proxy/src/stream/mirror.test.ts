import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ForwardConfig, MirrorConfig } from '../config/route.ts';
import {
  chain,
  clusterConfig,
  forward,
  httpProxy,
  inline,
  listenerConfig,
  route,
  rpcProxy,
} from '../test-support/configs.ts';
import { answering, EngineWorld } from '../test-support/engine-world.ts';

const mirror = (more: Partial<MirrorConfig> = {}): MirrorConfig => ({
  cluster: 'copy',
  ppm: 1_000_000,
  marksHost: true,
  ...more,
});

const gauges = /_cx_(\w+_)?active|listeners_active|membership|_open$/;

async function worldOf(mirrors: readonly MirrorConfig[], more: Partial<ForwardConfig> = {}, codec = 'lines') {
  const world = new EngineWorld();
  const upstream = await world.upstream(1, answering('RSP. 200', 'BACK. 200'));
  const copy = await world.upstream(2);
  const network = inline([route(forward('shop', { mirrors, ...more }))]);
  const rejections = await world.apply({
    clusters: [clusterConfig('shop', [1]), clusterConfig('copy', [2]), clusterConfig('empty', [])],
    listeners: [
      listenerConfig([chain(codec === 'lines' ? httpProxy(network, { streamIdleTimeoutMs: 0 }) : rpcProxy(network))], {
        bufferBytesMax: 64,
      }),
    ],
  });
  assert.deepEqual(rejections, []);
  return { world, upstream, copy, client: await world.client() };
}

describe('a mirrored request', () => {
  test('goes to both, and only one answers', async () => {
    const { world, upstream, copy, client } = await worldOf([mirror()], { prefixRewrite: '/new/' });
    client.send('1 REQ POST host:80 /a a=b', '1 DAT x', '1 DAT. y');
    await world.settle();
    assert.match(copy.take().join('|'), /^1 REQ POST host-shadow%3A80 %2Fnew%2Fa .*a=b.*\|1 DAT x\|1 DAT\. y$/);
    assert.match(upstream.take()[0]!, /^1 REQ POST host%3A80 /);
    assert.equal(client.take().length, 1);
    assert.equal(world.logs.length, 1);
    assert.equal(world.stats.get('cluster.copy.upstream_rq_active'), 1);
    copy.peer.send('1 RSP 500', '1 DAT. body');
    await world.settle();
    assert.deepEqual(client.take(), []);
    assert.equal(world.stats.get('cluster.copy.upstream_rq_500'), 1);
    assert.deepEqual(world.stats.gaugesLeft(gauges), []);
  });

  test('with trailers, and without a mark', async () => {
    const { world, copy, client } = await worldOf([mirror({ marksHost: false })]);
    client.send('1 REQ POST [::1]:80 /', '1 TRL. t=1');
    await world.settle();
    assert.match(copy.take().join('|'), /^1 REQ POST %5B%3A%3A1%5D%3A80 %2F .*\|1 TRL\. t=1$/);
  });

  test('a share of them', async () => {
    const { world, copy, client } = await worldOf([mirror({ ppm: 300_000 })]);
    for (let id = 1; id <= 200; id++) client.send(`${id} REQ. GET host /`);
    await world.settle();
    const share = copy.take().length / 200;
    assert.ok(share > 0.2 && share < 0.4, String(share));
  });

  test('a cluster that is not there, or has nobody, harms nobody', async () => {
    const { world, client } = await worldOf([mirror({ cluster: 'nowhere' }), mirror({ cluster: 'empty' })]);
    client.send('1 REQ. GET host /');
    await world.settle();
    assert.match(client.take()[0]!, /^1 RSP\. 200/);
  });

  test('that is not answered is given up after a time', async () => {
    const { world, copy, client } = await worldOf([mirror()], { timeoutMs: 100 });
    client.send('1 REQ. GET host /');
    await world.settle();
    copy.take();
    await world.pass(105);
    assert.deepEqual(copy.take(), ['1 RST. local-reset']);
    assert.equal(world.stats.get('cluster.copy.upstream_rq_timeout'), 1);
    assert.deepEqual(world.stats.gaugesLeft(gauges), []);
  });

  test('a client that goes away takes the copy of what it did not finish along', async () => {
    const { world, copy, client } = await worldOf([mirror()]);
    client.send('1 REQ POST host /', '1 DAT x');
    await world.settle();
    copy.take();
    client.send('1 RST. remote-reset');
    await world.settle();
    assert.deepEqual(copy.take(), ['1 RST. local-reset']);
    assert.deepEqual(world.stats.gaugesLeft(gauges), []);
  });

  test('an early answer to the copy, a reset of it, a refused connection', async () => {
    const { world, upstream, copy, client } = await worldOf([mirror()]);
    client.send('1 REQ POST host /', '2 REQ POST host /');
    await world.settle();
    copy.take();
    copy.peer.send('1 RSP. 413', '2 RST. remote-reset');
    await world.settle();
    client.send('1 DAT. x', '2 DAT. y');
    await world.settle();
    assert.deepEqual(copy.take(), []);
    assert.equal(upstream.take().filter((line) => line.includes('DAT.')).length, 2);
    copy.close();
    copy.peer.connection.close('reset');
    await world.settle();
    client.take();
    client.send('3 REQ. GET host /');
    await world.settle();
    assert.match(client.take()[0]!, /^3 RSP\. 200/);
    assert.deepEqual(world.stats.gaugesLeft(gauges), []);
  });

  test('a copy that waits for a connection keeps no more than the buffer', async () => {
    const { world, upstream, client } = await worldOf([mirror()]);
    world.network.blackHoles.add('10.0.0.1:2');
    client.send('1 REQ POST host /', `1 DAT ${'x'.repeat(60)}`, `1 DAT. ${'y'.repeat(60)}`);
    await world.settle();
    assert.equal(upstream.take().length, 3);
    assert.equal(world.stats.get('cluster.copy.upstream_rq_active'), 0);
    assert.match(client.take()[0]!, /^1 RSP\. 200/);
  });

  test('an RPC call goes on as it came, one-way ones, too', async () => {
    const { world, copy, client } = await worldOf([mirror()], {}, 'rpc');
    client.send('7 CALL. GET shop /a x=1 body', '8 TELL. GET shop /b x=1 body');
    await world.settle();
    assert.deepEqual(
      copy.take().map((line) => line.replace(/^\d+ /, '')),
      ['CALL. GET shop %2Fa x=1 body', 'TELL. GET shop %2Fb x=1 body'],
    );
    assert.equal(client.take().length, 1);
  });
});
