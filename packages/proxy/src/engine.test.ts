import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import type { TcpProxyConfig } from './config/listener.ts';
import {
  chain,
  clusterConfig,
  filterConfig,
  forward,
  httpProxy,
  inline,
  listenerConfig,
  prefix,
  route,
  routeTable,
  rpcProxy,
  tcpProxy,
} from './test-support/configs.ts';
import { answering, EngineWorld, type LinePeer, type Upstream } from './test-support/engine-world.ts';

const tcp: TcpProxyConfig = tcpProxy('one');

interface Made {
  readonly world: EngineWorld;
  readonly one: Upstream;
  readonly two: Upstream;
}

async function made(options: { drainMs?: number } = {}): Promise<Made> {
  const world = new EngineWorld([], options);
  const answer = (name: string) => answering(`RSP. 200 from=${name}`);
  const one = await world.upstream(1, answer('one'));
  const two = await world.upstream(2, answer('two'));
  const rejections = await world.apply({
    clusters: [clusterConfig('one', [1]), clusterConfig('two', [2]), clusterConfig('slow', [3])],
    listeners: [listenerConfig([chain(httpProxy(inline([route(forward('one'))])))])],
  });
  assert.deepEqual(rejections, []);
  return { world, one, two };
}

async function ask(world: EngineWorld, client: LinePeer, path = '/'): Promise<string | undefined> {
  client.take();
  client.send(`1 REQ. GET host ${path}`);
  await world.settle();
  return client.take().find((line) => line.startsWith('1 '));
}

describe('routes by name', () => {
  test('a change is seen by the next request of a connection that stays', async () => {
    const { world } = await made();
    const named = listenerConfig([chain(httpProxy({ kind: 'named', name: 'routes' }))], { version: '2' });
    const to = (cluster: string, version: string) =>
      routeTable([route(forward(cluster))], { version }, { name: cluster });
    await world.apply({ listeners: [named], routes: [to('one', '1')] });
    const client = await world.client();
    assert.match((await ask(world, client))!, /from=one/);
    await world.apply({ routes: [to('two', '2')] });
    assert.match((await ask(world, client))!, /from=two/);
    await world.apply({ routes: [to('one', '2')] });
    assert.match((await ask(world, client))!, /from=two/, 'an equal version is left alone');
    await world.apply({ removedRoutes: ['routes'] });
    assert.match((await ask(world, client))!, /404 .*route_configuration_not_found/);
    assert.equal(client.closed, undefined);
    assert.equal(world.stats.get('http.in.downstream_cx_total'), 1);
  });

  test('a request under way keeps what it began with', async () => {
    const { world } = await made();
    const slow = await world.upstream(3);
    const named = listenerConfig([chain(httpProxy({ kind: 'named', name: 'routes' }))], { version: '2' });
    await world.apply({ listeners: [named], routes: [routeTable([route(forward('slow'))])] });
    const client = await world.client();
    client.send('9 REQ. GET host /');
    await world.settle();
    await world.apply({
      routes: [routeTable([route(forward('one'))], { version: '2' })],
      removedClusters: ['slow'],
    });
    assert.match((await ask(world, client))!, /from=one/);
    slow.peer.send('1 RSP. 200 from=slow');
    await world.settle();
    assert.match(client.take()[0]!, /^9 RSP\. 200 from=slow/);
  });

  test('a bad table is refused by name and field, and the rest is applied', async () => {
    const { world } = await made();
    const bad = { path: { kind: 'regex', value: '(', ignoreCase: false } } as const;
    const rejections = await world.apply({
      listeners: [listenerConfig([chain(httpProxy({ kind: 'named', name: 'good' }))], { version: '2' })],
      routes: [
        routeTable([route(forward('one'), { ...prefix('/'), ...bad })], { name: 'bad' }),
        routeTable([route(forward('two'))], { name: 'good' }),
      ],
    });
    assert.deepEqual(
      rejections.map(({ kind, name }) => [kind, name]),
      [['route', 'bad']],
    );
    assert.match(rejections[0]!.reason, /virtual_hosts\[0\] \(all\)\.routes\[0\]\.match\.path: regex "\("/);
    assert.match((await ask(world, await world.client()))!, /from=two/);
  });
});

describe('listeners', () => {
  const other = httpProxy(inline([route(forward('two'))]));

  test('other chains on the same address: the socket stays, old connections are asked to go and finish', async () => {
    const { world } = await made({ drainMs: 1000 });
    const slow = await world.upstream(3);
    await world.apply({
      listeners: [listenerConfig([chain(httpProxy(inline([route(forward('slow'))])))], { version: '2' })],
    });
    const busy = await world.client();
    const stuck = await world.client();
    busy.send('1 REQ. GET host /');
    stuck.send('1 REQ. GET host /');
    await world.settle();
    await world.apply({ listeners: [listenerConfig([chain(other)], { version: '3' })] });
    await world.settle();
    assert.match((await ask(world, await world.client()))!, /from=two/);
    assert.deepEqual(busy.take(), ['0 BYE']);
    slow.peer.send('1 RSP. 200 from=slow');
    await world.settle();
    assert.match(busy.lines[0]!, /from=slow/);
    assert.notEqual(busy.closed, undefined);
    assert.equal(stuck.closed, undefined);
    await world.pass(1001);
    assert.notEqual(stuck.closed, undefined, 'the drain time is over');
    assert.equal(world.stats.get('listener_manager.listener_modified'), 2);
  });

  test('a chain that did not change is not touched by a change of another', async () => {
    const { world } = await made();
    const first = chain(httpProxy(inline([route(forward('one'))])), {
      name: 'first',
      match: { ...matchPort(8080) },
    });
    const second = (cluster: string) => chain(httpProxy(inline([route(forward(cluster))])), { match: matchPort(9) });
    await world.apply({ listeners: [listenerConfig([first, second('one')], { version: '2' })] });
    const client = await world.client();
    await world.apply({ listeners: [listenerConfig([second('two'), first], { version: '3' })] });
    assert.match((await ask(world, client))!, /from=one/);
    assert.deepEqual(client.take(), []);
    assert.equal(world.stats.get('http.in.downstream_cx_drain_close'), 0);
  });

  test('an equal version is left alone', async () => {
    const { world } = await made();
    const client = await world.client();
    await world.apply({ listeners: [listenerConfig([chain(other)])] });
    assert.match((await ask(world, client))!, /from=one/);
    assert.match((await ask(world, await world.client()))!, /from=one/);
  });

  test('another address: bound before the old one goes', async () => {
    const { world } = await made();
    const client = await world.client();
    const moved = listenerConfig([chain(other)], { version: '2', address: ipAddress('127.0.0.1', 9090) });
    const prepared = await world.engine.prepare({ listeners: [moved] });
    assert.match((await ask(world, await world.client()))!, /from=one/, 'nothing has changed before the commit');
    prepared.commit([]);
    await world.settle();
    assert.equal(world.addressOf('main'), '127.0.0.1:9090');
    assert.match((await ask(world, await world.client(9090)))!, /from=two/);
    assert.equal((await world.client()).closed?.kind, 'connect-failed');
    assert.notEqual(client.closed, undefined, 'idle: it was asked to go and has nothing to finish');
  });

  test('an address that is taken: refused, and nothing is left behind', async () => {
    const { world } = await made();
    await world.network.listen({ address: ipAddress('127.0.0.1', 9090) }, () => {});
    const moved = listenerConfig([chain(other)], { version: '2', address: ipAddress('127.0.0.1', 9090) });
    const [rejection] = await world.apply({ listeners: [moved] });
    assert.match(rejection!.reason, /EADDRINUSE|in use/);
    assert.match((await ask(world, await world.client()))!, /from=one/);
    const twice = listenerConfig([chain(other)], { name: 'twin' });
    const [another] = await world.apply({ listeners: [twice] });
    assert.match(another!.reason, /address: 127\.0\.0\.1:8080: is already that of listener main/);
  });

  test('what another worker refuses, or what is abandoned, is released', async () => {
    const { world } = await made();
    const extra = listenerConfig([chain(other)], { name: 'extra', address: ipAddress('127.0.0.1', 9090) });
    const prepared = await world.engine.prepare({ listeners: [extra], routes: [routeTable([])] });
    prepared.commit([{ kind: 'listener', name: 'extra', reason: 'elsewhere' }]);
    await world.settle();
    assert.equal((await world.client(9090)).closed?.kind, 'connect-failed');
    const again = await world.engine.prepare({ listeners: [extra] });
    again.abandon();
    await world.settle();
    assert.equal((await world.client(9090)).closed?.kind, 'connect-failed');
    assert.deepEqual(
      world.engine.status().listeners.map((listener) => listener.name),
      ['main'],
    );
    assert.deepEqual(await world.apply({ listeners: [extra] }), []);
    assert.match((await ask(world, await world.client(9090)))!, /from=two/);
  });

  test('a removed listener stops accepting and drains', async () => {
    const { world } = await made();
    const client = await world.client();
    await world.apply({ removedListeners: ['main', 'unknown'] });
    await world.settle();
    assert.equal((await world.client()).closed?.kind, 'connect-failed');
    assert.notEqual(client.closed, undefined);
    assert.deepEqual(world.engine.status().listeners, []);
  });

  test('port 0 becomes a real one, and stays through changes', async () => {
    const { world } = await made();
    const zero = (version: string) =>
      listenerConfig([chain(other)], { name: 'zero', version, address: ipAddress('127.0.0.1', 0) });
    await world.apply({ listeners: [zero('1')] });
    const address = world.addressOf('zero');
    assert.match(address, /:3\d{4}$/);
    await world.apply({ listeners: [zero('2')] });
    assert.equal(world.addressOf('zero'), address);
  });

  test('the connection limit', async () => {
    const { world } = await made();
    await world.apply({ listeners: [listenerConfig([chain(other)], { version: '2', connectionsMax: 1 })] });
    const first = await world.client();
    const second = await world.client();
    assert.notEqual(second.closed, undefined);
    first.connection.close('now');
    await world.settle();
    assert.match((await ask(world, await world.client()))!, /from=two/);
    assert.equal(world.stats.get('listener.127.0.0.1_8080.downstream_cx_overflow'), 1);
    assert.equal(world.stats.get('listener.127.0.0.1_8080.downstream_cx_active'), 1);
  });

  test('a stat prefix stands in place of the address', async () => {
    const { world } = await made();
    const front = { name: 'front', statPrefix: 'front', address: ipAddress('127.0.0.1', 9001) };
    await world.apply({ listeners: [listenerConfig([chain(other)], front)] });
    await world.client(9001);
    assert.equal(world.stats.get('listener.front.downstream_cx_total'), 1);
  });

  test('raw TCP, RPC and a protocol that nobody knows', async () => {
    const { world, one } = await made();
    const rejections = await world.apply({
      listeners: [
        listenerConfig([chain(tcp)], { name: 'tcp', address: ipAddress('127.0.0.1', 9001) }),
        listenerConfig([chain(rpcProxy(inline([]), { protocol: 'nope' }))], {
          name: 'rpc',
          address: ipAddress('127.0.0.1', 9002),
        }),
      ],
    });
    assert.deepEqual(
      rejections.map(({ reason }) => reason),
      ['filter_chains[0].protocol: nope: no such protocol'],
    );
    const client = await world.client(9001);
    client.send('1 REQ. GET host /raw');
    await world.settle();
    assert.deepEqual(one.lines, ['1 REQ. GET host /raw']);
    assert.match(client.lines[0]!, /from=one/);
  });
});

describe('clusters', () => {
  test('are refused one by one, and found by requests as soon as they are there', async () => {
    const { world } = await made();
    const client = await world.client();
    const balancer = { name: 'nope', options: undefined };
    const rejections = await world.apply({
      clusters: [clusterConfig('bad', [1], { balancer }), clusterConfig('one', [2], { version: '2' })],
    });
    assert.deepEqual(
      rejections.map(({ kind, name }) => [kind, name]),
      [['cluster', 'bad']],
    );
    assert.match((await ask(world, client))!, /from=two/, "it is another cluster's host now");
    await world.apply({ removedClusters: ['one'] });
    assert.match((await ask(world, client))!, /cluster_not_found/);
  });
});

describe('drain', () => {
  test('stops accepting, lets requests finish, and resolves when the last is gone', async () => {
    const { world } = await made();
    const slow = await world.upstream(3);
    await world.apply({
      listeners: [
        listenerConfig([chain(httpProxy(inline([route(forward('slow'))])))], {
          name: 'slow',
          address: ipAddress('127.0.0.1', 9000),
        }),
      ],
    });
    const idle = await world.client();
    const busy = await world.client(9000);
    busy.send('1 REQ. GET host /');
    await world.settle();
    let drained = false;
    const drain = world.engine.drain(5000).then(() => {
      drained = true;
    });
    await world.settle();
    assert.equal((await world.client()).closed?.kind, 'connect-failed');
    assert.notEqual(idle.closed, undefined);
    await world.pass(1000);
    assert.equal(drained, false);
    slow.peer.send('1 RSP. 200');
    await world.pass(200);
    await drain;
    assert.match(busy.lines.at(-1)!, /^1 RSP\. 200/);
    await world.settle();
    assert.deepEqual(world.network.connections, []);
    assert.deepEqual(world.stats.gaugesLeft(/listeners_active|membership|_open$/), []);
    assert.equal(world.clock.nextDueMs(), undefined, 'no timer is left');
  });

  test('closes what is left at the deadline', async () => {
    const { world } = await made();
    await world.upstream(3);
    await world.apply({
      listeners: [
        listenerConfig(
          [
            chain(httpProxy(inline([route(forward('slow', { timeoutMs: 60_000 }))]))),
            chain(tcp, { match: matchPort(1) }),
          ],
          {
            version: '2',
          },
        ),
      ],
    });
    const client = await world.client();
    client.send('1 REQ. GET host /');
    await world.settle();
    const drain = world.engine.drain(300);
    await world.pass(250);
    assert.equal(client.closed, undefined);
    for (let times = 0; times < 10; times++) await world.pass(50);
    await drain;
    await world.settle();
    assert.equal((client as LinePeer).closed?.kind, 'reset', 'an answer that is cut does not look complete');
    assert.match(world.logs.at(-1)!, /^0 DC /);
    assert.deepEqual(world.stats.gaugesLeft(/listeners_active|membership|_open$/), []);
    assert.equal(world.clock.nextDueMs(), undefined, 'no timer is left');
  });

  test('close does it at once', async () => {
    const { world } = await made();
    const client = await world.client();
    const closing = world.engine.close();
    for (let times = 0; times < 5; times++) await world.pass(50);
    await closing;
    assert.notEqual(client.closed, undefined);
  });
});

test('status shows listeners and clusters as they are', async () => {
  const { world } = await made();
  await ask(world, await world.client());
  const { listeners, clusters } = world.engine.status();
  assert.deepEqual(listeners, [{ name: 'main', address: ipAddress('127.0.0.1', 8080), connections: 1 }]);
  const one = clusters.find(({ name }) => name === 'one');
  assert.deepEqual([one!.hosts[0]!.rqTotal, one!.hosts[0]!.rqSuccess, one!.hosts[0]!.rqActive], [1, 1, 0]);
});

test('headers are added and removed at all levels, most specific first, and paths and hosts are rewritten', async () => {
  const { world, two } = await made();
  const add = (value: string) => ({
    request: { add: [{ name: 'x', value, action: 'append' as const }], remove: ['secret'] },
    response: { add: [{ name: 'y', value, action: 'append' as const }], remove: ['from'] },
  });
  const action = forward('two', { prefixRewrite: '/new/', hostRewrite: 'auto' });
  const weighted = { ...action, clusters: [{ name: 'two', weight: 1, headers: add('cluster'), filterConfigs: {} }] };
  const table = routeTable(
    [route(weighted, prefix('/old/'), { headers: add('route') })],
    { headers: add('table') },
    { headers: add('host') },
  );
  const proxy = httpProxy({ kind: 'inline', table }, { filters: [filterConfig('router')] });
  await world.apply({ listeners: [listenerConfig([chain(proxy)], { version: '2' })] });
  const client = await world.client();
  client.send('1 REQ. GET host /old/a?b=1 secret=s');
  await world.settle();
  assert.equal(
    two.lines[0],
    '1 REQ. GET host-2 %2Fnew%2Fa%3Fb%3D1 x-forwarded-proto=http;x=cluster;x=route;x=host;x=table;x-envoy-original-path=%2Fold%2Fa%3Fb%3D1;x-envoy-original-host=host',
  );
  assert.match(client.lines[0]!, /^1 RSP\. 200 x-envoy-upstream-service-time=0;y=cluster;y=route;y=host;y=table;date=/);
});

test('headers added to an answer tell of that answer, whoever made it', async () => {
  const { world } = await made();
  const value = '%RESPONSE_CODE%,%RESPONSE_CODE_DETAILS%,%RESP(from)%';
  const headers = {
    request: { add: [], remove: [] },
    response: { add: [{ name: 'y', value, action: 'append' as const }], remove: [] },
  };
  const refusing = { kind: 'direct-response' as const, status: 403, body: '' };
  const table = routeTable([
    route(refusing, prefix('/no'), { headers }),
    route(forward('one'), prefix('/'), { headers }),
  ]);
  const proxy = httpProxy({ kind: 'inline', table });
  assert.deepEqual(await world.apply({ listeners: [listenerConfig([chain(proxy)], { version: '2' })] }), []);
  const client = await world.client();
  assert.match((await ask(world, client))!, /[ ;]y=200%2Cvia_upstream%2Cone(;|$)/);
  assert.match((await ask(world, client, '/no'))!, /^1 RSP\S* 403 .*y=403%2Cdirect_response%2C-(;|$)/);
});

test('a request is rewritten to the name of its host, where that has one', async () => {
  const { world } = await made();
  const upstream = await world.upstream(4, answering('RSP. 200'));
  const named = clusterConfig('named', [4]);
  assert.ok(named.discovery.kind === 'static');
  const { endpoints } = named.discovery;
  const groups = endpoints.groups.map((group) => ({
    ...group,
    hosts: group.hosts.map((host) => ({ ...host, hostname: '' })),
  }));
  const unnamed = {
    ...named,
    name: 'unnamed',
    discovery: { kind: 'static' as const, endpoints: { ...endpoints, groups } },
  };
  const to = (cluster: string) => route(forward(cluster, { hostRewrite: 'auto' }), prefix(`/${cluster}`));
  const rejections = await world.apply({
    clusters: [named, unnamed],
    listeners: [listenerConfig([chain(httpProxy(inline([to('named'), to('unnamed')])))], { version: '2' })],
  });
  assert.deepEqual(rejections, []);
  const client = await world.client();
  for (const path of ['/named', '/unnamed']) assert.match((await ask(world, client, path))!, /RSP\. 200/);
  assert.deepEqual(
    upstream.lines.map((line) => line.split(' ').slice(1, 5).join(' ')),
    ['REQ. GET host-4 %2Fnamed', 'REQ. GET host %2Funnamed'],
  );
});

function matchPort(destinationPort: number) {
  return {
    destinationPort,
    destinationPrefixes: [],
    serverNames: [],
    transportProtocol: undefined,
    applicationProtocols: [],
    directSourcePrefixes: [],
    sourceType: 'any' as const,
    sourcePrefixes: [],
    sourcePorts: [],
  };
}
