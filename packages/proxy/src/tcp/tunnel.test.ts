import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClusterConfig } from '../config/cluster.ts';
import type { TcpProxyConfig, TunnelConfig } from '../config/listener.ts';
import { chain, clusterConfig, listenerConfig, tcpProxy } from '../test-support/configs.ts';
import { EngineWorld, type LinePeer } from '../test-support/engine-world.ts';

const connects: TunnelConfig = {
  hostname: 'db:5432',
  postPath: undefined,
  headers: [],
  keepsHead: false,
  keepsTrailers: false,
};

/** A TCP proxy whose cluster is an HTTP proxy that speaks the line protocol. */
async function worldOf(
  tunnel: Partial<TunnelConfig> = {},
  proxy: Partial<TcpProxyConfig> = {},
  cluster: Partial<ClusterConfig> = {},
) {
  const world = new EngineWorld();
  const upstream = await world.upstream(1);
  const tcp: TcpProxyConfig = tcpProxy('proxy', {
    statPrefix: 't',
    tunnel: { ...connects, ...tunnel },
    accessLogs: [{ sink: { kind: 'stdout' }, format: { kind: 'text', text: '' } }],
    ...proxy,
  });
  const rejections = await world.apply({
    clusters: [clusterConfig('proxy', [1], cluster)],
    listeners: [listenerConfig([chain(tcp)])],
  });
  assert.deepEqual(rejections, []);
  const client = await world.client();
  await world.settle();
  return { world, upstream, client };
}

const atRest = (world: EngineWorld) =>
  assert.deepEqual(world.stats.gaugesLeft(/cx_active|cx_pool|listeners_active|membership|_open$/), []);

async function says(world: EngineWorld, peer: LinePeer, ...lines: string[]): Promise<void> {
  peer.send(...lines);
  await world.settle();
}

describe('a connection inside a CONNECT', () => {
  test('stands when the proxy says so, and each side ends for itself', async () => {
    const { world, upstream, client } = await worldOf();
    assert.deepEqual(upstream.take().map(decodeURIComponent), ['1 REQ CONNECT db:5432 / ']);
    await says(world, client, 'early');
    assert.deepEqual(upstream.take(), [], 'nothing is sent before there is a way');
    await says(world, upstream.peer, '1 RSP 200');
    assert.deepEqual(upstream.take(), ['1 DAT early%0A']);
    await says(world, upstream.peer, '1 DAT welcome%0A');
    assert.deepEqual(client.take(), ['welcome']);
    await says(world, client, 'bye');
    client.connection.end();
    await world.settle();
    assert.deepEqual(upstream.take(), ['1 DAT bye%0A', '1 DAT. ']);
    assert.ok(!client.ended);
    await says(world, upstream.peer, '1 DAT last%0A', '1 DAT. ');
    assert.deepEqual(client.take(), ['last']);
    assert.equal(client.closed?.kind, 'closed');
    assert.deepEqual(world.logs, ['0 -  1 10.0.0.1:1']);
    const [record] = world.records;
    assert.deepEqual([record?.bytesReceived, record?.bytesSent], [10, 13]);
    assert.equal(world.stats.value('cluster.proxy.upstream_rq_total'), 1);
    atRest(world);
  });

  test('has the name and the headers that are configured', async () => {
    const headers = [
      { name: 'X-Who', value: 'me', action: 'append' as const },
      { name: 'x-route', value: 'a%ROUTE_NAME%', action: 'append' as const },
    ];
    const { upstream } = await worldOf({ hostname: 'to%ROUTE_NAME%:1', headers });
    assert.deepEqual(upstream.take().map(decodeURIComponent), ['1 REQ CONNECT to:1 / x-who=me;x-route=a']);
  });

  for (const [what, lines, failure] of [
    ['refused', ['1 RSP. 403'], 'tunnel_response:403'],
    ['refused, with a body', ['1 RSP 500', '1 DAT. no'], 'tunnel_response:500'],
    ['reset', ['1 RST. remote-reset'], 'remote-reset'],
  ] as const) {
    test(`that is ${what} has failed, and is tried as often as a connection`, async () => {
      const { world, upstream, client } = await worldOf({}, { maxConnectAttempts: 2 });
      await says(world, upstream.peer, ...lines);
      assert.equal(client.closed, undefined);
      const second = upstream.take().filter((line) => line.includes('REQ'))[1];
      assert.match(second ?? '', /^2 REQ CONNECT/);
      await says(world, upstream.peer, ...lines.map((line) => line.replace('1', '2')));
      assert.notEqual(client.closed, undefined);
      assert.deepEqual(world.logs, ['0 UF,URX upstream_connect_failure 2 10.0.0.1:1']);
      assert.equal(world.records[0]?.upstreamFailure, failure);
      assert.equal(world.stats.value('cluster.proxy.upstream_cx_connect_attempts_exceeded'), 1);
      atRest(world);
    });
  }

  test('that breaks is seen to be broken, either way', async () => {
    const { world, upstream, client } = await worldOf();
    await says(world, upstream.peer, '1 RSP 200', '1 DAT some%0A', '1 RST. remote-reset');
    assert.equal(client.closed?.kind, 'reset');
    assert.match(world.logs[0]!, /^0 UR /);
    const other = await world.client();
    await says(world, upstream.peer, '2 RSP 200');
    other.connection.close('reset');
    await world.settle();
    assert.ok(upstream.take().some((line) => line.startsWith('2 RST.')));
    assert.equal(world.stats.value('cluster.proxy.upstream_rq_rx_reset'), 1);
    assert.equal(world.stats.value('cluster.proxy.upstream_rq_tx_reset'), 1);
    atRest(world);
  });

  test('a client that does not wait takes the request along', async () => {
    const { world, upstream, client } = await worldOf();
    client.connection.close('reset');
    await world.settle();
    assert.ok(upstream.take().some((line) => line.startsWith('1 RST.')));
    atRest(world);
  });

  test('nobody there, no room for the request, a proxy that says nothing', async () => {
    const { world, upstream } = await worldOf({}, {}, { limits: limits(0) });
    assert.deepEqual(world.logs, ['0 UO overflow 0 10.0.0.1:1']);
    assert.deepEqual(upstream.take(), []);
    const nobody = await worldOf({}, { clusters: [{ name: 'elsewhere', weight: 1 }] });
    assert.deepEqual(nobody.world.logs, ['0 NC cluster_not_found 0 -']);
    const silent = await worldOf({}, { idleTimeoutMs: 100 });
    await silent.world.pass(250);
    assert.notEqual(silent.client.closed, undefined);
    assert.deepEqual(silent.world.logs, ['0 - idle_timeout 1 10.0.0.1:1']);
    for (const each of [world, nobody.world, silent.world]) atRest(each);
  });

  test('a cluster whose protocol is not there is no way', async () => {
    const { world } = await worldOf({}, {}, { httpCodec: { kind: 'named', name: 'none' } });
    assert.match(world.logs[0]!, /^0 UF,URX/);
    assert.equal(world.records[0]?.upstreamFailure, 'upstream_protocol_not_found');
    atRest(world);
  });
});

describe('a connection inside a POST', () => {
  test('is its body, and the answer’s', async () => {
    const { world, upstream, client } = await worldOf({ postPath: '/in' });
    assert.deepEqual(upstream.take().map(decodeURIComponent), ['1 REQ POST db:5432 /in ']);
    await says(world, upstream.peer, '1 RSP 200', '1 DAT hi%0A');
    assert.deepEqual(client.take(), ['hi']);
    client.send('still here');
    client.connection.end();
    await world.settle();
    assert.deepEqual(upstream.take(), ['1 DAT still%20here%0A', '1 DAT. ']);
    await says(world, upstream.peer, '1 TRL. sum=5');
    assert.equal(client.closed?.kind, 'closed');
    atRest(world);
  });

  test('is over with the answer where the connection is', async () => {
    const { world, upstream, client } = await worldOf(
      { postPath: '/' },
      {},
      { httpCodec: { kind: 'named', name: 'lines1' } },
    );
    await says(world, upstream.peer, '1 RSP 200', '1 DAT. all%0A');
    assert.deepEqual(client.take(), ['all']);
    assert.equal(client.closed?.kind, 'closed');
    atRest(world);
  });
});

test('what the proxy said is kept for the log where that is wanted', async () => {
  const { world, upstream, client } = await worldOf({ keepsHead: true, keepsTrailers: true });
  await says(world, upstream.peer, '1 RSP 200 a=b', '1 TRL. sum=5');
  client.connection.end();
  await world.settle();
  assert.deepEqual(world.records[0]?.filterState, {
    'envoy.tcp_proxy.propagate_response_headers':
      '{"headers":[{"key":":status","value":"200"},{"key":"a","value":"b"}]}',
    'envoy.tcp_proxy.propagate_response_trailers': '{"headers":[{"key":"sum","value":"5"}]}',
  });
});

function limits(requestsMax: number): ClusterConfig['limits'] {
  return { connectionsMax: 10, pendingRequestsMax: 10, requestsMax, retriesMax: 3 };
}
