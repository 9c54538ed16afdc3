import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Protocol } from '@sofamesh/contract/protocol';
import { lineProtocol } from '@sofamesh/testkit/line-protocol';
import { chain, clusterConfig, forward, httpProxy, inline, listenerConfig, route } from './test-support/configs.ts';
import { answering, EngineWorld } from './test-support/engine-world.ts';

const names = ['rx_reset', 'tx_reset', 'trailers', 'streams_active', 'pending_send_bytes'];

/** Lines that pass for `name`, and count a trailer section each time that a codec is made. */
function passingFor(name: string, httpVersion: 1 | 2): Protocol {
  const lines = lineProtocol({ name, pooling: 'multiplexed', messages: 'streamed' });
  return {
    ...lines,
    httpVersion,
    createServerCodec(connection, host, options) {
      options.streamStats?.trailers.increment();
      return lines.createServerCodec(connection, host, options);
    },
    createClientCodec(connection, host, options) {
      options.streamStats?.trailers.increment();
      return lines.createClientCodec(connection, host, options);
    },
  };
}

test('HTTP/2 counts for all clients, and for each cluster; others do not', async () => {
  const world = new EngineWorld();
  for (const version of [1, 2] as const) world.protocols.set(`http${version}`, passingFor(`http${version}`, version));
  const ports = [8080, 8081, 8082];
  for (const port of ports) await world.upstream(port, answering('RSP. 200'));
  const setups = [
    { name: 'one', codec: 'http1' },
    { name: 'two', codec: 'http2' },
    { name: 'more', codec: 'http2' },
  ];
  const rejections = await world.apply({
    clusters: setups.map(({ name, codec }, at) => {
      return clusterConfig(name, [ports[at]!], { httpCodec: { kind: 'named', name: codec } });
    }),
    listeners: setups.map(({ name, codec }, at) =>
      listenerConfig([chain(httpProxy(inline([route(forward(name))]), { codec }))], {
        name,
        address: { kind: 'ip', host: '127.0.0.1', port: ports[at]! },
      }),
    ),
  });
  assert.deepEqual(rejections, []);
  for (const port of ports) {
    const client = await world.client(port);
    client.send('1 REQ. GET host /');
    await world.settle();
    assert.match(client.lines[0]!, /^1 RSP\. 200/);
  }
  assert.equal(world.stats.get('http2.trailers'), 2);
  assert.deepEqual(
    setups.map(({ name }) => world.stats.get(`cluster.${name}.http2.trailers`)),
    [0, 1, 1],
  );
  for (const prefix of ['', 'cluster.two.', 'cluster.more.']) {
    for (const name of names)
      assert.notEqual(world.stats.value(`${prefix}http2.${name}`), undefined, `${prefix}${name}`);
  }
  for (const prefix of ['http1.', 'cluster.one.http1.', 'cluster.one.http2.']) {
    for (const name of names) assert.equal(world.stats.value(`${prefix}${name}`), undefined);
  }
});
