import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HttpProxyConfig, ListenerConfig } from '../config/listener.ts';
import type { ForwardConfig } from '../config/route.ts';
import {
  chain,
  clusterConfig,
  filterConfig,
  forward,
  httpProxy,
  inline,
  listenerConfig,
  retry,
  route,
  rpcProxy,
} from '../test-support/configs.ts';
import { EngineWorld, type LinePeer, type Upstream } from '../test-support/engine-world.ts';

const allGauges = /listeners_active|membership|_open$|cx_(\w+_)?active/;

interface Made {
  readonly world: EngineWorld;
  readonly client: LinePeer;
  readonly upstream: Upstream;
}

async function made(
  action: Partial<ForwardConfig>,
  proxy: Partial<HttpProxyConfig> = {},
  listener: Partial<ListenerConfig> = {},
): Promise<Made> {
  const world = new EngineWorld([
    { name: 'wait', prepare: () => () => ({ onRequestHead: (_head, exchange) => exchange.sleep(400) }) },
  ]);
  const upstream = await world.upstream(1);
  const routes = inline([route(forward('shop', action))]);
  const { filters } = proxy;
  const rejections = await world.apply({
    clusters: [clusterConfig('shop', [1])],
    listeners: [
      listenerConfig([chain(httpProxy(routes, proxy))], listener),
      listenerConfig([chain(rpcProxy(routes, filters === undefined ? {} : { filters }))], {
        name: 'rpc',
        address: { kind: 'ip', host: '127.0.0.1', port: 8081 },
      }),
    ],
  });
  assert.deepEqual(rejections, []);
  return { world, client: await world.client(), upstream };
}

describe("the route's timeout", () => {
  test('counts from the end of the request', async () => {
    const { world, client, upstream } = await made({ timeoutMs: 100 });
    client.send('1 REQ POST host /', '1 DAT slow');
    await world.settle();
    await world.pass(500);
    assert.deepEqual(world.logs, []);
    client.send('1 DAT. end');
    await world.settle();
    await world.pass(99);
    assert.deepEqual(world.logs, []);
    await world.pass(3);
    assert.deepEqual(world.logs, ['504 UT response_timeout 1 10.0.0.1:1']);
    assert.match(client.lines[0]!, /^1 RSP 504 /);
    assert.equal(client.lines[1], '1 DAT. upstream%20request%20timeout');
    assert.equal(upstream.take().at(-1), '1 RST. local-reset');
    assert.equal(world.stats.get('cluster.shop.upstream_rq_timeout'), 1);
    assert.deepEqual(world.stats.gaugesLeft(allGauges), []);
  });

  test('covers the response to its end: what had begun is broken off', async () => {
    const { world, client, upstream } = await made({ timeoutMs: 100 });
    client.send('1 REQ. GET host /');
    await world.settle();
    upstream.peer.send('1 RSP 200', '1 DAT part');
    await world.pass(103);
    assert.deepEqual(client.lines.slice(1), ['1 DAT part', '1 RST. local-reset']);
    assert.deepEqual(world.logs, ['200 UT response_timeout 1 10.0.0.1:1']);
    assert.equal(world.stats.get('http.in.rq_reset_after_downstream_response_started'), 1);
  });

  test('is told to the upstream, and stopped by the answer', async () => {
    const { world, client, upstream } = await made({ timeoutMs: 100 });
    client.send('1 REQ. GET host /');
    await world.settle();
    assert.match(upstream.lines[0]!, /x-envoy-expected-rq-timeout-ms=100/);
    await world.pass(50);
    upstream.peer.send('1 RSP. 200');
    await world.pass(500);
    assert.match(client.lines[0]!, /^1 RSP\. 200 x-envoy-upstream-service-time=50/);
    assert.deepEqual(world.logs, ['200 - via_upstream 1 10.0.0.1:1']);
  });

  test('the upstream is told what a try may take, and what is left', async () => {
    const policy = retry(['5xx'], { retriesMax: 2, perTryTimeoutMs: 60 });
    const { world, client, upstream } = await made({ timeoutMs: 100, retry: policy });
    client.send('1 REQ. GET host /');
    await world.settle();
    assert.match(upstream.lines[0]!, /x-envoy-expected-rq-timeout-ms=60/);
    await world.pass(55);
    upstream.peer.send('1 RSP. 500');
    await world.pass(30);
    const told = Number(/x-envoy-expected-rq-timeout-ms=(\d+)/.exec(upstream.lines.at(-1)!)?.[1]);
    assert.ok(upstream.lines.length > 1 && told <= 45 && told > 15, String(told));
  });

  test('a connection that does not come about', async () => {
    const { world, client, upstream } = await made({ timeoutMs: 100 });
    world.network.blackHoles.add('10.0.0.1:1');
    client.send('1 REQ. GET host /');
    await world.settle();
    await world.pass(103);
    assert.deepEqual(world.logs, ['504 UT response_timeout 1 10.0.0.1:1']);
    assert.deepEqual(upstream.peers, []);
  });
});

describe("a message's own deadline", () => {
  /** How long the call took, in tenths of the clock's ticks, and what the client got. */
  async function elapsed(timeoutMs: number, headers: string, filters?: HttpProxyConfig['filters']) {
    const { world } = await made({ timeoutMs }, filters === undefined ? {} : { filters });
    const client = await world.client(8081);
    client.send(`4 CALL. GET host / ${headers} body`);
    await world.settle();
    for (let ms = 0; ms < 3000 && world.logs.length === 0; ms += 5) await world.pass(5);
    return { ms: world.records[0]?.durationMs, line: client.lines[0], log: world.logs[0] };
  }

  test('is kept a little early, and answered in the protocol', async () => {
    const { ms, line, log } = await elapsed(0, 'timeout=1000');
    assert.ok(ms! >= 950 && ms! <= 955, `${ms}`);
    assert.equal(line, '4 BACK. 504 local=response_timeout upstream%20request%20timeout');
    assert.equal(log, '504 UT response_timeout 1 10.0.0.1:1');
  });

  test('the smaller one counts', async () => {
    assert.ok((await elapsed(300, 'timeout=1000')).ms! <= 305);
    assert.ok((await elapsed(2000, 'timeout=300')).ms! <= 290);
  });

  for (const none of ['timeout=0', 'timeout=-1', 'a=b']) {
    test(`${none} is none`, async () => {
      assert.ok((await elapsed(700, none)).ms! >= 700);
    });
  }

  test('runs while filters wait', async () => {
    const filters = [filterConfig('wait'), filterConfig('router')];
    const late = await elapsed(0, 'timeout=300', filters);
    assert.equal(late.log, '504 UT response_timeout 0 -');
    assert.ok((await elapsed(0, 'timeout=1000', filters)).ms! <= 955);
    // The route's own begins when the filters are done.
    assert.ok((await elapsed(200, 'a=b', filters)).ms! >= 600);
  });
});

describe('idle streams', () => {
  test('408 while the request is not whole', async () => {
    const { world, client } = await made({}, { streamIdleTimeoutMs: 100 });
    client.send('1 REQ POST host /');
    await world.settle();
    for (let times = 0; times < 5; times++) {
      await world.pass(80);
      client.send('1 DAT more');
      await world.settle();
    }
    assert.deepEqual(world.logs, []);
    await world.pass(102);
    assert.deepEqual(world.logs, ['408 SI stream_idle_timeout 1 10.0.0.1:1']);
    assert.match(client.lines[0]!, /^1 RSP 408/);
    assert.equal(world.stats.get('http.in.downstream_rq_idle_timeout'), 1);
  });

  test('504 while the upstream says nothing, a break when it stops in the middle', async () => {
    const { world, client, upstream } = await made({}, { streamIdleTimeoutMs: 100 });
    client.send('1 REQ. GET host /', '2 REQ. GET host /');
    await world.settle();
    upstream.peer.send('2 RSP 200');
    await world.pass(50);
    upstream.peer.send('2 DAT x');
    await world.pass(53);
    assert.deepEqual(world.logs, ['504 SI stream_idle_timeout 1 10.0.0.1:1']);
    await world.pass(50);
    assert.equal(world.logs[1], '200 SI stream_idle_timeout 1 10.0.0.1:1');
    assert.equal(client.lines.at(-1), '2 RST. local-reset');
  });

  test('a route may have its own, or none', async () => {
    const own = await made({ idleTimeoutMs: 50 }, { streamIdleTimeoutMs: 1000 });
    own.client.send('1 REQ. GET host /');
    await own.world.settle();
    await own.world.pass(52);
    assert.match(own.world.logs[0]!, /SI/);
    const none = await made({ idleTimeoutMs: 0 }, { streamIdleTimeoutMs: 100 });
    none.client.send('1 REQ. GET host /');
    await none.world.settle();
    await none.world.pass(1000);
    assert.deepEqual(none.world.logs, []);
  });
});

describe('slow clients', () => {
  test('the whole request must come in time', async () => {
    const { world, client } = await made({}, { requestTimeoutMs: 100 });
    client.send('1 REQ POST host /', '2 REQ POST host /', '2 DAT. whole');
    await world.settle();
    await world.pass(60);
    client.send('1 DAT drip');
    await world.pass(43);
    assert.deepEqual(world.logs, ['408 - request_overall_timeout 1 10.0.0.1:1']);
    assert.equal(world.stats.get('http.in.downstream_rq_timeout'), 1);
  });

  test('that counts from the first byte of its head', async () => {
    const { world, client } = await made({}, { requestTimeoutMs: 100 });
    client.connection.write(Buffer.from('1 REQ POST'));
    await world.settle();
    await world.pass(60);
    client.send(' host /');
    await world.pass(45);
    assert.deepEqual(world.logs, ['408 - request_overall_timeout 1 10.0.0.1:1']);
    client.send('2 REQ POST host /');
    await world.pass(90);
    assert.equal(world.logs.length, 1, 'the next request has all of the time');
  });

  test('a head that is not whole by then is the whole request', async () => {
    const { world, client } = await made({}, { requestTimeoutMs: 100, messageProgressTimeoutMs: 200 });
    client.connection.write(Buffer.from('1 REQ POST'));
    await world.settle();
    await world.pass(105);
    assert.match(client.lines[0]!, /^0 RSP 408/);
    assert.deepEqual(world.logs, ['408 DPE request_overall_timeout 0 -']);
    assert.equal(world.stats.get('http.in.downstream_rq_timeout'), 1);
    assert.equal(world.stats.get('http.in.downstream_rq_header_timeout'), 0);
  });

  test('a message that has begun must become whole, however it drips', async () => {
    const { world, client } = await made({}, { messageProgressTimeoutMs: 100 });
    for (const letter of '1 RE') {
      client.connection.write(Buffer.from(letter));
      await world.settle();
      await world.pass(20);
    }
    assert.equal(client.closed, undefined);
    await world.pass(22);
    assert.notEqual(client.closed, undefined);
    assert.equal(world.stats.get('http.in.downstream_cx_message_timeout'), 1);
    assert.deepEqual(world.stats.gaugesLeft(/upstream_cx_active|listeners_active|membership|_open$/), []);
  });

  test('one incomplete message after the other is progress', async () => {
    const { world, client } = await made({}, { messageProgressTimeoutMs: 100 });
    client.connection.write(Buffer.from('0 REQ. GET ho'));
    for (let id = 1; id < 8; id++) {
      await world.pass(60);
      client.connection.write(Buffer.from(`st /\n${id} REQ. GET ho`));
      await world.settle();
    }
    assert.equal(client.closed, undefined);
    client.connection.write(Buffer.from('st /\n'));
    await world.pass(1000);
    assert.equal(client.closed, undefined);
  });

  test('all connections together may hold so many bytes', async () => {
    const { world, client } = await made({}, { heldBytesMax: 100 });
    const other = await world.client();
    client.connection.write(Buffer.from(`1 REQ. GET host /${'a'.repeat(50)}`));
    other.connection.write(Buffer.from('1 REQ. GET ho'));
    await world.settle();
    other.connection.write(Buffer.from(`st /${'a'.repeat(60)}`));
    await world.settle();
    assert.equal(client.closed, undefined);
    assert.equal(other.closed?.kind, 'reset');
    client.connection.write(Buffer.from('\n'));
    await world.settle();
    const third = await world.client();
    third.connection.write(Buffer.from(`1 REQ. GET host /${'a'.repeat(80)}`));
    await world.settle();
    assert.equal(third.closed, undefined, 'what was held is given back');
    assert.equal(world.stats.get('http.in.downstream_cx_held_bytes_overflow'), 1);
  });

  test('an idle connection is asked to go, a busy one is not idle', async () => {
    const { world, client, upstream } = await made({}, { idleTimeoutMs: 100 });
    await world.pass(80);
    client.send('1 REQ. GET host /');
    await world.settle();
    await world.pass(500);
    assert.equal(client.closed, undefined);
    upstream.peer.send('1 RSP. 200');
    await world.pass(90);
    assert.equal(client.closed, undefined);
    await world.pass(15);
    assert.notEqual(client.closed, undefined);
    assert.equal(client.lines.at(-1), '0 BYE');
    assert.equal(world.stats.get('http.in.downstream_cx_idle_timeout'), 1);
  });
});
