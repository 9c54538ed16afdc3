import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  EarlyNetworkFilterKind,
  NetworkFilter,
  NetworkFilterKind,
  TerminalNetworkFilterKind,
} from '@sofamesh/contract/network-filter';
import type { Connection } from '@sofamesh/contract/transport';
import type { CatalogueFilterConfig, TcpProxyConfig } from '../config/listener.ts';
import { chain, clusterConfig, listenerConfig, tcpProxy } from '../test-support/configs.ts';
import { EngineWorld } from '../test-support/engine-world.ts';
import { sharedMemory } from './shared-numbers.ts';
import { clientHello } from './test-support/client-hello.ts';

const filter = (name: string, config?: unknown): CatalogueFilterConfig => ({ kind: 'catalogue', name, config });

/** Says its word and which cluster was chosen before it, and that it ends. */
const says: TerminalNetworkFilterKind<string> = {
  name: 'says',
  terminal: true,
  create(word) {
    if (word === '') throw new Error('has nothing to say');
    const connections = new Set<Connection>();
    return {
      accept(connection, done, state) {
        connections.add(connection);
        connection.setHandler({
          onBytes() {},
          onEnd: () => connection.close('flush'),
          onClose: () => {
            connections.delete(connection);
            done();
          },
        });
        connection.write(Buffer.from(`${word} ${state?.cluster ?? '-'}\n`));
      },
      drain() {},
      close: () => {
        for (const connection of connections) connection.close('now');
      },
      get activeConnections() {
        return connections.size;
      },
    };
  },
};

function before(next: NetworkFilter, accept: NetworkFilter['accept']): NetworkFilter {
  return {
    accept,
    drain: () => next.drain(),
    close: () => next.close(),
    get activeConnections() {
      return next.activeConnections;
    },
  };
}

/** Adds its word to the cluster. */
const adds: EarlyNetworkFilterKind<string> = {
  name: 'adds',
  terminal: false,
  wrap: (word, _environment, next) =>
    before(next, (connection, done, state) =>
      next.accept(connection, done, { ...state, cluster: `${state?.cluster ?? ''}${word}` }),
    ),
};

const byServerName: EarlyNetworkFilterKind = {
  name: 'by server name',
  terminal: false,
  readsServerName: true,
  wrap: (_config, _environment, next) =>
    before(next, (connection, done, state) => {
      const { requestedServerName: cluster } = connection;
      next.accept(connection, done, cluster === undefined || cluster === '' ? state : { ...state, cluster });
    }),
};

/** Counts what has come, in memory that workers share. */
const counts: EarlyNetworkFilterKind = {
  name: 'counts',
  terminal: false,
  wrap: (_config, { shared }, next) =>
    before(next, (connection, done) => {
      let count = 0;
      shared.update((value) => (count = value + 1));
      next.accept(connection, done, { cluster: `${count}` });
    }),
};

const networkFilters: NetworkFilterKind[] = [says, adds, byServerName, counts];

async function started(...filters: [...CatalogueFilterConfig[], CatalogueFilterConfig]) {
  const world = new EngineWorld([], { networkFilters });
  assert.deepEqual(await world.apply({ listeners: [listenerWith('1', ...filters)] }), []);
  return world;
}

function listenerWith(version: string, ...filters: CatalogueFilterConfig[]) {
  return listenerConfig([chain(filters.at(-1)!, { earlyFilters: filters.slice(0, -1) })], { version });
}

test('filters stand in their order, one of a kind more than once, and each has its configuration', async () => {
  const world = await started(filter('adds', 'a'), filter('adds', 'b'), filter('adds', 'a'), filter('says', 'hello'));
  const client = await world.client();
  await world.settle();
  assert.deepEqual(client.take(), ['hello aba']);
  client.connection.end();
  await world.settle();
  assert.equal(client.closed?.kind, 'closed');
  assert.equal(world.engine.status().listeners[0]?.connections, 0);
});

test('a filter that chooses the cluster goes before the TCP proxy’s own choice; only it makes a listener wait', async () => {
  const world = new EngineWorld([], { networkFilters });
  const tcp: TcpProxyConfig = tcpProxy('own', { statPrefix: 't' });
  await world.upstream(1, (_line, peer) => peer.send('own'));
  const other = await world.upstream(2, (_line, peer) => peer.send('by name'));
  const clusters = [clusterConfig('own', [1]), clusterConfig('shop', [2])];
  const listener = (version: string, earlyFilters: CatalogueFilterConfig[]) =>
    listenerConfig([chain(tcp, { earlyFilters })], {
      version,
      listenerFilters: [{ kind: 'tls-inspector', disabled: undefined }],
    });
  const withFilter = listener('1', [filter('by server name')]);
  assert.deepEqual(await world.apply({ clusters, listeners: [withFilter] }), []);
  const client = await world.client();
  client.send('x');
  await world.settle();
  assert.deepEqual(client.take(), ['own']);

  const named = await world.client();
  assert.equal(other.peers.length, 0);
  named.connection.write(clientHello('shop', ['h2']));
  await world.settle();
  named.send('');
  await world.settle();
  assert.deepEqual(new Set(named.take()), new Set(['by name']));

  const unknown = await world.client();
  unknown.connection.write(clientHello('elsewhere', ['h2']));
  await world.settle();
  assert.notEqual(unknown.closed, undefined);
  assert.equal(world.stats.value('tcp.t.downstream_cx_no_route'), 1);

  const inspected = () => world.stats.get('tls_inspector.tls_not_found');
  const before = inspected();
  assert.deepEqual(await world.apply({ listeners: [listener('2', [])] }), []);
  const plain = await world.client();
  plain.send('x');
  await world.settle();
  assert.deepEqual(plain.take(), ['own']);
  assert.equal(inspected(), before);
});

test('what cannot be used is refused with its place', async () => {
  const world = new EngineWorld([], { networkFilters });
  const reason = async (...filters: CatalogueFilterConfig[]) => {
    const [rejection] = await world.apply({ listeners: [listenerWith('1', ...filters)] });
    return rejection?.reason;
  };
  const hello = filter('says', 'hello');
  const adding = filter('adds', 'a');
  assert.equal(await reason(adding, filter('x'), hello), 'filter_chains[0].filters[1]: there is no network filter x');
  assert.equal(await reason(filter('x')), 'filter_chains[0].filters[0]: there is no network filter x');
  assert.equal(await reason(hello, hello), 'filter_chains[0].filters[0]: says: must be the last filter');
  assert.equal(await reason(adding, adding), 'filter_chains[0].filters[1]: adds: does not end a chain');
  assert.equal(await reason(adding, filter('says', '')), 'filter_chains[0].filters[1]: has nothing to say');
  assert.equal(await reason(adding, hello), undefined);
});

test('a chain goes on as it is while its filters are equal, whatever stands in their shared memory', async () => {
  const memory = sharedMemory(1);
  const counting = (id: number) => ({ ...filter('counts'), shared: { id, memory } });
  const hello = filter('says', 'hello');
  const world = await started(counting(1), hello);
  const said = async () => {
    const client = await world.client();
    await world.settle();
    return client.take();
  };
  assert.deepEqual(await said(), ['hello 1']);
  const total = () => world.stats.get('listener.127.0.0.1_8080.downstream_cx_active');
  assert.equal(total(), 1);
  const { engine } = world;
  const drained = async (version: string, filters: CatalogueFilterConfig[]) => {
    assert.deepEqual(await world.apply({ listeners: [listenerWith(version, ...filters)] }), []);
    await world.pass(700_000);
    return total() === 0;
  };
  assert.equal(await drained('2', [counting(1), hello]), false);
  assert.deepEqual(await said(), ['hello 2']);
  assert.equal(await drained('3', [counting(2), hello]), true, 'other memory, another chain');
  assert.deepEqual(await said(), ['hello 3'], 'which here is the same');
  assert.equal(await drained('4', [filter('adds', 'a'), counting(2), hello]), true);
  await Promise.all([engine.close(), world.pass(2000)]);
});
