import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import { clusterTypeUrl, endpointsTypeUrl, listenerTypeUrl, routeTypeUrl } from '@sofamesh/xds/type-urls';
import fc from 'fast-check';
import {
  address,
  ads,
  connectionManager,
  endpointsJson,
  listenerJson,
  resource,
  routesJson,
} from '../config/test-support/readers.ts';
import { dynamicBootstrap, world } from './test-support/world.ts';

const eds = (name: string, rest: JsonObject = {}): JsonObject => ({
  name,
  type: 'EDS',
  eds_cluster_config: { eds_config: ads },
  ...rest,
});
const fixed = (name: string, port = 1): JsonObject => ({ name, load_assignment: endpointsJson(name, port) });
const byRds = (name: string, ...routes: string[]): JsonObject => ({
  name,
  address: address(0),
  filter_chains: routes.map((route, index) => ({
    filter_chain_match: { destination_port: index + 1 },
    filters: [connectionManager({ rds: { route_config_name: route, config_source: ads } })],
  })),
});

describe('ResourceState', () => {
  test('puts static resources into use at once, clusters before listeners', async () => {
    const listener = listenerJson('in', connectionManager({ route_config: routesJson('r', 'app') }));
    const { start, applier, initialized, subscriptions } = world({
      static_resources: { clusters: [fixed('app')], listeners: [listener] },
    });
    assert.deepEqual(await start(), []);
    assert.deepEqual(applier.take(), ['+cluster app', '+listener in']);
    assert.equal(initialized.length, 1);
    assert.equal(subscriptions.of(clusterTypeUrl), undefined);
  });

  test('tells what the data plane refuses of them', async () => {
    const { start, applier } = world({ static_resources: { clusters: [fixed('app')] } });
    applier.refuse = [{ kind: 'cluster', name: 'app', reason: 'no' }];
    assert.deepEqual(await start(), applier.refuse);
  });

  test('starts as Envoy does: clusters, their endpoints, then listeners, their routes, then it is ready', async () => {
    const { start, cds, eds: sendEds, lds, rds, applier, subscriptions, initialized } = world();
    await start();
    assert.equal(subscriptions.of(clusterTypeUrl), '*');
    assert.equal(subscriptions.of(listenerTypeUrl), undefined);
    assert.deepEqual(await cds('1', eds('a'), fixed('b')), []);
    assert.deepEqual(applier.take(), ['+cluster b']);
    assert.deepEqual(subscriptions.of(endpointsTypeUrl), ['a']);
    assert.equal(subscriptions.of(listenerTypeUrl), undefined, 'listeners wait for warm clusters');
    await sendEds('1', endpointsJson('a', 1), endpointsJson('not asked for', 1));
    assert.deepEqual(applier.take(), ['+cluster a', '+endpoints a']);
    assert.equal(subscriptions.of(listenerTypeUrl), '*');
    await lds('1', byRds('l', 'r1', 'r2'));
    assert.deepEqual(subscriptions.of(routeTypeUrl), ['r1', 'r2']);
    await rds('1', routesJson('r1', 'a'));
    assert.deepEqual(applier.take(), ['+route r1']);
    assert.equal(initialized.length, 0);
    await rds('2', routesJson('r2', 'b'));
    assert.deepEqual(applier.take(), ['+route r2', '+listener l']);
    assert.equal(initialized.length, 1);
  });

  test('a control plane that is away delays readiness by its time-outs and no more', async () => {
    const { start, pass, initialized, subscriptions, cds, applier } = world({
      ...dynamicBootstrap,
      static_resources: { clusters: [fixed('s')] },
    });
    await start();
    assert.deepEqual(applier.take(), ['+cluster s']);
    await pass(14_999);
    assert.equal(subscriptions.of(listenerTypeUrl), undefined);
    await pass(1);
    assert.equal(subscriptions.of(listenerTypeUrl), '*');
    await pass(15_000);
    assert.deepEqual(initialized, [30_000]);
    await cds('1', fixed('late'));
    assert.deepEqual(applier.take(), ['+cluster late']);
  });

  test('what waits in vain goes on after its time-out', async () => {
    const { start, cds, lds, pass, applier, state } = world();
    await start();
    await cds('1', eds('a'));
    await pass(15_000);
    assert.deepEqual(applier.take(), ['+cluster a']);
    await lds('1', byRds('l', 'r'));
    await pass(14_999);
    assert.deepEqual(applier.take(), []);
    assert.equal(state.initialized, false);
    await pass(1);
    assert.deepEqual(applier.take(), ['+listener l']);
    assert.equal(state.initialized, true);
  });

  test('an equal resource changes nothing, whatever the version of the response', async () => {
    const { start, cds, eds: sendEds, applier } = world();
    await start();
    await cds('1', eds('a'), fixed('b'));
    await sendEds('1', endpointsJson('a', 1));
    applier.take();
    await cds('2', eds('a'), fixed('b'));
    await sendEds('2', endpointsJson('a', 1));
    assert.deepEqual(applier.take(), []);
    await cds('3', eds('a'), fixed('b', 2));
    assert.deepEqual(applier.take(), ['+cluster b']);
    await sendEds('3', endpointsJson('a', 2));
    assert.deepEqual(applier.take(), ['+endpoints a']);
  });

  test('a changed EDS cluster takes the endpoints that are known with it', async () => {
    const { start, cds, eds: sendEds, applier } = world();
    await start();
    await cds('1', eds('a'));
    await sendEds('1', endpointsJson('a', 1));
    applier.take();
    await cds('2', eds('a', { connect_timeout: '1s' }));
    assert.deepEqual(applier.take(), ['+cluster a', '+endpoints a']);
  });

  test('the good resources of a response are used, the bad ones named, and their last good version goes on', async () => {
    const { start, cds, applier, state } = world();
    await start();
    await cds('1', fixed('a'), fixed('b'));
    applier.take();
    const errors = await cds(
      '2',
      { name: 'a', lb_policy: 'MAGLEV' },
      fixed('b', 2),
      { name: 'c', type: 'EDS' },
      fixed('b', 3),
      {},
    );
    assert.deepEqual(errors.map((error) => error.replace(/^([^:]+: \S+).*/, '$1')).sort(), [
      'a: lb_policy:',
      'b: is',
      'c: eds_cluster_config.eds_config:',
      'resource 4: name:',
    ]);
    assert.deepEqual(applier.take(), ['+cluster b']);
    assert.deepEqual([...applier.clusters.keys()], ['a', 'b']);
    assert.match(state.clusters.clusters.get('a')?.failure?.details ?? '', /^lb_policy/);
    await cds('3', fixed('a'), fixed('b', 2));
    assert.equal(state.clusters.clusters.get('a')?.failure, undefined);
    assert.deepEqual(applier.take(), []);
  });

  test('what the data plane refuses is an error of the response that brought it', async () => {
    const { start, cds, lds, rds, applier, state } = world();
    await start();
    applier.refuse = [
      { kind: 'cluster', name: 'a', reason: 'tls: bad key' },
      { kind: 'route', name: 'r', reason: 'routes[0]: bad regex' },
    ];
    assert.deepEqual(await cds('1', fixed('a'), fixed('b')), ['a: tls: bad key']);
    assert.deepEqual([...applier.clusters.keys()], ['b']);
    await lds('1', byRds('l', 'r'));
    assert.deepEqual(await rds('1', routesJson('r', 'b')), ['r: routes[0]: bad regex']);
    assert.equal(applier.listeners.size, 0, 'the listener still waits for routes');
    applier.refuse = [{ kind: 'listener', name: 'l', reason: 'EADDRINUSE' }];
    assert.deepEqual(await rds('2', routesJson('r', 'c')), []);
    assert.equal(state.listeners.listeners.get('l')?.failure?.details, 'EADDRINUSE');
    applier.down = true;
    assert.deepEqual(await cds('2', fixed('a'), fixed('b', 3)), [
      'a: cannot be applied: no worker',
      'b: cannot be applied: no worker',
    ]);
    applier.down = false;
    assert.deepEqual(await cds('3', fixed('b', 3)), []);
    assert.ok(applier.clusters.has('b'));
  });

  test('a removed cluster stays while routes in use name it, for a while', async () => {
    const { start, cds, lds, rds, applier, pass } = world();
    await start();
    await cds('1', fixed('old'), fixed('new'), fixed('stuck'), fixed('free'));
    await lds('1', byRds('l', 'r', 's'));
    await rds('1', routesJson('r', 'old'), routesJson('s', 'stuck'));
    applier.take();
    await cds('2', fixed('new'));
    assert.deepEqual(applier.take(), ['-cluster free']);
    await rds('2', routesJson('r', 'new'));
    assert.deepEqual(applier.take(), ['+route r', '-cluster old']);
    await pass(4_999);
    assert.deepEqual(applier.take(), []);
    await pass(1);
    assert.deepEqual(applier.take(), ['-cluster stuck']);
  });

  test('a cluster that comes back before it is gone never leaves', async () => {
    const { start, cds, lds, rds, applier, pass } = world();
    await start();
    await cds('1', fixed('a'));
    await lds('1', byRds('l', 'r'));
    await rds('1', routesJson('r', 'a'));
    await cds('2');
    await cds('3', fixed('a', 2));
    await pass(60_000);
    assert.deepEqual([...applier.clusters.keys()], ['a']);
    assert.ok(!applier.log.includes('-cluster a'));
  });

  test('removed listeners go with the routes that only they named', async () => {
    const { start, cds, lds, rds, applier, subscriptions } = world();
    await start();
    await cds('1', fixed('a'));
    await lds('1', byRds('l', 'r'), byRds('m', 'r', 's'));
    await rds('1', routesJson('r', 'a'), routesJson('s', 'a'));
    applier.take();
    await lds('2', byRds('l', 'r'));
    assert.deepEqual(applier.take(), ['-listener m', '-route s']);
    assert.deepEqual(subscriptions.of(routeTypeUrl), ['r']);
    await lds('3');
    assert.deepEqual(applier.take(), ['-listener l', '-route r']);
    assert.deepEqual(subscriptions.of(routeTypeUrl), []);
  });

  test('a response with a resource that cannot be named removes nothing', async () => {
    const { start, cds, state, applier } = world();
    await start();
    await cds('1', fixed('a'));
    applier.take();
    const garbage = { typeUrl: clusterTypeUrl, value: new Uint8Array([0xff, 0xff]) };
    const stranger = { typeUrl: listenerTypeUrl, value: new Uint8Array() };
    const { errors } = await state.apply(clusterTypeUrl, '2', [garbage, stranger]);
    assert.deepEqual(
      errors.map(({ name }) => name),
      ['resource 0', 'resource 1'],
    );
    assert.deepEqual(applier.take(), []);
    const unknown = await state.apply('type.googleapis.com/x.Y', '1', []);
    assert.match(unknown.errors[0]?.reason ?? '', /is not known/);
  });

  test('whatever bytes come, the state answers with errors and keeps what it has', async () => {
    const { start, cds, lds, rds, state, applier } = world();
    await start();
    await cds('1', fixed('kept'));
    const samples = [
      resource('Cluster', eds('a')),
      resource('ClusterLoadAssignment', endpointsJson('a', 1)),
      resource('Listener', byRds('l', 'r')),
      resource('RouteConfiguration', routesJson('r', 'a')),
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.nat(3),
        fc.nat(),
        fc.integer({ min: 0, max: 255 }),
        fc.nat(),
        async (which, at, byte, cut) => {
          const { typeUrl, value } = samples[which]!;
          const bytes = value.slice(0, value.length - (cut % 3));
          bytes[at % bytes.length] = byte;
          const keep = which === 0 ? [resource('Cluster', fixed('kept'))] : [];
          const { errors } = await state.apply(typeUrl, '2', [...keep, { typeUrl, value: bytes }]);
          for (const { name, reason } of errors) assert.ok(name !== '' && reason !== '', JSON.stringify(errors));
          assert.ok(applier.clusters.has('kept'));
        },
      ),
      { numRuns: 300 },
    );
    assert.deepEqual(await cds('3', fixed('kept')), []);
    assert.deepEqual(await lds('3', byRds('l', 'r')), []);
    assert.deepEqual(await rds('3', routesJson('r', 'kept')), []);
    assert.ok(applier.listeners.has('l'));
    state.stop();
  });

  test('static resources cannot be replaced or removed by dynamic ones', async () => {
    const { start, cds, applier } = world({ ...dynamicBootstrap, static_resources: { clusters: [fixed('s')] } });
    await start();
    applier.take();
    await cds('1', fixed('s', 9));
    await cds('2');
    assert.deepEqual(applier.take(), []);
  });

  test('a version that warms gives way to a newer one, and to the return of the old', async () => {
    const { start, cds, eds: sendEds, applier } = world();
    await start();
    await cds('1', fixed('a'));
    applier.take();
    await cds('2', eds('a'));
    await cds('3', fixed('a'));
    await sendEds('1', endpointsJson('a', 1));
    assert.deepEqual(applier.take(), []);
    await cds('4', eds('a'));
    await cds('5', fixed('a', 2));
    assert.deepEqual(applier.take(), ['+cluster a']);
  });

  test('tells a worker that starts everything that is in use', async () => {
    const { start, cds, eds: sendEds, lds, rds, state, stats } = world();
    await start();
    await cds('1', eds('a'), eds('warms'));
    await sendEds('1', endpointsJson('a', 1));
    await lds('1', byRds('l', 'r'), byRds('waits', 'x'));
    await rds('1', routesJson('r', 'a'));
    const names = (items: readonly { readonly name: string }[] = []) => items.map(({ name }) => name);
    const { clusters, endpoints, routes, listeners } = state.current();
    assert.deepEqual(
      [names(clusters), names(endpoints), names(routes), names(listeners)],
      [['a'], ['a'], ['r'], ['l']],
    );
    assert.equal(stats.value('cluster_manager.active_clusters'), 1);
    assert.equal(stats.value('cluster_manager.warming_clusters'), 1);
    assert.equal(stats.value('listener_manager.total_listeners_active'), 1);
    state.stop();
  });
});
