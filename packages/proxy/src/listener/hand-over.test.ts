import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import type { ClusterConfig } from '../config/cluster.ts';
import type { FilterChainConfig, ListenerConfig } from '../config/listener.ts';
import { writeProxyHeader } from '../proxy-protocol/write-header.ts';
import {
  anyMatch,
  chain,
  clusterConfig,
  forward,
  httpProxy,
  inline,
  listenerConfig,
  route,
} from '../test-support/configs.ts';
import { EngineWorld, type LinePeer } from '../test-support/engine-world.ts';

const to = (cluster: string, match: Partial<FilterChainConfig['match']> = {}) =>
  chain(httpProxy(inline([route(forward(cluster))])), { match: { ...anyMatch, ...match } });

const originalDst = { kind: 'original-dst', disabled: undefined } as const;
const tlsInspector = { kind: 'tls-inspector', disabled: undefined } as const;
const proxyProtocol = {
  kind: 'proxy-protocol',
  versions: [1, 2],
  allowWithout: false,
  rules: [],
  passTlvs: [],
  statPrefix: '',
  disabled: undefined,
} as const;

const service = ipAddress('10.7.0.1', 80);
const wild = ipAddress('10.8.0.1', 90);
const unknown = ipAddress('10.9.0.1', 99);

/** What catches all traffic, as Istio's 15001, and listeners without a socket behind it. */
function listeners(more: Partial<ListenerConfig> = {}): ListenerConfig[] {
  const virtual = { bindToPort: false, listenerFilters: [tlsInspector] };
  return [
    listenerConfig([to('one')], { name: 'catch', useOriginalDst: true, ...more }),
    listenerConfig([to('two', { transportProtocol: 'raw_buffer' })], { ...virtual, name: 'service', address: service }),
    listenerConfig([to('three')], { ...virtual, name: 'wild', address: ipAddress('0.0.0.0', 90) }),
  ];
}

async function started(configs: readonly ListenerConfig[], clusters: readonly ClusterConfig[] = []) {
  const world = new EngineWorld();
  for (const [at, name] of ['one', 'two', 'three'].entries()) {
    await world.upstream(at + 1, (line, peer) => peer.send(`${line.split(' ')[0]} RSP. 200 from=${name}`));
  }
  for (const each of [service, wild, unknown]) {
    world.network.redirects.set(`${each.host}:${each.port}`, ipAddress('127.0.0.1', 8080));
  }
  const all = [clusterConfig('one', [1]), clusterConfig('two', [2]), clusterConfig('three', [3]), ...clusters];
  assert.deepEqual(await world.apply({ clusters: all, listeners: configs }), []);
  const dial = async (address: ReturnType<typeof ipAddress>) => {
    const peer = await world.client(1);
    peer.connection = world.network.dial({ address, connectTimeoutMs: 1000 }, peer);
    await world.settle();
    return peer;
  };
  const ask = async (peer: LinePeer, before: Buffer = Buffer.alloc(0)) => {
    peer.connection.write(before);
    peer.send('1 REQ. GET host /');
    await world.settle();
    return peer.take()[0] ?? `closed ${peer.closed?.kind}`;
  };
  return { world, dial, ask };
}

describe('a connection goes to the listener whose address it was made to', () => {
  test('exactly, or by its port, or it stays', async () => {
    const { world, dial, ask } = await started(listeners());
    assert.match(await ask(await dial(service)), /from=two/);
    assert.match(await ask(await dial(wild)), /from=three/);
    assert.match(await ask(await dial(unknown)), /from=one/);
    assert.match(await ask(await dial(ipAddress('127.0.0.1', 8080))), /from=one/);
    const connections = new Map(world.engine.status().listeners.map(({ name, connections: count }) => [name, count]));
    assert.deepEqual(Object.fromEntries(connections), { catch: 2, service: 1, wild: 1 });
    assert.equal(world.stats.get('listener.10.7.0.1_80.downstream_cx_total'), 1);
    assert.equal(world.stats.get('listener.127.0.0.1_8080.downstream_cx_active'), 2);
    // Nobody listens there.
    const refused = await world.client(90);
    assert.equal(refused.closed?.kind, 'connect-failed');
  });

  test('with the bytes that were read meanwhile, once', async () => {
    const { dial, ask } = await started(listeners({ listenerFilters: [proxyProtocol] }));
    const header = writeProxyHeader(2, ipAddress('1.2.3.4', 5), service);
    assert.match(await ask(await dial(ipAddress('127.0.0.1', 8080)), header), /from=two/);
  });

  test('not without use_original_dst', async () => {
    const { dial, ask } = await started(listeners({ useOriginalDst: false, listenerFilters: [originalDst] }));
    assert.match(await ask(await dial(service)), /from=one/);
  });

  test('chains match by the address that was asked for', async () => {
    const chains = [to('one', { destinationPort: 80 }), to('two', { destinationPrefixes: ['10.8.0.0/16'] })];
    const inbound = listenerConfig(chains, { listenerFilters: [originalDst] });
    const { world, dial, ask } = await started([inbound]);
    assert.match(await ask(await dial(service)), /from=one/);
    assert.match(await ask(await dial(wild)), /from=two/);
    assert.match(await ask(await dial(unknown)), /closed/);
    assert.equal(world.stats.get('listener.127.0.0.1_8080.no_filter_chain_match'), 1);
  });
});

describe('a cluster of original destinations', () => {
  const passthrough = (more: object = {}) =>
    clusterConfig('passthrough', [], {
      discovery: { kind: 'original-dst', header: undefined, portOverride: undefined, cleanupMs: 5000, ...more },
    });
  const catching = () => [listenerConfig([to('passthrough')], { listenerFilters: [originalDst] })];

  test('goes where the client wanted to go, and forgets what nobody uses', async () => {
    const { world, dial, ask } = await started(catching(), [passthrough()]);
    const target = ipAddress('10.0.0.1', 2);
    world.network.redirects.set('10.0.0.1:2', ipAddress('127.0.0.1', 8080));
    const peer = await dial(target);
    // The proxy's own connection is not redirected.
    world.network.redirects.clear();
    assert.match(await ask(peer), /from=two/);
    assert.equal(world.stats.get('cluster.passthrough.membership_total'), 1);
    await world.pass(5001);
    assert.match(await ask(peer), /from=two/);
    await world.pass(5001);
    assert.equal(world.stats.get('cluster.passthrough.membership_total'), 1);
    await world.pass(5001);
    assert.equal(world.stats.get('cluster.passthrough.membership_total'), 0);
    assert.match(await ask(peer), /from=two/);
  });

  test('a connection that was not redirected has no host: it would come back for ever', async () => {
    const { world, dial, ask } = await started(catching(), [passthrough()]);
    assert.match(await ask(await dial(ipAddress('127.0.0.1', 8080))), /503/);
    assert.equal(world.stats.get('cluster.passthrough.upstream_cx_none_healthy'), 1);
  });

  test('the port of the configuration goes before that of the client', async () => {
    const { world, dial, ask } = await started(catching(), [passthrough({ portOverride: 3 })]);
    world.network.redirects.set('10.0.0.1:2', ipAddress('127.0.0.1', 8080));
    const peer = await dial(ipAddress('10.0.0.1', 2));
    world.network.redirects.clear();
    assert.match(await ask(peer), /from=three/);
  });
});

test('several addresses are one listener', async () => {
  const more = { additionalAddresses: [ipAddress('127.0.0.1', 8081)], connectionsMax: 1 };
  const world = new EngineWorld();
  await world.apply({ clusters: [clusterConfig('one', [1])], listeners: [listenerConfig([to('one')], more)] });
  assert.equal((await world.client(8081)).closed, undefined);
  assert.notEqual((await world.client()).closed, undefined);
  assert.equal(world.stats.get('listener.127.0.0.1_8080.downstream_cx_overflow'), 1);
  const clash = listenerConfig([to('one')], { name: 'clash', address: ipAddress('127.0.0.1', 8081) });
  const [rejection] = await world.apply({ listeners: [clash] });
  assert.match(rejection!.reason, /8081: is already that of listener main/);
  await world.apply({ removedListeners: ['main'] });
  assert.deepEqual(await world.apply({ listeners: [clash] }), []);
});
