import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Address } from '@sofamesh/base/address';
import type { ServerHost } from '@sofamesh/contract/protocol';
import type { HttpProxyConfig } from '../config/listener.ts';
import { chain, clusterConfig, forward, httpProxy, inline, listenerConfig, route } from '../test-support/configs.ts';
import { answering, EngineWorld, type LinePeer, type Upstream } from '../test-support/engine-world.ts';

interface World {
  readonly world: EngineWorld;
  readonly upstream: Upstream;
  readonly client: LinePeer;
  readonly get: (name: string) => number | undefined;
}

async function worldOf(config: Partial<HttpProxyConfig>, answers = true): Promise<World> {
  const world = new EngineWorld();
  const upstream = await world.upstream(1, answers ? answering('RSP. 200') : undefined);
  const rejections = await world.apply({
    clusters: [clusterConfig('shop', [1])],
    listeners: [listenerConfig([chain(httpProxy(inline([route(forward('shop'))]), config))])],
  });
  assert.deepEqual(rejections, []);
  const client = await world.client();
  return { world, upstream, client, get: (name) => world.stats.get(`http.in.${name}`) };
}

describe('an old connection', () => {
  test('is drained in two steps, and requests under way are served', async () => {
    const config = { maxConnectionDurationMs: 1000, drainTimeoutMs: 500 };
    const { world, upstream, client, get } = await worldOf(config, false);
    client.send('1 REQ. GET host /');
    await world.pass(999);
    assert.deepEqual(client.take(), []);
    await world.pass(5);
    assert.deepEqual(client.take(), ['0 BYE'], 'a notice');
    client.send('2 REQ. GET host /');
    await world.pass(490);
    assert.deepEqual(client.take(), []);
    await world.pass(10);
    assert.deepEqual(client.take(), ['0 LAST']);
    assert.equal(client.closed, undefined);
    for (const line of upstream.take()) upstream.peer.send(`${line.split(' ')[0]} RSP. 200`);
    await world.settle();
    assert.deepEqual(
      client.take().map((line) => line.slice(0, 9)),
      ['1 RSP. 20', '2 RSP. 20'],
    );
    assert.notEqual(client.closed, undefined, 'after the last answer it is closed');
    assert.equal(get('downstream_cx_max_duration_reached'), 1);
    assert.deepEqual(world.stats.gaugesLeft(/upstream_cx_active|listeners_active|membership|_open$/), []);
  });

  test('so is one that had as many requests as it may', async () => {
    const { world, client, get } = await worldOf({ maxRequestsPerConnection: 2, drainTimeoutMs: 100 }, false);
    client.send('1 REQ. GET host /', '2 REQ. GET host /');
    await world.settle();
    assert.deepEqual(client.take(), ['0 BYE']);
    await world.pass(105);
    assert.deepEqual(client.take(), ['0 LAST']);
    assert.equal(get('downstream_cx_max_requests_reached'), 1);
  });

  test('a connection that goes by itself leaves no timer', async () => {
    const { world, client } = await worldOf({
      maxConnectionDurationMs: 1000,
      heartbeat: { intervalMs: 100, timeoutMs: 50, jitterPercent: 0, idleIntervalMs: 0 },
    });
    client.connection.close('now');
    await world.pass(5000);
    assert.deepEqual(client.take(), []);
    assert.deepEqual(world.stats.gaugesLeft(/listeners_active|membership/), []);
  });
});

describe('a connection that is closed', () => {
  const accepted = ({ world }: World) => world.network.connections.find(({ local }) => isAt(local, 8080))!;
  const isAt = (address: Address, port: number) => address.kind === 'ip' && address.port === port;

  test('waits for its client as long as it is told to', async () => {
    for (const delayedCloseMs of [undefined, 0, 300]) {
      const made = await worldOf(delayedCloseMs === undefined ? {} : { delayedCloseMs });
      assert.equal(accepted(made).closeGraceMs, delayedCloseMs);
    }
  });

  test('is counted when its client made it wait too long', async () => {
    const made = await worldOf({});
    accepted(made).break({ kind: 'closed', reason: 'closed by this side', timedOut: true });
    await made.world.settle();
    assert.equal(made.get('downstream_cx_delayed_close_timeout'), 1);
    made.client.connection.close('now');
    const other = await made.world.client();
    other.connection.close('now');
    await made.world.settle();
    assert.equal(made.get('downstream_cx_destroy'), 2);
    assert.equal(made.get('downstream_cx_delayed_close_timeout'), 1);
  });
});

describe('a drained connection whose protocol can say so only with an answer', () => {
  const drained = async (idleMs: number) => {
    const made = await worldOf({ codec: 'lines1', drainTimeoutMs: 5000 });
    made.client.send('1 REQ. GET host /');
    await made.world.settle();
    made.client.take();
    await made.world.pass(idleMs);
    const done = made.world.engine.drain(5000);
    await made.world.settle();
    return { ...made, done };
  };

  test('an old one, too, and waits for that as long as a drain takes', async () => {
    const made = await worldOf({ codec: 'lines1', maxConnectionDurationMs: 1000, drainTimeoutMs: 500 });
    await made.world.pass(1400);
    assert.deepEqual(made.client.take(), []);
    made.client.send('1 REQ. GET host /');
    await made.world.settle();
    assert.equal(made.client.take()[0], '0 BYE');
    const idle = await worldOf({ codec: 'lines1', maxConnectionDurationMs: 1000, drainTimeoutMs: 500 });
    await idle.world.pass(1505);
    assert.deepEqual(idle.client.take(), ['0 BYE']);
  });

  test('one that had as many requests as it may serves none that was sent behind them', async () => {
    const { client, world } = await worldOf({ codec: 'lines1', maxRequestsPerConnection: 1 });
    client.send('1 REQ. GET host /');
    await world.settle();
    assert.deepEqual(client.take().slice(0, 2), ['0 BYE', '0 LAST']);
  });

  test('is told with the answer to a request that comes soon', async () => {
    const { world, client, done } = await drained(500);
    assert.deepEqual(client.take(), []);
    client.send('2 REQ. GET host /');
    await world.settle();
    assert.deepEqual(
      client.take().map((line) => line.slice(0, 9)),
      ['0 BYE', '2 RSP. 20'],
    );
    client.connection.close('now');
    await world.pass(100);
    await done;
    assert.equal(world.clock.nextDueMs(), undefined, 'no timer is left');
  });

  test('is told when none comes for a second', async () => {
    const { world, client, done } = await drained(500);
    await world.pass(480);
    assert.deepEqual(client.take(), []);
    await world.pass(30);
    assert.deepEqual(client.take(), ['0 BYE']);
    client.connection.close('now');
    await world.pass(100);
    await done;
  });

  test('is told at once when it has been idle for longer', async () => {
    const { world, client, done } = await drained(1500);
    assert.deepEqual(client.take(), ['0 BYE']);
    client.connection.close('now');
    await world.pass(100);
    await done;
  });
});

describe('heartbeats', () => {
  const heartbeat = { intervalMs: 100, timeoutMs: 50, jitterPercent: 0, idleIntervalMs: 0 };

  test('an answer starts the next interval, silence closes', async () => {
    const { world, client } = await worldOf({ heartbeat });
    await world.pass(101);
    assert.deepEqual(client.take(), ['0 PING']);
    client.send('0 PONG');
    await world.pass(60);
    assert.equal(client.closed, undefined);
    client.send('0 PONG');
    await world.pass(45);
    assert.deepEqual(client.take(), ['0 PING'], 'an answer to nothing starts nothing');
    await world.pass(55);
    assert.deepEqual(client.closed, { kind: 'reset', reason: 'reset' });
    assert.equal(world.stats.get('lines.keepalive_timeout'), 1);
  });
});

describe('a head that takes too long', () => {
  test('that is given up without an answer is logged', async () => {
    const world = new EngineWorld();
    const lines = world.protocols.get('lines')!;
    let host: ServerHost | undefined;
    world.protocols.set('http2', {
      ...lines,
      name: 'http2',
      createServerCodec: (connection, given, options) => {
        host = given;
        return lines.createServerCodec(connection, given, options);
      },
    });
    await world.apply({ listeners: [listenerConfig([chain(httpProxy(inline([]), { codec: 'http2' }))])] });
    await world.client();
    host!.onFault({ scope: 'stream', code: 'rx_messaging_error', message: 'no :path', answered: 0 });
    assert.deepEqual(world.logs, ['0 DPE http2.violation.of.messaging.rule 0 -']);
    assert.equal(world.stats.get('http.in.downstream_rq_total'), 1);
    assert.equal(world.stats.get('http.in.downstream_rq_completed'), 0);
    assert.equal(world.stats.get('http.in.downstream_rq_tx_reset'), 1);
    assert.equal(world.stats.get('http2.rx_messaging_error'), 1);
  });

  test('is answered 408, logged, and the connection closed', async () => {
    const { world, client, get } = await worldOf({ messageProgressTimeoutMs: 100, serverHeader: 'overwrite' });
    client.connection.write(Buffer.from('1 REQ'));
    await world.pass(105);
    const [head = '', body] = client.take();
    assert.match(head, /^0 RSP 408 date=.*;server=mosn;local=line\.too_slow/);
    assert.equal(body, '0 DAT. request%20header%20timeout');
    assert.notEqual(client.closed, undefined);
    assert.deepEqual(world.logs, ['408 DPE request_header_timeout 0 -']);
    const counts = ['rq_header_timeout', 'rq_total', 'rq_4xx', 'cx_protocol_error', 'cx_message_timeout'];
    assert.deepEqual(
      counts.map((name) => get(`downstream_${name}`)),
      [1, 1, 1, 0, 1],
    );
    assert.equal(get('downstream_rq_active'), 0);
  });

  test('its answer is mapped like any other', async () => {
    const { world, client } = await worldOf({
      messageProgressTimeoutMs: 100,
      localReplies: {
        mappers: [
          {
            filter: { kind: 'status', operator: 'eq', value: 408 },
            status: 418,
            body: 'tea',
            format: undefined,
            headers: [],
          },
        ],
        body: undefined,
      },
    });
    client.connection.write(Buffer.from('1 R'));
    await world.pass(105);
    const [head = '', body] = client.take();
    assert.match(head, /^0 RSP 418 /);
    assert.equal(body, '0 DAT. tea');
    assert.deepEqual(world.logs, ['418 DPE request_header_timeout 0 -']);
  });

  test('what a client breaks is counted by its name', async () => {
    const { world, client, get } = await worldOf({});
    client.send('nonsense');
    await world.settle();
    assert.equal(get('downstream_cx_protocol_error'), 1);
    const named = world.stats.names.filter((name) => name.startsWith('lines.'));
    assert.deepEqual(named, ['lines.bad_line']);
  });
});

describe('the longest duration of a stream', () => {
  test('answers 504 (408: half a request) before an answer began, and breaks off one that had', async () => {
    const { world, upstream, client, get } = await worldOf({ maxStreamDurationMs: 100 }, false);
    client.send('4 REQ POST host /');
    client.send('1 REQ. GET host /', '2 REQ. GET host /', '3 REQ. GET host / content-type=application%2Fgrpc');
    await world.settle();
    const ids = upstream.take().map((line) => line.split(' ')[0]);
    upstream.peer.send(`${ids[2]} RSP 200`, `${ids[2]} DAT part`);
    await world.pass(105);
    const lines = client.take();
    assert.ok(
      lines.some((line) => /^1 RSP 504 .*local=max_duration_timeout/.test(line)),
      lines.join('\n'),
    );
    assert.ok(lines.some((line) => /^4 RSP 408 .*local=max_duration_timeout/.test(line)));
    assert.ok(lines.includes('2 RST. local-reset'), lines.join('\n'));
    assert.ok(
      lines.some((line) => /^3 RSP 200 .*grpc-status=4;grpc-message=downstream%20duration%20timeout/.test(line)),
      lines.join('\n'),
    );
    assert.deepEqual(world.logs.map((line) => line.replace(/ 10\.0.*/, '')).sort(), [
      '200 DT max_duration_timeout 1',
      '200 DT max_duration_timeout 1',
      '408 DT max_duration_timeout 1',
      '504 DT max_duration_timeout 1',
    ]);
    assert.equal(get('downstream_rq_max_duration_reached'), 4);
  });

  test('the route has the last word, 0 is for ever', async () => {
    const world = new EngineWorld();
    await world.upstream(1);
    const limited = (durationMs: number | undefined, grpcLongestMs?: number) =>
      forward('shop', { streamDuration: { durationMs, grpcLongestMs, grpcOffsetMs: 0 } });
    const by = (value: string) => ({
      path: { kind: 'prefix', value, ignoreCase: false } as const,
      headers: [],
      queryParameters: [],
      fractionPpm: undefined,
    });
    const routes = [
      route(limited(0), by('/ever')),
      route(limited(50), by('/short')),
      route(limited(undefined, 0), by('/grpc')),
    ];
    await world.apply({
      clusters: [clusterConfig('shop', [1])],
      listeners: [listenerConfig([chain(httpProxy(inline(routes), { maxStreamDurationMs: 100 }))])],
    });
    const client = await world.client();
    client.send(
      '1 REQ. GET host /ever',
      '2 REQ. GET host /short',
      '3 REQ. GET host /grpc grpc-timeout=20m',
      '4 REQ. GET host /grpc',
    );
    const answered = () => client.lines.flatMap((line) => (/^\d RSP 504/.test(line) ? [line[0]] : []));
    await world.pass(25);
    assert.deepEqual(answered(), ['3']);
    await world.pass(30);
    assert.deepEqual(answered(), ['3', '2']);
    await world.pass(60);
    assert.deepEqual(answered(), ['3', '2', '4']);
    await world.pass(10_000);
    assert.deepEqual(answered(), ['3', '2', '4']);
  });
});

test('connections and requests are counted by their protocol', async () => {
  const { world, client, get } = await worldOf({});
  client.send('1 REQ. GET host /');
  await world.settle();
  assert.deepEqual(
    ['cx_lines_total', 'cx_lines_active', 'rq_lines_total'].map((name) => get(`downstream_${name}`)),
    [1, 1, 1],
  );
});
