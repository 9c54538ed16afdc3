import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HttpProxyConfig } from '../config/listener.ts';
import {
  chain,
  clusterConfig,
  forward,
  httpProxy,
  inline,
  listenerConfig,
  retry,
  route,
  rpcProxy,
} from '../test-support/configs.ts';
import { answering, EngineWorld, type LinePeer, type Upstream } from '../test-support/engine-world.ts';

const gauges = /cx_(\w+_)?active|listeners_active|membership|_open$/;

interface Made {
  readonly world: EngineWorld;
  readonly client: LinePeer;
  readonly rpc: LinePeer;
  readonly upstream: Upstream;
}

async function made(
  proxy: Partial<HttpProxyConfig> = {},
  bytesMax = 1024 * 1024,
  onLine: (line: string, peer: LinePeer) => void = () => {},
): Promise<Made> {
  const world = new EngineWorld();
  const upstream = await world.upstream(1, onLine);
  const routes = inline([route(forward('shop'))]);
  await world.apply({
    clusters: [clusterConfig('shop', [1], { bufferBytesMax: bytesMax })],
    listeners: [
      listenerConfig([chain(httpProxy(routes, proxy))], { bufferBytesMax: bytesMax }),
      listenerConfig([chain(rpcProxy(routes))], {
        name: 'rpc',
        address: { kind: 'ip', host: '127.0.0.1', port: 8081 },
      }),
    ],
  });
  return { world, client: await world.client(), rpc: await world.client(8081), upstream };
}

describe('messages pass as they come', () => {
  test('informational heads, data, trailers, both ways', async () => {
    const { world, client, upstream } = await made();
    client.send('7 REQ POST host /a a=b', '7 DAT one', '7 DAT two', '7 TRL. sum=2');
    await world.settle();
    assert.deepEqual(upstream.take(), [
      '1 REQ POST host %2Fa a=b;x-forwarded-proto=http',
      '1 DAT one',
      '1 DAT two',
      '1 TRL. sum=2',
    ]);
    upstream.peer.send('1 INF 103 link=x', '1 RSP 200 c=d', '1 DAT three', '1 TRL. sum=1');
    await world.settle();
    assert.deepEqual(
      client.take().map((line) => line.replace(/;x-envoy.*/, '')),
      ['7 INF 103 link=x', '7 RSP 200 c=d', '7 DAT three', '7 TRL. sum=1'],
    );
    const [record] = world.records;
    assert.deepEqual([record!.bytesReceived, record!.bytesSent], [6, 5]);
  });

  test('a response may begin before the request has ended, and both go on', async () => {
    const { world, client, upstream } = await made();
    client.send('1 REQ POST host /', '1 DAT one');
    await world.settle();
    upstream.peer.send('1 RSP 200', '1 DAT echo-one');
    await world.settle();
    client.send('1 DAT. two');
    await world.settle();
    upstream.peer.send('1 DAT. echo-two');
    await world.settle();
    assert.equal(upstream.lines.at(-1), '1 DAT. two');
    assert.deepEqual(client.lines.slice(1), ['1 DAT echo-one', '1 DAT. echo-two']);
    assert.deepEqual(world.stats.gaugesLeft(gauges), []);
  });

  test('a response that ends before the request does ends the exchange', async () => {
    const { world, client, upstream } = await made();
    client.send('1 REQ POST host /', '1 DAT one');
    await world.settle();
    upstream.peer.send('1 RSP. 413');
    await world.settle();
    client.send('1 DAT two', '1 DAT. three');
    await world.settle();
    assert.match(client.lines[0]!, /^1 RSP\. 413/);
    assert.deepEqual(upstream.lines.slice(1), ['1 DAT one']);
    assert.deepEqual(world.stats.gaugesLeft(gauges), []);
  });

  test('RPC frames are what the client sent but for the number, and nothing is added', async () => {
    const { world, rpc, upstream } = await made();
    rpc.send('41 CALL. POST shop /sum a=b;c=d%2Fe body', '42 CALL. POST shop /sum x=y other');
    await world.settle();
    assert.deepEqual(upstream.take(), [
      '1 CALL. POST shop %2Fsum a=b;c=d%2Fe body',
      '2 CALL. POST shop %2Fsum x=y other',
    ]);
    upstream.peer.send('2 BACK. 200 r=2 second', '1 BACK. 200 r=1 first');
    await world.settle();
    assert.deepEqual(rpc.take(), ['42 BACK. 200 r=2 second', '41 BACK. 200 r=1 first']);
    assert.equal(world.records[0]!.bytesReceived, '42 CALL. POST shop /sum x=y other\n'.length);
  });

  test('heartbeats are answered here', async () => {
    const { world, rpc, upstream } = await made();
    rpc.send('9 PING');
    await world.settle();
    assert.deepEqual(rpc.lines, ['9 PONG']);
    assert.deepEqual(upstream.peers, []);
    assert.equal(world.stats.get('http.in.downstream_heartbeat'), 1);
  });
});

describe('back-pressure', () => {
  const piece = 'x'.repeat(50);

  test('a client that does not read stops the upstream, and no byte is lost', async () => {
    const { world, client, upstream } = await made({}, 500);
    client.send('1 REQ. GET host /');
    await world.settle();
    client.connection.pauseReading();
    upstream.peer.send('1 RSP 200');
    for (let at = 0; at < 200; at++) upstream.peer.send(`1 DAT ${at}-${piece}`);
    upstream.peer.send('1 DAT. end');
    await world.settle();
    assert.ok(world.records.length === 0);
    const [downstream] = world.network.connections.filter((each) => each.remote === client.connection.local);
    assert.ok(downstream!.bufferedBytes < 700, `held ${downstream!.bufferedBytes}`);
    client.connection.resumeReading();
    await world.settle();
    assert.equal(client.lines.length, 202);
    assert.deepEqual(
      client.lines.slice(1, -1).map((line) => Number.parseInt(line.slice(6), 10)),
      Array.from({ length: 200 }, (_, at) => at),
    );
    assert.equal(world.logs.length, 1);
  });

  test('an upstream that does not read stops the client', async () => {
    const { world, client, upstream } = await made({}, 500);
    client.send('1 REQ POST host /');
    await world.settle();
    upstream.peer.connection.pauseReading();
    for (let at = 0; at < 200; at++) client.send(`1 DAT ${at}-${piece}`);
    client.send('1 DAT. end');
    await world.settle();
    const sent = upstream.peer.connection.bytesReceived;
    const [up] = world.network.connections.filter((each) => each.local === upstream.peer.connection.remote);
    assert.ok(up!.bufferedBytes < 700, `held ${up!.bufferedBytes} after ${sent}`);
    upstream.peer.connection.resumeReading();
    await world.settle();
    assert.equal(upstream.lines.length, 202);
    upstream.peer.send('1 RSP. 200');
    await world.settle();
    assert.match(client.lines[0]!, /200/);
  });

  test('while there is no connection, no more than the buffer is taken from the client', async () => {
    const { world, client, upstream } = await made({}, 300);
    world.network.blackHoles.add('10.0.0.1:1');
    client.send('1 REQ POST host /');
    for (let at = 0; at < 100; at++) client.send(`1 DAT ${piece}`);
    await world.settle();
    assert.deepEqual(world.logs, []);
    await world.pass(100);
    client.send('1 RST.');
    await world.settle();
    assert.ok(world.records[0]!.bytesReceived <= 400, `${world.records[0]!.bytesReceived}`);
    assert.deepEqual(upstream.peers, []);
    assert.deepEqual(world.stats.gaugesLeft(gauges), []);
  });
});

describe('resets', () => {
  const phases: readonly (readonly [name: string, before: readonly string[], client: RegExp, log: string])[] = [
    ['before the head', [], /^1 RSP 503/, '503 UR upstream_reset_before_response_started{remote_reset} 1 10.0.0.1:1'],
    [
      'after an interim head',
      ['1 INF 103'],
      /^1 INF 103/,
      '503 UR upstream_reset_before_response_started{remote_reset} 1 10.0.0.1:1',
    ],
    [
      'after the head',
      ['1 RSP 200'],
      /^1 RST\. remote-reset/,
      '200 UR upstream_reset_after_response_started{remote_reset} 1 10.0.0.1:1',
    ],
    [
      'in the body',
      ['1 RSP 200', '1 DAT half'],
      /^1 RST\. remote-reset/,
      '200 UR upstream_reset_after_response_started{remote_reset} 1 10.0.0.1:1',
    ],
  ];
  for (const [name, before, last, log] of phases) {
    test(`by the upstream ${name}`, async () => {
      const { world, client, upstream } = await made();
      client.send('1 REQ. GET host /');
      await world.settle();
      upstream.peer.send(...before, '1 RST. remote-reset');
      await world.settle();
      assert.ok(client.lines.some((line) => last.test(line)));
      assert.ok(!client.lines.some((line) => / DAT\. half/.test(line)), 'it must not look complete');
      assert.deepEqual(world.logs, [log]);
      client.send('2 REQ. GET host /');
      await world.settle();
      upstream.peer.send('2 RSP. 200');
      await world.settle();
      assert.match(client.lines.at(-1)!, /^2 RSP\. 200/);
      assert.deepEqual(world.stats.gaugesLeft(gauges), []);
    });
  }

  test("the upstream's connection dies under RPC calls: each gets a native error", async () => {
    const { world, rpc, upstream } = await made();
    rpc.send('1 CALL. GET host / a=b x', '2 CALL. GET host / a=b y');
    await world.settle();
    upstream.peer.connection.close('reset');
    await world.settle();
    assert.equal(rpc.lines.length, 2);
    for (const line of rpc.lines) assert.match(line, /BACK\. 503 .*connection%20termination/);
    assert.equal(rpc.closed, undefined);
  });

  for (const [phase, answer] of [
    ['before the answer', []],
    ['in the answer', ['1 RSP 200', '1 DAT half']],
  ] as const) {
    test(`by the client ${phase}: the upstream is told`, async () => {
      const { world, client, upstream } = await made();
      client.send('1 REQ. GET host /');
      await world.settle();
      upstream.peer.send(...answer);
      await world.settle();
      client.connection.close('reset');
      await world.settle();
      assert.equal(upstream.lines.at(-1), '1 RST. local-reset');
      assert.match(world.logs[0]!, /^\d+ DC /);
      assert.equal(world.stats.get('http.in.downstream_rq_rx_reset'), 1);
      assert.equal(world.stats.get('vhost.all.route.r.upstream_rq_error'), 0);
      assert.deepEqual(world.stats.gaugesLeft(gauges), []);
      assert.equal(world.stats.get('listener.127.0.0.1_8080.downstream_cx_active'), 0);
    });
  }

  test('a client that breaks the protocol in the middle', async () => {
    const { world, client } = await made();
    client.send('1 REQ. GET host /', 'rubbish');
    await world.settle();
    assert.deepEqual(world.logs, ['0 DPE downstream_protocol_error 1 10.0.0.1:1']);
    assert.equal(world.stats.get('http.in.downstream_cx_protocol_error'), 1);
    assert.notEqual(client.closed, undefined);
  });

  test('an upstream that breaks the protocol', async () => {
    const { world, client, upstream } = await made();
    client.send('1 REQ. GET host /');
    await world.settle();
    upstream.peer.send('rubbish');
    await world.settle();
    assert.match(client.lines[0]!, /^1 RSP 502/);
    assert.match(world.logs[0]!, /^502 UPE/);
  });
});

describe('upgrades', () => {
  test('bytes go both ways, each side ends for itself, and only then it is over', async () => {
    const { world, client, upstream } = await made({ streamIdleTimeoutMs: 1000 });
    client.send('1 REQ. GET host /chat upgrade=websocket');
    await world.settle();
    assert.match(upstream.take()[0]!, /^1 REQ GET host %2Fchat upgrade=websocket/);
    upstream.peer.send('1 RSP 101 upgrade=websocket', '1 DAT hello');
    await world.pass(500);
    client.send('1 DAT hi');
    await world.settle();
    assert.deepEqual(upstream.take(), ['1 DAT hi']);
    assert.equal(world.stats.get('http.in.downstream_cx_upgrades_active'), 1);
    upstream.peer.send('1 DAT. bye');
    await world.settle();
    assert.deepEqual(world.logs, []);
    client.send('1 DAT still', '1 DAT. bye');
    await world.settle();
    assert.deepEqual(upstream.take(), ['1 DAT still', '1 DAT. bye']);
    assert.deepEqual(client.take().slice(1), ['1 DAT hello', '1 DAT. bye']);
    assert.deepEqual(world.logs, ['101 - via_upstream 1 10.0.0.1:1']);
    assert.equal(world.stats.get('cluster.shop.upstream_rq_tx_reset'), 0);
    assert.deepEqual(world.stats.gaugesLeft(gauges), []);
  });

  test('no timeout but idleness ends a tunnel', async () => {
    const world = new EngineWorld();
    const upstream = await world.upstream(1);
    const action = forward('shop', { timeoutMs: 50, retry: retry(['5xx'], { perTryTimeoutMs: 20 }) });
    const proxy = httpProxy(inline([route(action)]), { streamIdleTimeoutMs: 200 });
    await world.apply({ clusters: [clusterConfig('shop', [1])], listeners: [listenerConfig([chain(proxy)])] });
    const client = await world.client();
    client.send('1 REQ. GET host / upgrade=websocket');
    await world.settle();
    upstream.peer.send('1 RSP 101');
    await world.pass(150);
    assert.deepEqual(world.logs, []);
    client.send('1 DAT x');
    await world.pass(150);
    assert.deepEqual(world.logs, []);
    await world.pass(60);
    assert.deepEqual(world.logs, ['101 SI stream_idle_timeout 1 10.0.0.1:1']);
    assert.deepEqual(world.stats.gaugesLeft(gauges), []);
  });

  test('an upgrade that the upstream refuses is an ordinary answer', async () => {
    const { world, client } = await made({}, undefined, (line, peer) => {
      if (line.includes('REQ')) peer.send(`${line.split(' ')[0]} RSP. 426`);
    });
    client.send('1 REQ. GET host / upgrade=websocket');
    await world.settle();
    assert.match(client.lines[0]!, /^1 RSP\. 426/);
    assert.equal(world.logs.length, 1);
    assert.deepEqual(world.stats.gaugesLeft(gauges), []);
  });
});

test('after so many requests the connection is asked to go', async () => {
  const { world, client } = await made({ maxRequestsPerConnection: 2 }, undefined, answering('RSP. 200'));
  client.send('1 REQ. GET host /');
  await world.settle();
  assert.equal(client.closed, undefined);
  client.send('2 REQ. GET host /');
  await world.settle();
  assert.ok(client.lines.includes('0 BYE'));
  assert.ok(client.lines.some((line) => line.startsWith('2 RSP. 200')));
  assert.notEqual(client.closed, undefined);
  assert.equal(world.stats.get('http.in.downstream_cx_max_requests_reached'), 1);
});
