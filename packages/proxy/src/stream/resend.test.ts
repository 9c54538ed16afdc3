import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestHead, ResetReason } from '@sofamesh/contract/message';
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
import { EngineWorld, type LinePeer, type Upstream } from '../test-support/engine-world.ts';
import { mayResend } from './resend.ts';
import type { Attempt } from './upstream-attempt.ts';

interface Made {
  readonly world: EngineWorld;
  readonly client: LinePeer;
  readonly upstream: Upstream;
}

/** Each connection answers `answers` requests and does `then` with the next one. */
async function made(
  then: (line: string, peer: LinePeer) => void,
  {
    codec = 'lines1',
    answers = 1,
    cluster = {},
    action = {},
    connectionsWithThen = 1,
  }: {
    codec?: 'lines' | 'lines1';
    answers?: number;
    cluster?: Partial<ClusterConfig>;
    action?: Partial<ForwardConfig>;
    /** Later connections answer everything. */
    connectionsWithThen?: number;
  } = {},
): Promise<Made> {
  const world = new EngineWorld();
  const seen = new Map<LinePeer, number>();
  const ended = (line: string) => /^\d+ \w+\./.test(line) && !line.includes('RST');
  const upstream: Upstream = await world.upstream(1, (line, peer) => {
    const isLate = upstream.peers.indexOf(peer) >= connectionsWithThen;
    const count = (seen.get(peer) ?? 0) + (line.includes('REQ') ? 1 : 0);
    seen.set(peer, count);
    if (!isLate && count > answers) then(line, peer);
    else if (ended(line)) peer.send(`${line.split(' ')[0]} RSP. 200`);
  });
  const config = clusterConfig('shop', [1], { httpCodec: { kind: 'named', name: codec }, ...cluster });
  const rejections = await world.apply({
    clusters: [config],
    listeners: [listenerConfig([chain(httpProxy(inline([route(forward('shop', action))])))])],
  });
  assert.deepEqual(rejections, []);
  const client = await world.client();
  // The first one makes the connection an old one.
  if (answers > 0) {
    client.send('900 REQ. GET host /');
    await world.settle();
    assert.match(client.take().join(), / 200/);
    upstream.take();
  }
  return { world, client, upstream };
}

const dies = (_line: string, peer: LinePeer) => peer.connection.close('reset');
const ends = (_line: string, peer: LinePeer) => peer.connection.close('flush');

describe('a request whose connection was found closed', () => {
  for (const [how, then] of [
    ['reset', dies],
    ['ended', ends],
  ] as const) {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
      test(`${method}, ${how}: is sent once more on a fresh connection`, async () => {
        const { world, client, upstream } = await made(then);
        client.send(`1 REQ. ${method} host /`);
        await world.settle();
        assert.match(client.lines.join(), /^1 RSP\. 200/);
        assert.equal(upstream.peers.length, 2);
        assert.equal(world.stats.get('cluster.shop.upstream_rq_resent'), 1);
        assert.equal(world.stats.get('cluster.shop.upstream_rq_retry'), 0);
        assert.deepEqual(world.logs.slice(1), ['200 - via_upstream 2 10.0.0.1:1']);
      });
    }
  }

  test('with its body, byte for byte', async () => {
    const { world, client, upstream } = await made((line, peer) => {
      if (line.includes('DAT')) dies(line, peer);
    });
    client.send('1 REQ PUT host /');
    await world.settle();
    client.send('1 DAT one', '1 DAT two', '1 TRL. sum=3');
    await world.settle();
    assert.match(client.lines.join(), /^1 RSP\. 200/);
    assert.deepEqual(upstream.peer.lines.slice(1), ['1 DAT one', '1 DAT two', '1 TRL. sum=3']);
  });

  test('while its body is still coming', async () => {
    const { world, client, upstream } = await made(dies);
    client.send('1 REQ PUT host /', '1 DAT one');
    await world.settle();
    client.send('1 DAT. two');
    await world.settle();
    assert.match(client.lines.join(), /^1 RSP\. 200/);
    assert.deepEqual(upstream.peer.lines.slice(1), ['1 DAT one', '1 DAT. two']);
  });

  test('not with a body that was too long to keep', async () => {
    const { world, client } = await made((line, peer) => {
      if (line.includes('DAT.')) dies(line, peer);
    });
    client.send('1 REQ PUT host /', `1 DAT ${'x'.repeat(65 * 1024)}`, '1 DAT. end');
    await world.settle();
    assert.match(client.lines[0]!, /^1 RSP 503/);
    assert.equal(world.stats.get('cluster.shop.upstream_rq_resent'), 0);
  });

  test('not when the method may not be repeated and something was sent', async () => {
    const { world, client, upstream } = await made(dies);
    client.send('1 REQ. POST host /');
    await world.settle();
    assert.match(client.lines[0]!, /^1 RSP 503/);
    assert.equal(upstream.peers.length, 1);
  });

  test('not when an answer had begun', async () => {
    const half = (_line: string, peer: LinePeer) => {
      peer.connection.write(Buffer.from('1 RS'));
      peer.connection.close('flush');
    };
    const informed = (line: string, peer: LinePeer) => {
      peer.send(`${line.split(' ')[0]} INF 103`);
      peer.connection.close('flush');
    };
    for (const then of [half, informed]) {
      const { world, client, upstream } = await made(then);
      client.send('1 REQ. GET host /');
      await world.settle();
      assert.match(client.lines.join(), /1 RSP 503/);
      assert.equal(upstream.peers.length, 1);
    }
  });

  test('not when the connection was made for it', async () => {
    const { world, client, upstream } = await made(dies, { answers: 0, connectionsWithThen: 9 });
    client.send('1 REQ. GET host /');
    await world.settle();
    assert.match(client.lines[0]!, /^1 RSP 503/);
    assert.equal(upstream.peers.length, 1);
  });

  test('only once', async () => {
    const { world, client, upstream } = await made(dies);
    upstream.close();
    client.send('1 REQ. GET host /');
    await world.settle();
    assert.match(client.lines[0]!, /^1 RSP 503/, 'no fresh connection could be made');
    assert.equal(world.stats.get('cluster.shop.upstream_rq_resent'), 1);
    assert.deepEqual(world.logs.slice(1), [
      '503 UF upstream_reset_before_response_started{remote_connection_failure} 2 10.0.0.1:1',
    ]);
  });

  test('without using up the retries of its policy', async () => {
    const { world, client, upstream } = await made(dies, {
      action: { retry: retry(['reset'], { retriesMax: 1 }) },
      cluster: { limits: { connectionsMax: 9, pendingRequestsMax: 9, requestsMax: 9, retriesMax: 0 } },
    });
    client.send('1 REQ. GET host /');
    await world.settle();
    assert.match(client.lines.join(), /^1 RSP\. 200/);
    assert.equal(upstream.peers.length, 2);
    assert.equal(world.stats.get('cluster.shop.upstream_rq_retry_overflow'), 0);
  });

  test('an upgrade, as long as nothing followed its head', async () => {
    const { world, client } = await made(dies);
    client.send('1 REQ GET host / upgrade=websocket');
    await world.settle();
    assert.equal(world.stats.get('cluster.shop.upstream_rq_resent'), 1);
    const other = await made((line, peer) => {
      if (line.includes('DAT')) dies(line, peer);
    });
    other.client.send('1 REQ GET host / upgrade=websocket', '1 DAT early');
    await other.world.settle();
    assert.equal(other.world.stats.get('cluster.shop.upstream_rq_resent'), 0);
    assert.match(other.client.lines[0]!, /^1 RSP 503/);
  });

  test('leaves no trace', async () => {
    const { world, client } = await made(ends);
    client.send('1 REQ. GET host /');
    await world.settle();
    client.connection.close('now');
    await world.settle();
    assert.deepEqual(world.stats.gaugesLeft(/upstream_cx_active|listeners_active|membership|_open$/), []);
  });
});

describe('a request that a GOAWAY has refused', () => {
  const goAway = (line: string, peer: LinePeer) => {
    if (!line.includes('RST')) peer.send('0 BYE', `${line.split(' ')[0]} RST. refused`);
  };
  const refuse = (line: string, peer: LinePeer) => {
    if (!line.includes('RST')) peer.send(`${line.split(' ')[0]} RST. refused`);
  };

  test('is sent once more, whatever its method', async () => {
    const { world, client, upstream } = await made(goAway, { codec: 'lines' });
    client.send('1 REQ. POST host /');
    await world.settle();
    assert.match(client.lines.join(), /^1 RSP\. 200/);
    assert.equal(upstream.peers.length, 2);
    assert.equal(world.stats.get('cluster.shop.upstream_rq_resent'), 1);
  });

  test('with its body', async () => {
    const { world, client, upstream } = await made(
      (line, peer) => {
        if (line.includes('DAT.')) goAway(line, peer);
      },
      { codec: 'lines' },
    );
    client.send('1 REQ POST host /', '1 DAT one', '1 DAT. two');
    await world.settle();
    assert.deepEqual(upstream.peer.lines.slice(1), ['1 DAT one', '1 DAT. two']);
    assert.match(client.lines.join(), /^1 RSP\. 200/);
  });

  test('but not what was refused by itself: that takes a retry policy', async () => {
    const { world, client } = await made(refuse, { codec: 'lines' });
    client.send('1 REQ. GET host /');
    await world.settle();
    assert.match(client.lines[0]!, /^1 RSP 503/);
    assert.equal(world.stats.get('cluster.shop.upstream_rq_resent'), 0);
  });
});

describe('mayResend', () => {
  const decide = (
    method: string,
    reason: ResetReason,
    over: {
      shared?: boolean;
      retired?: boolean;
      fresh?: boolean;
      heard?: boolean;
      again?: boolean;
      sent?: number;
      received?: number;
    },
  ) => {
    const {
      shared = false,
      retired = true,
      fresh = false,
      heard = false,
      again = false,
      sent = 10,
      received = 5,
    } = over;
    const carrier = { shared, retired, connection: { bytesSent: sent, bytesReceived: received } };
    const attempt = { carrier, fresh, heard, wantsFresh: again, sentBefore: 10, receivedBefore: 5 };
    return mayResend(attempt as unknown as Attempt, reason, { method } as RequestHead);
  };

  test('once', () => {
    assert.equal(decide('GET', 'refused', { again: true }), false);
    assert.equal(decide('GET', 'connection-termination', { again: true }), false);
  });

  test('any method of which no byte has left', () => {
    assert.equal(decide('POST', 'connection-termination', {}), true);
    assert.equal(decide('POST', 'connection-termination', { sent: 11 }), false);
    assert.equal(decide('GET', 'connection-termination', { sent: 11 }), true);
  });

  test('bytes on a shared connection may be for others', () => {
    assert.equal(decide('GET', 'connection-termination', { received: 6 }), false);
    assert.equal(decide('GET', 'connection-termination', { received: 6, shared: true }), true);
    assert.equal(decide('GET', 'connection-termination', { shared: true, heard: true }), false);
  });

  test('never what the peer did to this request alone, nor what is of our own making', () => {
    for (const reason of ['remote-reset', 'protocol-error', 'local-reset', 'overflow', 'connection-failure'] as const)
      assert.equal(decide('GET', reason, {}), false, reason);
    assert.equal(decide('GET', 'refused', { retired: false }), false);
    assert.equal(decide('POST', 'refused', { sent: 99 }), true);
    assert.equal(decide('POST', 'refused', { fresh: true }), true);
    assert.equal(decide('GET', 'connection-termination', { fresh: true }), false);
  });
});
