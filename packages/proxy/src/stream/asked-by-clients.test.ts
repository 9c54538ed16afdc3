import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HttpProxyConfig } from '../config/listener.ts';
import type { ForwardConfig, VirtualHostConfig } from '../config/route.ts';
import {
  chain,
  clusterConfig,
  forward,
  httpProxy,
  listenerConfig,
  retry,
  route,
  routeTable,
} from '../test-support/configs.ts';
import { EngineWorld } from '../test-support/engine-world.ts';

const insider = { useRemoteAddress: true, internalPrefixes: ['127.0.0.0/8'] };
const grpc = 'content-type=application%2Fgrpc';

async function worldOf(
  action: Partial<ForwardConfig>,
  proxy: Partial<HttpProxyConfig> = {},
  host: Partial<VirtualHostConfig> = {},
) {
  const world = new EngineWorld();
  const upstream = await world.upstream(1);
  const table = routeTable([route(forward('shop', action))], {}, host);
  const rejections = await world.apply({
    clusters: [clusterConfig('shop', [1])],
    listeners: [listenerConfig([chain(httpProxy({ kind: 'inline', table }, proxy))])],
  });
  assert.deepEqual(rejections, []);
  const client = await world.client();
  return { world, upstream, client };
}

describe('a timeout that a request asks for', () => {
  test('counts when it comes from inside, and ends here', async () => {
    const { world, upstream, client } = await worldOf({ timeoutMs: 1000 }, insider);
    client.send('1 REQ. GET host / x-envoy-upstream-rq-timeout-ms=50');
    await world.settle();
    const [line = ''] = upstream.take();
    assert.doesNotMatch(line, /x-envoy-upstream-rq-timeout-ms/);
    assert.match(line, /x-envoy-expected-rq-timeout-ms=50/);
    await world.pass(55);
    assert.deepEqual(world.logs, ['504 UT response_timeout 1 10.0.0.1:1']);
  });

  test('204 in place of 504, for somebody inside only', async () => {
    const alternative = 'x-envoy-upstream-rq-timeout-alt-response=1';
    const asked = await worldOf({ timeoutMs: 50 }, insider);
    asked.client.send(`1 REQ. GET host / ${alternative}`);
    await asked.world.pass(55);
    assert.deepEqual(asked.world.logs, ['204 UT response_timeout 1 10.0.0.1:1']);
    const outside = await worldOf({ timeoutMs: 50 });
    outside.client.send(`1 REQ. GET host / ${alternative}`);
    await outside.world.pass(55);
    assert.deepEqual(outside.world.logs, ['504 UT response_timeout 1 10.0.0.1:1']);
  });

  test('from outside it says nothing', async () => {
    const { world, upstream, client } = await worldOf({ timeoutMs: 1000 }, { useRemoteAddress: true });
    client.send('1 REQ. GET host / x-envoy-upstream-rq-timeout-ms=50;x-envoy-retry-on=5xx');
    await world.pass(55);
    assert.deepEqual(world.logs, []);
    assert.doesNotMatch(upstream.take()[0]!, /rq-timeout-ms=50|retry-on/);
  });

  test('rubbish says nothing', async () => {
    const { world, client } = await worldOf({ timeoutMs: 100 }, insider);
    client.send('1 REQ. GET host / x-envoy-upstream-rq-timeout-ms=-1');
    await world.pass(90);
    assert.deepEqual(world.logs, []);
    await world.pass(15);
    assert.equal(world.logs.length, 1);
  });
});

describe('grpc-timeout as the route allows it', () => {
  const after = async (more: Partial<ForwardConfig>, headers: string) => {
    const { world, client } = await worldOf({ timeoutMs: 500, ...more });
    client.send(`1 REQ. POST host / ${headers}`);
    for (let ms = 0; ms < 1000; ms += 10) {
      if (world.logs.length > 0) return ms;
      await world.pass(10);
    }
    return Number.POSITIVE_INFINITY;
  };
  const allowed = (longestMs: number, offsetMs = 0) => ({ grpcTimeout: { longestMs, offsetMs } });

  test('instead of the timeout, up to the longest, less what the way back takes', async () => {
    assert.ok(Math.abs((await after({}, `${grpc};grpc-timeout=100m`)) - 500) <= 10, 'not asked');
    assert.ok(Math.abs((await after(allowed(0), `${grpc};grpc-timeout=100m`)) - 100) <= 10);
    assert.ok(Math.abs((await after(allowed(200), `${grpc};grpc-timeout=1H`)) - 200) <= 10);
    assert.ok(Math.abs((await after(allowed(200), grpc)) - 200) <= 10, 'none is as long as may be');
    assert.ok(Math.abs((await after(allowed(0, 40), `${grpc};grpc-timeout=100m`)) - 60) <= 10);
    assert.ok(
      Math.abs((await after(allowed(200, 100), `${grpc};grpc-timeout=1H`)) - 200) <= 10,
      'first less, then cut',
    );
    assert.ok(Math.abs((await after(allowed(0), 'grpc-timeout=100m')) - 500) <= 10, 'no gRPC');
  });
});

test('the upstream is told how much of grpc-timeout the route leaves', async () => {
  const { world, upstream, client } = await worldOf({ grpcTimeout: { longestMs: 300, offsetMs: 40 } });
  client.send(`1 REQ. POST host / ${grpc};grpc-timeout=100m`, `2 REQ. POST host / ${grpc}`, '3 REQ. POST host /');
  await world.settle();
  assert.deepEqual(
    upstream.take().map((line) => /grpc-timeout=(\w+)/.exec(line)?.[1]),
    ['60m', '300m', undefined],
  );
});

describe('retries', () => {
  test('as somebody inside asks, and both sides are told how many tries it took', async () => {
    const counts = { countsAttempts: true, tellsAttempts: true };
    const { world, upstream, client } = await worldOf({}, insider, counts);
    client.send('1 REQ. GET host / x-envoy-retry-on=5xx;x-envoy-max-retries=2');
    for (const status of [500, 502, 200]) {
      await world.pass(100);
      const [line = ''] = upstream.take();
      assert.doesNotMatch(line, /x-envoy-(retry-on|max-retries)/);
      assert.match(line, new RegExp(`x-envoy-attempt-count=${[500, 502, 200].indexOf(status) + 1}`));
      upstream.peer.send(`${line.split(' ')[0]} RSP. ${status}`);
      await world.settle();
    }
    assert.match(client.take()[0]!, /^1 RSP\. 200 .*x-envoy-attempt-count=3/);
  });

  test('an answer of the proxy itself says how many it took, too', async () => {
    const { world, client } = await worldOf({ timeoutMs: 50 }, {}, { tellsAttempts: true });
    client.send('1 REQ. GET host /');
    await world.pass(55);
    assert.match(client.take()[0]!, /^1 RSP 504 .*x-envoy-attempt-count=1/);
  });

  test('of a gRPC status in a head without a body', async () => {
    const { world, upstream, client } = await worldOf({ retry: retry(['unavailable']) });
    client.send(`1 REQ. POST host / ${grpc}`);
    await world.settle();
    upstream.peer.send(`${upstream.take()[0]!.split(' ')[0]} RSP. 200 grpc-status=14`);
    await world.pass(100);
    upstream.peer.send(`${upstream.take()[0]!.split(' ')[0]} RSP. 200 grpc-status=0`);
    await world.settle();
    assert.match(client.take()[0]!, /grpc-status=0/);
  });
});

test('who has agreed on a protocol by ALPN is not guessed at', async () => {
  const world = new EngineWorld();
  const names = ['http1', 'http2'];
  const codecs: string[] = [];
  const protocols = world.protocols;
  for (const name of names) {
    const lines = protocols.get('lines')!;
    protocols.set(name, {
      ...lines,
      name,
      alpn: [name === 'http1' ? 'http/1.1' : 'h2'],
      detect: () => (name === 'http1' ? 'match' : 'mismatch'),
      createServerCodec: (connection, host, options) => {
        codecs.push(`${name} ${JSON.stringify(options.settings ?? null)}`);
        return lines.createServerCodec(connection, host, options);
      },
    });
  }
  const settings = { http1: { a: 1 } };
  const proxy = httpProxy({ kind: 'inline', table: routeTable([]) }, { codec: 'auto', codecSettings: settings });
  const tls = { certificates: [] };
  assert.deepEqual(await world.apply({ listeners: [listenerConfig([chain(proxy, { tls })])] }), []);
  for (const alpn of ['h2', 'http/1.1', undefined]) {
    world.network.tlsSession = { ...world.network.tlsSession, alpn };
    const client = await world.client();
    client.send('1 REQ. GET host /');
    await world.settle();
  }
  assert.deepEqual(codecs, ['http2 null', 'http1 {"a":1}', 'http1 {"a":1}']);
});
