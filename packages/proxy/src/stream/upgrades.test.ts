import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FilterKind } from '@sofamesh/contract/filter';
import type { UpgradeConfig } from '../config/http-edge.ts';
import type { ForwardConfig, RouteUpgradeConfig } from '../config/route.ts';
import {
  anyPath,
  chain,
  clusterConfig,
  filterConfig,
  forward,
  httpProxy,
  inline,
  listenerConfig,
  route,
} from '../test-support/configs.ts';
import { EngineWorld } from '../test-support/engine-world.ts';

const marks: FilterKind<string> = {
  name: 'marks',
  prepare: (text) => () => ({
    onRequestHead(head) {
      head.set('x-passed', text);
      return undefined;
    },
  }),
};

async function worldOf(upgrades: readonly UpgradeConfig[], more: Partial<ForwardConfig> = {}) {
  const world = new EngineWorld([marks as FilterKind]);
  const upstream = await world.upstream(1);
  const connect = { ...anyPath, path: { kind: 'connect', value: '', ignoreCase: false } } as const;
  const rejections = await world.apply({
    clusters: [clusterConfig('shop', [1])],
    listeners: [
      listenerConfig([
        chain(
          httpProxy(inline([route(forward('shop', more), connect), route(forward('shop', more))]), {
            upgrades,
            filters: [filterConfig('marks', 'usual'), filterConfig('router')],
          }),
        ),
      ]),
    ],
  });
  assert.deepEqual(rejections, []);
  return { world, upstream, client: await world.client() };
}

const upgrade = (type: string, more: Partial<UpgradeConfig> = {}): UpgradeConfig => ({
  type,
  enabled: true,
  filters: undefined,
  ...more,
});
const ofRoute = (type: string, more: Partial<RouteUpgradeConfig> = {}): RouteUpgradeConfig => ({
  type,
  enabled: true,
  terminates: false,
  ...more,
});

describe('which upgrades are allowed', () => {
  for (const [what, upgrades, routes, passes] of [
    ['none is configured', [], [], false],
    ['another one is', [upgrade('tea')], [], false],
    ['it is', [upgrade('websocket')], [], true],
    ['it is switched off', [upgrade('websocket', { enabled: false })], [], false],
    ['the route allows it', [upgrade('websocket', { enabled: false })], [ofRoute('websocket')], true],
    ['the route alone has it', [], [ofRoute('websocket')], true],
    ['the route forbids it', [upgrade('websocket')], [ofRoute('websocket', { enabled: false })], false],
    ['the route speaks of another one', [upgrade('websocket')], [ofRoute('tea', { enabled: false })], true],
  ] as const) {
    test(what, async () => {
      const { world, upstream, client } = await worldOf(upgrades, { upgrades: routes });
      client.send('1 REQ GET host /chat upgrade=websocket');
      await world.settle();
      assert.equal(upstream.take().length, passes ? 1 : 0);
      assert.deepEqual(world.logs, passes ? [] : ['403 - upgrade_failed 0 -']);
      assert.equal(world.stats.get('http.in.downstream_rq_ws_on_non_ws_route'), passes ? 0 : 1);
    });
  }

  test('a CONNECT that no route takes is not found, one that no listener allows is forbidden', async () => {
    const world = new EngineWorld();
    await world.upstream(1);
    await world.apply({
      clusters: [clusterConfig('shop', [1])],
      listeners: [listenerConfig([chain(httpProxy(inline([route(forward('shop'))])))])],
    });
    (await world.client()).send('1 REQ CONNECT db:5432 ');
    await world.settle();
    const routed = await worldOf([]);
    routed.client.send('1 REQ CONNECT db:5432 ');
    await routed.world.settle();
    assert.deepEqual([world.logs, routed.world.logs], [['404 NR route_not_found 0 -'], ['403 - upgrade_failed 0 -']]);
  });

  test('an upgrade passes filters of its own', async () => {
    const filters = [filterConfig('marks', 'own'), filterConfig('router')];
    const { world, upstream, client } = await worldOf([upgrade('websocket', { filters }), upgrade('tea')]);
    client.send('1 REQ GET host / upgrade=websocket', '2 REQ GET host / upgrade=tea', '3 REQ. GET host /');
    await world.settle();
    assert.deepEqual(
      upstream.take().map((line) => /x-passed=(\w+)/.exec(line)?.[1]),
      ['own', 'usual', 'usual'],
    );
  });

  test('a chain of its own that is not usable is refused by its field', async () => {
    const world = new EngineWorld();
    const upgrades = [upgrade('websocket', { filters: [filterConfig('nothing')] })];
    const [rejection] = await world.apply({
      listeners: [listenerConfig([chain(httpProxy(inline([]), { upgrades }))])],
    });
    assert.match(rejection!.reason, /upgrade_configs\[0\]\.filters\[0\] \(nothing\): no such filter/);
  });
});

describe('CONNECT', () => {
  const terminating = { upgrades: [ofRoute('connect', { terminates: true })] };

  test('goes on to the upstream as it came', async () => {
    const { world, upstream, client } = await worldOf([upgrade('connect')]);
    client.send('1 REQ CONNECT db:5432 ');
    await world.settle();
    assert.match(upstream.take()[0]!, /^1 REQ CONNECT db%3A5432 /);
  });

  test('that ends here: its payload is what the upstream gets, and each side ends for itself', async () => {
    const { world, upstream, client } = await worldOf([], terminating);
    client.send('1 REQ CONNECT db:5432  upgrade=x', '1 DAT hello%0A');
    await world.settle();
    assert.deepEqual(upstream.take(), ['hello']);
    assert.match(client.take()[0]!, /^1 RSP 200/);
    upstream.peer.connection.write(Buffer.from('world\n'));
    await world.settle();
    assert.deepEqual(client.take(), ['1 DAT world%0A']);
    upstream.peer.connection.end();
    await world.settle();
    assert.deepEqual(client.take(), ['1 DAT. ']);
    client.send('1 DAT more%0A', '1 DAT. ');
    await world.settle();
    assert.deepEqual(upstream.take(), ['more']);
    assert.equal(upstream.peer.ended, true);
    assert.deepEqual(world.logs, ['200 - via_upstream 1 10.0.0.1:1']);
    const [record] = world.records;
    assert.deepEqual([record?.bytesReceived, record?.bytesSent], [11, 6]);
    assert.deepEqual(world.stats.gaugesLeft(/downstream_cx|listeners_active|membership|_open$/), []);
  });

  test('a POST ends here as well, where that is allowed', async () => {
    for (const terminatesPost of [true, false]) {
      const { world, upstream, client } = await worldOf([], {
        upgrades: [ofRoute('connect', { terminates: true, terminatesPost })],
      });
      client.send('1 REQ POST db /', '1 DAT hello%0A');
      await world.settle();
      if (!terminatesPost) {
        assert.match(upstream.take()[0]!, /^1 REQ POST/);
        continue;
      }
      assert.deepEqual(upstream.take(), ['hello']);
      assert.match(client.take()[0]!, /^1 RSP 200/);
      upstream.peer.connection.write(Buffer.from('world\n'));
      upstream.peer.connection.end();
      await world.settle();
      assert.deepEqual(client.take().slice(0, 1), ['1 DAT world%0A']);
    }
  });

  test('that ends here: a client that goes takes its connection along', async () => {
    const { world, upstream, client } = await worldOf([], terminating);
    client.send('1 REQ CONNECT db:5432  upgrade=x', '1 DAT a%0A');
    await world.settle();
    client.connection.close('reset');
    await world.settle();
    assert.equal(upstream.peer.closed?.kind, 'reset');
    assert.deepEqual(world.stats.gaugesLeft(/listeners_active|membership|_open$/), []);
  });

  test('that ends here: an upstream that breaks is seen to be broken', async () => {
    const { world, upstream, client } = await worldOf([], terminating);
    client.send('1 REQ CONNECT db:5432  upgrade=x', '1 DAT a%0A');
    await world.settle();
    client.take();
    upstream.peer.connection.close('reset');
    await world.settle();
    assert.deepEqual(client.take(), ['1 RST. connection-termination']);
  });

  test('each has a connection of its own', async () => {
    const { world, upstream, client } = await worldOf([], terminating);
    for (const id of [1, 2]) client.send(`${id} REQ CONNECT db:5432  upgrade=x`, `${id} DAT ${id}%0A`);
    await world.settle();
    assert.deepEqual(
      upstream.peers.map((peer) => peer.lines),
      [['1'], ['2']],
    );
  });

  test('with nobody there', async () => {
    const { world, upstream, client } = await worldOf([], terminating);
    upstream.close();
    client.send('1 REQ CONNECT db:5432  upgrade=x');
    await world.settle();
    assert.match(client.take()[0]!, /^1 RSP 503/);
  });
});
