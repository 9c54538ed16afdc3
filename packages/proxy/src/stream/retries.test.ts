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
  rpcProxy,
} from '../test-support/configs.ts';
import { answering, EngineWorld, type LinePeer, type Upstream } from '../test-support/engine-world.ts';

interface Made {
  readonly world: EngineWorld;
  readonly client: LinePeer;
  readonly first: Upstream;
  readonly second: Upstream;
}

type OnLine = (line: string, peer: LinePeer) => void;

/** Two hosts, asked in turn. */
async function made(
  action: Partial<ForwardConfig>,
  first: OnLine,
  second: OnLine,
  {
    cluster = {},
    bufferBytesMax = 1024 * 1024,
    rpc = false,
  }: { cluster?: Partial<ClusterConfig>; bufferBytesMax?: number; rpc?: boolean } = {},
): Promise<Made> {
  const world = new EngineWorld();
  const hosts = [await world.upstream(1, first), await world.upstream(2, second)] as const;
  const routes = inline([route(forward('shop', action))]);
  const rejections = await world.apply({
    clusters: [clusterConfig('shop', [1, 2], cluster)],
    listeners: [listenerConfig([chain(rpc ? rpcProxy(routes) : httpProxy(routes))], { bufferBytesMax })],
  });
  assert.deepEqual(rejections, []);
  return { world, client: await world.client(), first: hosts[0], second: hosts[1] };
}

const ok = answering('RSP. 200');
const silent: OnLine = () => {};
const reset: OnLine = (line, peer) => {
  if (!line.includes('RST')) peer.send(`${line.split(' ')[0]} RST. remote-reset`);
};
const refuse: OnLine = (line, peer) => {
  if (!line.includes('RST')) peer.send(`${line.split(' ')[0]} RST. refused`);
};
const dies: OnLine = (_line, peer) => peer.connection.close('reset');

describe('a gRPC call counts by its own status', () => {
  const calls: readonly (readonly [answer: string[], kind: string, well: boolean])[] = [
    [['RSP. 200 content-type=application%2Fgrpc;grpc-status=14'], '5xx', false],
    [['RSP. 200 content-type=application%2Fgrpc;grpc-status=0'], '2xx', true],
    [['RSP 200 content-type=application%2Fgrpc', 'DAT x', 'TRL grpc-status=13'], '5xx', false],
    [['RSP 200 content-type=application%2Fgrpc', 'TRL grpc-status=5'], '4xx', true],
    [['RSP 200 content-type=application%2Fgrpc', 'DAT. x'], '2xx', true],
    [['RSP 200 content-type=application%2Fgrpc', 'RST. remote-reset'], '5xx', false],
    [['RSP 200 content-type=text%2Fplain', 'TRL grpc-status=13'], '2xx', true],
  ];
  for (const [answer, kind, well] of calls) {
    test(answer.join(', '), async () => {
      const { world, client } = await made({}, answering(...answer), ok);
      client.send('1 REQ. POST host / content-type=application%2Fgrpc');
      await world.settle();
      for (const each of ['2xx', '4xx', '5xx']) {
        assert.equal(world.stats.get(`cluster.shop.upstream_rq_${each}`), each === kind ? 1 : 0, each);
      }
      const host = world.engine.status().clusters.find(({ name }) => name === 'shop')!.hosts[0]!;
      assert.deepEqual([host.rqSuccess, host.rqError], well ? [1, 0] : [0, 1]);
    });
  }
});

describe('retries', () => {
  const tried: readonly (readonly [on: string, first: OnLine, answer: RegExp])[] = [
    ['5xx', answering('RSP. 500'), / 200/],
    ['5xx', reset, / 200/],
    ['5xx', dies, / 200/],
    ['gateway-error', answering('RSP 503', 'DAT. away'), / 200/],
    ['gateway-error', answering('RSP. 500'), / 500/],
    ['retriable-4xx', answering('RSP. 409'), / 200/],
    ['retriable-4xx', answering('RSP. 404'), / 404/],
    ['retriable-status-codes', answering('RSP. 404'), / 200/],
    ['reset', reset, / 200/],
    ['reset', dies, / 200/],
    ['5xx', answering('RSP. 503 x-envoy-ratelimited=true'), / 503/],
    ['5xx,envoy-ratelimited', answering('RSP. 503 x-envoy-ratelimited=true'), / 200/],
    ['envoy-ratelimited', answering('RSP. 429 x-envoy-ratelimited=true'), / 200/],
    ['envoy-ratelimited', answering('RSP. 429'), / 429/],
    ['refused-stream', refuse, / 200/],
    ['refused-stream', reset, / 503/],
    ['connect-failure', reset, / 503/],
    ['unavailable', answering('RSP. 200 grpc-status=14'), /\. 200 (?!grpc)/],
    ['reset-before-request', reset, / 503/],
  ];
  for (const [on, first, answer] of tried) {
    test(`${on}: ${answer}`, async () => {
      const { world, client } = await made({ retry: retry(on.split(','), { retriableStatuses: [404] }) }, first, ok);
      client.send('1 REQ. GET host /');
      await world.settle();
      await world.pass(30);
      assert.match(client.lines[0]!, answer);
      assert.equal(world.logs.length, 1);
      const again = world.records[0]!.attempts === 2;
      assert.equal(world.stats.get('cluster.shop.upstream_rq_retry'), again ? 1 : 0);
      assert.equal(world.stats.get('cluster.shop.upstream_rq_retry_success'), again ? 1 : 0);
      if (again) assert.equal(world.records[0]!.upstreamHost, '10.0.0.1:2');
      assert.deepEqual(world.stats.gaugesLeft(/_cx_(\w+_)?active|listeners_active|membership|_open$/), []);
    });
  }

  test('connect-failure, and the failed host is avoided', async () => {
    const { world, client, first } = await made({ retry: retry(['connect-failure']) }, silent, ok);
    first.close();
    client.send('1 REQ. GET host /');
    await world.settle();
    await world.pass(30);
    assert.deepEqual(world.logs, ['200 - via_upstream 2 10.0.0.1:2']);
  });

  test('the host that failed is avoided even when it is its turn', async () => {
    const { world, client, first, second } = await made({ retry: retry(['5xx']) }, reset, ok);
    client.send('1 REQ. GET host /');
    await world.settle();
    client.send('2 REQ. GET host /');
    await world.settle();
    await world.pass(30);
    assert.equal(first.lines.length, 1);
    assert.equal(second.lines.length, 2);
    assert.deepEqual(world.logs, ['200 - via_upstream 1 10.0.0.1:2', '200 - via_upstream 2 10.0.0.1:2']);
  });

  test('an answer that is not wanted is not read to its end', async () => {
    const { world, client, first } = await made({ retry: retry(['5xx']) }, answering('RSP 503', 'DAT long'), ok);
    client.send('1 REQ. GET host /');
    await world.settle();
    await world.pass(30);
    assert.deepEqual(first.lines.slice(1), ['1 RST. local-reset']);
    assert.equal(world.stats.get('cluster.shop.upstream_rq_tx_reset'), 1);
    assert.equal(client.lines.length, 1);
  });

  test('the limit: URX, and the text says that it was tried again', async () => {
    const { world, client } = await made({ retry: retry(['5xx'], { retriesMax: 2 }) }, reset, reset);
    client.send('1 REQ. GET host /');
    await world.settle();
    for (let times = 0; times < 4; times++) await world.pass(250);
    assert.deepEqual(world.logs, ['503 URX,UR upstream_reset_before_response_started{remote_reset} 3 10.0.0.1:1']);
    assert.match(decodeURIComponent(client.lines[1]!), /retried and the latest reset reason: remote reset/);
    assert.equal(world.stats.get('cluster.shop.upstream_rq_retry'), 2);
    assert.equal(world.stats.get('cluster.shop.upstream_rq_retry_limit_exceeded'), 1);
    assert.equal(world.stats.get('cluster.shop.upstream_rq_rx_reset'), 3);
  });

  test('the last answer is passed on when no retry is left', async () => {
    const { world, client } = await made(
      { retry: retry(['5xx']) },
      answering('RSP. 500 a=1'),
      answering('RSP. 502 a=2'),
    );
    client.send('1 REQ. GET host /');
    await world.settle();
    await world.pass(30);
    assert.match(client.lines[0]!, /^1 RSP\. 502 a=2/);
    assert.deepEqual(world.logs, ['502 URX via_upstream 2 10.0.0.1:2']);
  });

  test("the cluster's budget", async () => {
    const limits = { connectionsMax: 9, pendingRequestsMax: 9, requestsMax: 9, retriesMax: 1 };
    const { world, client } = await made({ retry: retry(['5xx']) }, reset, silent, { cluster: { limits } });
    client.send('1 REQ. GET host /', '2 REQ. GET host /', '3 REQ. GET host /');
    await world.settle();
    await world.pass(30);
    // 1 and 3 fail at the first host; only one of them may be tried again at a time.
    assert.deepEqual(world.logs, ['503 UR upstream_reset_before_response_started{remote_reset} 1 10.0.0.1:1']);
    assert.equal(world.stats.get('cluster.shop.upstream_rq_retry_overflow'), 1);
  });

  test('the back-off doubles, is jittered and has a ceiling', async () => {
    const { world, client, first, second } = await made(
      { retry: retry(['5xx'], { retriesMax: 20, backOffBaseMs: 100, backOffMaxMs: 400 }) },
      reset,
      reset,
    );
    client.send('1 REQ. GET host /');
    await world.settle();
    const times: number[] = [];
    for (let tries = 1; world.logs.length === 0; ) {
      const now = first.lines.concat(second.lines).filter((line) => line.includes('REQ')).length;
      if (now > tries) times.push(world.clock.now());
      tries = now;
      await world.pass(1);
    }
    const waits = times.map((time, at) => time - (times[at - 1] ?? 0));
    // Two of them may fall into one look.
    assert.ok(waits.length >= 17);
    assert.ok(Math.max(...waits) <= 403, `waits ${waits}`);
    assert.ok(waits[0]! <= 103 && waits[1]! <= 203);
    assert.ok(new Set(waits).size > 5, 'no two proxies shall come back together');
  });

  test('a per-try timeout', async () => {
    const { world, client, first } = await made({ retry: retry(['5xx'], { perTryTimeoutMs: 100 }) }, silent, ok);
    client.send('1 REQ. GET host /');
    await world.settle();
    await world.pass(99);
    assert.deepEqual(client.lines, []);
    await world.pass(40);
    assert.deepEqual(world.logs, ['200 - via_upstream 2 10.0.0.1:2']);
    assert.deepEqual(first.lines.slice(1), ['1 RST. local-reset']);
    assert.equal(world.stats.get('cluster.shop.upstream_rq_per_try_timeout'), 1);
  });

  test('a per-try timeout of the last try', async () => {
    const { world, client } = await made(
      { retry: retry(['connect-failure'], { perTryTimeoutMs: 100 }) },
      silent,
      silent,
    );
    client.send('1 REQ. GET host /');
    await world.settle();
    await world.pass(102);
    assert.deepEqual(world.logs, ['504 UT upstream_per_try_timeout 1 10.0.0.1:1']);
  });

  test("the route's timeout covers all tries and the waits between", async () => {
    const { world, client } = await made(
      { timeoutMs: 150, retry: retry(['5xx'], { retriesMax: 50, perTryTimeoutMs: 40 }) },
      silent,
      silent,
    );
    client.send('1 REQ. GET host /');
    await world.settle();
    for (let times = 0; times < 40; times++) await world.pass(5);
    assert.match(world.logs[0]!, /^504 UT response_timeout/);
    assert.ok(world.records[0]!.durationMs >= 150 && world.records[0]!.durationMs <= 155);
    assert.ok(world.records[0]!.attempts >= 3);
  });

  test('a body that was sent is sent again, byte for byte, with its trailers', async () => {
    const { world, client, second } = await made({ retry: retry(['5xx']) }, answering('RSP. 500'), ok);
    client.send('1 REQ POST host /', '1 DAT one', '1 DAT two', '1 TRL. sum=3');
    await world.settle();
    await world.pass(30);
    assert.deepEqual(second.take().slice(1), ['1 DAT one', '1 DAT two', '1 TRL. sum=3']);
    assert.deepEqual(world.logs, ['200 - via_upstream 2 10.0.0.1:2']);
  });

  test('a body that is still coming goes on at the next host', async () => {
    const { world, client, second } = await made({ retry: retry(['5xx']) }, reset, ok);
    client.send('1 REQ POST host /', '1 DAT one');
    await world.settle();
    client.send('1 DAT two');
    await world.settle();
    await world.pass(30);
    client.send('1 DAT. three');
    await world.settle();
    assert.deepEqual(second.take().slice(1), ['1 DAT one', '1 DAT two', '1 DAT. three']);
    assert.match(client.lines[0]!, /200/);
  });

  test('a body longer than the buffer streams on, and is not tried again', async () => {
    const { world, client, first } = await made(
      { retry: retry(['5xx']) },
      (line, peer) => {
        if (line.includes('DAT.')) peer.send(`${line.split(' ')[0]} RSP. 500`);
      },
      ok,
      { bufferBytesMax: 10 },
    );
    client.send('1 REQ POST host /', '1 DAT 12345678', '1 DAT 12345678', '1 DAT. 1');
    await world.settle();
    assert.equal(first.take().length, 4);
    assert.deepEqual(world.logs, ['500 - via_upstream 1 10.0.0.1:1']);
  });

  test('never after the response has begun', async () => {
    const { world, client, second } = await made(
      { retry: retry(['5xx', 'reset']) },
      (line, peer) => {
        const [id] = line.split(' ');
        peer.send(`${id} RSP 200`, `${id} DAT half`, `${id} RST. remote-reset`);
      },
      ok,
    );
    client.send('1 REQ. GET host /');
    await world.settle();
    await world.pass(300);
    assert.deepEqual(client.lines.slice(1), ['1 DAT half', '1 RST. remote-reset']);
    assert.deepEqual(second.lines, []);
    assert.deepEqual(world.logs, ['200 UR upstream_reset_after_response_started{remote_reset} 1 10.0.0.1:1']);
    assert.equal(world.stats.get('vhost.all.route.r.upstream_rq_error'), 1);
  });

  test('never a one-way call that was sent, but one that was not', async () => {
    const { world, client, first, second } = await made({ retry: retry(['5xx', 'connect-failure']) }, dies, silent, {
      rpc: true,
    });
    client.send('1 TELL. GET host / a=b news');
    await world.settle();
    await world.pass(100);
    assert.equal(first.lines.length, 1);
    assert.deepEqual(second.lines, []);
    first.close();
    // The turn is the second host's, then that of the first, which is gone.
    client.send('2 TELL. GET host / a=b news', '3 TELL. GET host / a=b news');
    await world.settle();
    await world.pass(100);
    assert.equal(second.lines.length, 2);
    assert.deepEqual(client.lines, []);
    assert.equal(world.stats.get('http.in.downstream_rq_one_way'), 3);
  });

  test('an RPC call is replayed as it came', async () => {
    const { world, client, second } = await made(
      { retry: retry(['5xx']) },
      (line, peer) => peer.send(`${line.split(' ')[0]} BACK. 503  busy`),
      (line, peer) => peer.send(`${line.split(' ')[0]} BACK. 200 x=y fine`),
      { rpc: true },
    );
    client.send('9 CALL. POST host /sum a=b;c=d body');
    await world.settle();
    await world.pass(30);
    assert.deepEqual(second.lines, ['1 CALL. POST host %2Fsum a=b;c=d body']);
    assert.deepEqual(client.lines, ['9 BACK. 200 x=y fine']);
  });

  test('a client that leaves ends the waiting', async () => {
    const { world, client, second } = await made({ retry: retry(['5xx']) }, reset, ok);
    client.send('1 REQ. GET host /');
    await world.settle();
    client.connection.close('now');
    await world.settle();
    await world.pass(300);
    assert.deepEqual(second.lines, []);
    assert.match(world.logs[0]!, /^0 DC downstream_remote_disconnect 1/);
    assert.deepEqual(world.stats.gaugesLeft(/upstream_cx_active|listeners_active|membership|_open$/), []);
  });
});
