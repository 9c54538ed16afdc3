import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterConfig } from '../config/cluster.ts';
import type { ForwardConfig } from '../config/route.ts';
import {
  chain,
  clusterConfig,
  forward,
  httpProxy,
  inline,
  listenerConfig,
  retry,
  route,
} from '../test-support/configs.ts';
import { answering, EngineWorld, type LinePeer } from '../test-support/engine-world.ts';

async function made(
  onLine: (line: string, peer: LinePeer) => void,
  cluster: Partial<ClusterConfig>,
  action: Partial<ForwardConfig> = {},
) {
  const world = new EngineWorld();
  const upstream = await world.upstream(1, onLine);
  const rejections = await world.apply({
    clusters: [clusterConfig('shop', [1], cluster)],
    listeners: [listenerConfig([chain(httpProxy(inline([route(forward('shop', action))])))])],
  });
  assert.deepEqual(rejections, []);
  return { world, upstream, client: await world.client() };
}

describe("the cluster's limit on the time of a stream", () => {
  test('half a request, to which no answer begins: 408', async () => {
    const { world, client } = await made(() => {}, { streamDurationMs: 100 });
    client.send('1 REQ POST host /');
    await world.pass(104);
    assert.match(client.lines[0]!, /^1 RSP 408/);
  });

  test('an answer that does not begin: 504, UMSDR', async () => {
    const { world, upstream, client } = await made(() => {}, { streamDurationMs: 100 });
    client.send('1 REQ. GET host /');
    await world.pass(99);
    assert.deepEqual(client.lines, []);
    await world.pass(5);
    assert.match(client.lines[0]!, /^1 RSP 504/);
    assert.deepEqual(world.logs, ['504 UMSDR upstream_max_stream_duration_reached 1 10.0.0.1:1']);
    assert.deepEqual(upstream.lines.slice(1), ['1 RST. local-reset']);
    assert.equal(world.stats.get('cluster.shop.upstream_rq_max_duration_reached'), 1);
  });

  test('an answer that does not end is broken off', async () => {
    const { world, client } = await made(answering('RSP 200', 'DAT part'), { streamDurationMs: 100 });
    client.send('1 REQ. GET host /');
    await world.pass(104);
    assert.deepEqual(client.lines.slice(1), ['1 DAT part', '1 RST. local-reset']);
    assert.deepEqual(world.logs, ['200 UMSDR upstream_max_stream_duration_reached 1 10.0.0.1:1']);
  });

  test('each try has its own', async () => {
    let tries = 0;
    const { world, client } = await made(
      (line, peer) => {
        if (line.includes('REQ') && ++tries === 2) peer.send(`${line.split(' ')[0]} RSP. 200`);
      },
      { streamDurationMs: 100 },
      { retry: retry(['reset']) },
    );
    client.send('1 REQ. GET host /');
    await world.pass(104);
    await world.pass(30);
    assert.match(client.lines.join(), /^1 RSP\. 200/);
    assert.equal(world.records[0]!.attempts, 2);
  });

  test('leaves no timer behind when the answer came in time', async () => {
    const { world, client } = await made(answering('RSP. 200'), { streamDurationMs: 100 });
    client.send('1 REQ. GET host /');
    await world.settle();
    assert.match(client.lines.join(), /^1 RSP\. 200/);
    await world.pass(200);
    assert.equal(world.stats.get('cluster.shop.upstream_rq_max_duration_reached'), 0);
  });
});

describe('an answer before the request is complete', () => {
  for (const codec of ['lines', 'lines1']) {
    test(`${codec}: is passed on, and the rest of the request goes nowhere`, async () => {
      const { world, upstream, client } = await made(
        (line, peer) => {
          if (line.includes('REQ')) peer.send(`${line.split(' ')[0]} RSP. 413`);
        },
        { httpCodec: { kind: 'named', name: codec } },
      );
      client.send('1 REQ POST host /', '1 DAT one');
      await world.settle();
      client.send('1 DAT two', '1 DAT. three');
      await world.settle();
      assert.match(client.lines[0]!, /^1 RSP\. 413/);
      assert.deepEqual(world.logs, ['413 - via_upstream 1 10.0.0.1:1']);
      assert.ok(!upstream.lines.some((line) => line.includes('three')));
      client.send('2 REQ. GET host /');
      await world.settle();
      assert.match(client.lines.at(-1)!, /^2 RSP\. 413/);
      assert.equal(upstream.peers.length, codec === 'lines1' ? 2 : 1, 'an unfinished request spoils its connection');
    });
  }
});

describe("the downstream's protocol", () => {
  test('a cluster that follows it has HTTP/1.1 for all that is not HTTP/2', async () => {
    const { world, client } = await made(answering('RSP. 200'), { httpCodec: { kind: 'downstream' } });
    client.send('1 REQ. GET host /');
    await world.settle();
    // There is no codec of that name in this world.
    assert.match(world.logs[0]!, /^503 NC upstream_protocol_not_found/);
  });
});
