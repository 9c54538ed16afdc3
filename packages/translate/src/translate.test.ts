import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readText } from '@sofamesh/model/read';
import { TranslationCache } from './cache.ts';
import { X_PROXY_TYPE_URL } from './core/listener-filters.ts';
import type { MeshSnapshot, NamedResource, ProxyResources } from './input.ts';
import { readable } from './test-support/readable.ts';
import { meshObject, proxyNode, snapshotOf } from './test-support/scenario.ts';
import { translate } from './translate.ts';

const named = (resources: readonly NamedResource[], name: string) => resources.find((one) => one.name === name);
const names = (resources: readonly NamedResource[]) => resources.map(({ name }) => name);
const resource = (kind: string, name: string, spec: unknown, metadata: object = {}) =>
  meshObject({ apiVersion: 'networking.istio.io/v1', kind, metadata: { name, ...metadata }, spec });
const httpService = (name: string, port = 80) =>
  resource('ServiceEntry', name, {
    hosts: [`${name}.shop.svc.cluster.local`],
    resolution: 'STATIC',
    ports: [{ number: port, name: 'http', protocol: 'HTTP' }],
    endpoints: [{ address: '10.0.0.1', labels: { version: 'v1' } }],
  });

describe('the example', () => {
  const folder = fileURLToPath(new URL('../../../examples/bookstore/config/', import.meta.url));
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
  const workload = (name: string, app: string, version: string, address: string) =>
    resource('WorkloadEntry', name, { address, labels: { app, version } }, { namespace: 'bookstore' });
  const readings = files.map((file) => readText(file, readFileSync(folder + file, 'utf8')));
  const snapshot = snapshotOf([
    ...readings.flatMap(({ objects }) => objects),
    workload('catalog-v1', 'catalog', 'v1', '127.0.0.12'),
    workload('catalog-v2', 'catalog', 'v2', '127.0.0.13'),
    workload('inventory-v1', 'inventory', 'v1', '127.0.0.14'),
    workload('inventory-v2', 'inventory', 'v2', '127.0.0.15'),
    workload('pricing', 'pricing', 'v1', '127.0.0.17'),
  ]);
  const sidecar = (name: string, app: string, address: string) =>
    translate(proxyNode({ name, namespace: 'bookstore', labels: { app }, address }), snapshot);

  test('a client listens for every service on its own address, with the routes of the configuration', () => {
    const { listeners, routes, notes } = sidecar('shopper', 'shopper', '127.0.0.11');
    assert.deepEqual(names(listeners), ['127.0.0.11_9080', '127.0.0.11_12200', '127.0.0.11_20880']);
    assert.deepEqual(names(routes), [
      '9080',
      'x|12200|inventory.bookstore.svc.cluster.local',
      'x|20880|pricing.bookstore.svc.cluster.local',
    ]);
    assert.deepEqual(notes, []);
    assert.deepEqual(
      readings.flatMap(({ findings }) => findings),
      [],
    );
    assert.deepEqual(
      ['testers', 'shoppers', 'reserve', 'stock', 'quote', 'price'].filter(
        (name) => !routeNames({ routes }).includes(name),
      ),
      [],
    );
  });

  test('a server takes in its own port and calls the others', () => {
    const { listeners, clusters, notes } = sidecar('catalog-v1', 'catalog', '127.0.0.12');
    assert.deepEqual(names(listeners), ['127.0.0.12_12200', '127.0.0.12_20880', '127.0.0.12_9080']);
    assert.ok(named(clusters, 'inbound|9080||'));
    assert.deepEqual(notes, []);
  });
});

function routeNames({ routes }: Pick<ProxyResources, 'routes'>): string[] {
  const all = readable({ routes, clusters: [], endpoints: [], listeners: [], notes: [] }).routes as unknown as {
    virtual_hosts: { routes: { name: string }[] }[];
  }[];
  return all.flatMap(({ virtual_hosts: hosts }) => hosts.flatMap((host) => host.routes.map(({ name }) => name)));
}

describe('what is shared', () => {
  const rule = resource('DestinationRule', 'a', { host: 'a', subsets: [{ name: 'v1', labels: { version: 'v1' } }] });
  const toSubset = resource('VirtualService', 'a', {
    hosts: ['a'],
    http: [{ route: [{ destination: { host: 'a', subset: 'v1' } }] }],
  });
  const base = snapshotOf([httpService('a'), httpService('b', 81), toSubset]);
  const withObjects = (objects: MeshSnapshot['objects']): MeshSnapshot => ({ ...base, revision: 2, objects });

  test('two proxies of a namespace get the same bytes, not equal ones', () => {
    const cache = new TranslationCache();
    const one = translate(proxyNode({ address: '127.0.0.11' }), base, cache);
    const other = translate(proxyNode({ address: '127.0.0.12' }), base, cache);
    assert.equal(one.clusters, other.clusters);
    assert.equal(one.endpoints, other.endpoints);
    assert.equal(one.routes[0], other.routes[0]);
    assert.notEqual(one.listeners[0]!.name, other.listeners[0]!.name);
  });

  test('a changed rule makes only its own service anew, and the routes that depend on it', () => {
    const cache = new TranslationCache();
    const proxy = proxyNode();
    const before = translate(proxy, base, cache);
    const after = translate(proxy, withObjects([...base.objects, rule]), cache);
    const b = 'outbound|81||b.shop.svc.cluster.local';
    assert.equal(named(after.clusters, b), named(before.clusters, b));
    assert.equal(named(after.endpoints, b), named(before.endpoints, b));
    assert.ok(named(after.clusters, 'outbound|80|v1|a.shop.svc.cluster.local'));
    // The virtual service is the same object; that its subset now exists is known from the rule alone.
    assert.match(Buffer.from(named(before.routes, '80')!.bytes).toString('latin1'), /BlackHoleCluster/);
    assert.doesNotMatch(Buffer.from(named(after.routes, '80')!.bytes).toString('latin1'), /BlackHoleCluster/);
    assert.match(before.notes[0]!.reason, /subset v1/);
    assert.deepEqual(after.notes, []);
  });

  test('callers of different labels or namespaces do not get routes of each other', () => {
    const cache = new TranslationCache();
    const forWeb = resource('VirtualService', 'a', {
      hosts: ['a'],
      http: [
        { name: 'web', match: [{ sourceLabels: { app: 'web' } }], route: [{ destination: { host: 'a' } }] },
        { name: 'ops', match: [{ sourceNamespace: 'ops' }], route: [{ destination: { host: 'a' } }] },
        { name: 'all', route: [{ destination: { host: 'a' } }] },
      ],
    });
    const snapshot = withObjects([forWeb]);
    const routesFor = (proxy: Parameters<typeof proxyNode>[0]) =>
      routeNames(translate(proxyNode(proxy), snapshot, cache));
    assert.deepEqual(routesFor({ labels: { app: 'web' } }), ['web', 'default']);
    assert.deepEqual(routesFor({ labels: { app: 'job' } }), ['all', 'default']);
    assert.deepEqual(routesFor({ namespace: 'ops' }), ['ops', 'default']);
  });
});

describe('how calls travel', () => {
  const bolt = (annotations: object = {}) =>
    resource(
      'ServiceEntry',
      'user',
      {
        hosts: ['user.shop.svc.cluster.local'],
        resolution: 'STATIC',
        ports: [{ number: 12200, name: 'x-bolt', protocol: 'TCP' }],
        endpoints: [{ address: '10.0.0.1' }],
      },
      { annotations },
    );
  const rule = (carrier: string) =>
    resource('DestinationRule', 'user', { host: 'user' }, { annotations: { 'rpc.mosn.io/carrier': carrier } });
  const cluster = 'outbound|12200||user.shop.svc.cluster.local';
  const service = bolt();
  const before = snapshotOf([service, httpService('a'), rule('frame')]);
  /** Names of the resources whose bytes a later snapshot changes. */
  const changes = (objects: MeshSnapshot['objects'], services = before.services) => {
    const cache = new TranslationCache();
    const [old, now] = [before, { ...before, revision: 2, objects, services }].map((snapshot) =>
      translate(proxyNode(), snapshot, cache),
    );
    return (['clusters', 'endpoints', 'listeners', 'routes'] as const).flatMap((kind) =>
      now![kind]
        .filter(({ name, bytes }) => Buffer.compare(bytes, named(old![kind], name)!.bytes) !== 0)
        .map(({ name }) => `${kind} ${name}`),
    );
  };

  test('another carrier is another cluster, and nothing else', () => {
    assert.deepEqual(changes([service, rule('http2')]), [`clusters ${cluster}`]);
  });

  test('another service level is another listener, and nothing else', () => {
    const relay = snapshotOf([bolt({ 'rpc.mosn.io/service-level': 'relay' }), httpService('a')]);
    assert.deepEqual(changes(before.objects, relay.services), ['listeners 127.0.0.11_12200']);
  });

  test('a proxy that has the RPC filter and not these options gets frames, also beside one that has them', () => {
    const cache = new TranslationCache();
    const snapshot = snapshotOf([service, rule('http2')]);
    const options = (typeUrls: ReadonlySet<string>) =>
      Buffer.from(named(translate(proxyNode({ typeUrls }), snapshot, cache).clusters, cluster)!.bytes)
        .toString('latin1')
        .includes('RpcProtocolOptions');
    assert.equal(options(proxyNode().typeUrls), true);
    assert.equal(options(new Set([X_PROXY_TYPE_URL])), false);
    assert.equal(options(proxyNode().typeUrls), true);
  });
});

describe('proxies that cannot be served yet', () => {
  const snapshot = snapshotOf([httpService('a')]);
  for (const [title, proxy] of [
    ['a gateway', { type: 'router' }],
    ['interception', { interceptionMode: 'REDIRECT' }],
  ] as const) {
    test(`${title}: clusters, no listeners, and a note that says so`, () => {
      const { clusters, listeners, routes, notes } = translate(proxyNode(proxy), snapshot);
      assert.equal(clusters.length, 2);
      assert.deepEqual([listeners, routes], [[], []]);
      assert.equal(notes.length, 1);
    });
  }
});

test("services whose names differ only in their letters' case have no domain in common", () => {
  const base = snapshotOf([httpService('a'), httpService('b')]);
  const services = base.services.map((entry, at) => ({
    ...entry,
    service: { ...entry.service, host: at === 0 ? 'Api.Example.com' : 'api.example.com' },
  }));
  const { routes } = translate(proxyNode(), { ...base, services });
  // The first one has the name; for the second nothing is left.
  assert.equal(
    Buffer.from(routes[0]!.bytes)
      .toString('latin1')
      .match(/api\.example\.com:80/g)?.length,
    1,
  );
});

test('a thousand services for a hundred proxies take a moment', () => {
  const cache = new TranslationCache();
  const objects = Array.from({ length: 1000 }, (_, at) => httpService(`s${at}`, 80 + (at % 10)));
  const snapshot = snapshotOf(objects);
  translate(proxyNode(), snapshot, cache);
  const startMs = performance.now();
  for (let at = 0; at < 100; at++) translate(proxyNode({ address: `127.0.1.${at}` }), snapshot, cache);
  const tookMs = performance.now() - startMs;
  // About 140 ms on a busy core; without shared work it would be a hundred times the first one's 370 ms.
  assert.ok(tookMs < 2000, `${tookMs} ms`);
});
