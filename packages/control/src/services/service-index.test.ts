import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Instance, Service } from '@sofamesh/contract/registry';
import type { MeshObject } from '@sofamesh/model/object';
import { readText } from '@sofamesh/model/read';
import { ServiceIndex } from './service-index.ts';

function objectsOf(text: string): readonly MeshObject[] {
  const { objects, findings } = readText('test.yaml', text);
  assert.deepEqual(
    findings.filter(({ level }) => level === 'error'),
    [],
  );
  return objects;
}

const build = (text: string) => new ServiceIndex('cluster.local').services(objectsOf(text)).services;

const entry = (spec: string, name = 'a') => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}, namespace: shop, labels: {team: x}}
spec: ${spec}
---`;

const workload = (name: string, spec: string, labels = '{}') => `
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: ${name}, namespace: shop, labels: ${labels}}
spec: ${spec}
---`;

describe('services from resources', () => {
  test('a ServiceEntry with written endpoints', () => {
    const [found, ...others] = build(
      entry(`{hosts: [db.example.com], addresses: [10.0.0.1], location: MESH_EXTERNAL, resolution: STATIC, exportTo: ['.'],
        ports: [{number: 80, name: http, targetPort: 8080}, {number: 9000, name: raw, protocol: TCP}],
        endpoints: [{address: 192.168.0.1, ports: {raw: 9999}, labels: {version: v1}, weight: 3, locality: a/b/c, serviceAccount: s}]}`),
    );
    assert.deepEqual(others, []);
    assert.deepEqual(found!.service, {
      namespace: 'shop',
      host: 'db.example.com',
      aliases: [],
      addresses: ['10.0.0.1'],
      ports: [
        { name: 'http', number: 80, protocol: 'http' },
        { name: 'raw', number: 9000, protocol: 'tcp' },
      ],
      labels: { team: 'x' },
      resolution: 'static',
      external: true,
      exportTo: ['.'],
    });
    assert.deepEqual(found!.instances, [
      {
        address: '192.168.0.1',
        ports: { http: 8080, raw: 9999 },
        labels: { version: 'v1' },
        weight: 3,
        locality: 'a/b/c',
        serviceAccount: 's',
        healthy: true,
        workload: '',
      },
    ]);
  });

  test('several hosts are several services, but names of one where a port carries RPC', () => {
    const spec = (port: string) =>
      entry(`{hosts: [a.shop.svc.cluster.local, com.example.A], resolution: STATIC, ports: [${port}]}`);
    assert.deepEqual(
      build(spec('{number: 80, name: http}')).map(({ service }) => [service.host, service.aliases]),
      [
        ['a.shop.svc.cluster.local', []],
        ['com.example.A', []],
      ],
    );
    assert.deepEqual(
      build(spec('{number: 12200, name: x-bolt, protocol: TCP}')).map(({ service }) => [
        service.host,
        service.aliases,
        service.ports[0]!.protocol,
      ]),
      [['a.shop.svc.cluster.local', ['com.example.A'], 'x-bolt']],
    );
  });

  test('a selector takes the WorkloadEntries of its namespace, by labels of both places', () => {
    const [{ instances }] = build(
      entry(
        '{hosts: [a.com], resolution: STATIC, ports: [{number: 80, name: http, targetPort: 81}], workloadSelector: {labels: {app: a}}}',
      ) +
        workload('one', '{address: 10.0.0.1, labels: {app: a, version: v1}}') +
        workload('two', '{address: 10.0.0.2, labels: {app: b}}', '{app: a}') +
        workload('three', '{address: 10.0.0.3, labels: {app: b}}') +
        workload('four', '{address: 10.0.0.4, labels: {app: a}}').replace('namespace: shop', 'namespace: other'),
    ) as unknown as [{ instances: readonly { address: string; workload: string; ports: object }[] }];
    assert.deepEqual(
      instances.map(({ address, workload: name, ports }) => [address, name, ports]),
      [
        ['10.0.0.1', 'one', { http: 81 }],
        ['10.0.0.2', 'two', { http: 81 }],
      ],
    );
  });

  test('a name to be resolved stands for itself, and a wildcard for nothing', () => {
    const addresses = (spec: string) =>
      build(entry(spec)).map(({ instances }) => instances.map(({ address }) => address));
    const ports = 'ports: [{number: 443, name: tls, protocol: TLS}]';
    assert.deepEqual(addresses(`{hosts: [a.com], resolution: DNS, ${ports}}`), [['a.com']]);
    assert.deepEqual(addresses(`{hosts: [a.com], resolution: DNS, ${ports}, endpoints: [{address: b.com}]}`), [
      ['b.com'],
    ]);
    assert.deepEqual(addresses(`{hosts: ['*.a.com'], resolution: NONE, ${ports}}`), [[]]);
  });

  test('a Kubernetes Service selects WorkloadEntries', () => {
    const [found] = build(
      `apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop, annotations: {networking.istio.io/exportTo: '., other'}}
spec: {clusterIP: 10.1.0.1, selector: {app: a}, ports: [{port: 80, name: http-web, targetPort: 8080}, {port: 90, name: x-dubbo, targetPort: rpc}]}
---${workload('one', '{address: 10.0.0.1, labels: {app: a}, ports: {rpc: 20880}}')}`,
    );
    assert.equal(found!.service.host, 'web.shop.svc.cluster.local');
    assert.deepEqual(found!.service.exportTo, ['.', 'other']);
    assert.deepEqual(
      found!.service.ports.map(({ name, protocol }) => [name, protocol]),
      [
        ['http-web', 'http'],
        ['x-dubbo', 'x-dubbo'],
      ],
    );
    assert.equal(found!.instances[0]!.ports['http-web'], 8080);
    assert.equal(found!.instances[0]!.ports['x-dubbo'], 20880);
  });

  test('without a selector it has no instances; with an external name it has that one', () => {
    const [plain, named] = build(`apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: shop}
spec: {type: ExternalName, externalName: b.example.com, ports: [{port: 80}]}
---${workload('one', '{address: 10.0.0.1}')}`);
    assert.deepEqual(plain!.instances, []);
    assert.equal(named!.service.resolution, 'dns');
    assert.deepEqual(
      named!.instances.map(({ address }) => address),
      ['b.example.com'],
    );
  });

  test('an annotation says the service level of RPC ports, for all or by name', () => {
    const annotated = (kind: string, spec: string, level: string) =>
      build(`apiVersion: ${kind === 'Service' ? 'v1' : 'networking.istio.io/v1'}
kind: ${kind}
metadata: {name: a, namespace: shop, annotations: {rpc.mosn.io/service-level: '${level}'}}
spec: ${spec}`)[0]!.service.ports;
    assert.deepEqual(
      annotated(
        'ServiceEntry',
        '{hosts: [a.com], ports: [{number: 1, name: x-bolt}, {number: 2, name: x-dubbo}, {number: 3, name: http}]}',
        'light, x-dubbo=relay',
      ),
      [
        { name: 'x-bolt', number: 1, protocol: 'x-bolt', serviceLevel: 'light' },
        { name: 'x-dubbo', number: 2, protocol: 'x-dubbo', serviceLevel: 'relay' },
        { name: 'http', number: 3, protocol: 'http' },
      ],
    );
    assert.deepEqual(annotated('Service', '{ports: [{port: 1, name: x-bolt}, {port: 3, name: http}]}', 'relay'), [
      { name: 'x-bolt', number: 1, protocol: 'x-bolt', serviceLevel: 'relay' },
      { name: 'http', number: 3, protocol: 'http' },
    ]);
  });

  test('what did not change stays the same object', () => {
    const index = new ServiceIndex('cluster.local');
    const objects = objectsOf(
      entry(
        '{hosts: [a.com], resolution: STATIC, ports: [{number: 80, name: http}], workloadSelector: {labels: {app: a}}}',
        'a',
      ) +
        entry(
          '{hosts: [b.com], resolution: STATIC, ports: [{number: 80, name: http}], workloadSelector: {labels: {app: b}}}',
          'b',
        ) +
        workload('one', '{address: 10.0.0.1, labels: {app: a}}') +
        workload('two', '{address: 10.0.0.2, labels: {app: b}}'),
    );
    const before = index.services(objects).services;
    const after = index.services(objects.slice(0, 3)).services;
    assert.equal(after[0], before[0]);
    assert.notEqual(after[1], before[1]);
    assert.deepEqual(after[1]!.instances, []);
  });

  test('what cannot be used is left out and said', () => {
    const { services, conflicts } = new ServiceIndex('cluster.local', new Set(['bolt'])).services(
      objectsOf(
        entry(
          '{hosts: [a.com], resolution: STATIC, ports: [{number: 80, name: x-tars}], workloadSelector: {labels: {app: a}}}',
        ) +
          entry('{hosts: [a.com], ports: [{number: 90, name: http}]}', 'b') +
          workload('one', '{address: some.host, labels: {app: a}}') +
          workload('two', '{address: 10.0.0.2, labels: {app: a}}'),
      ),
    );
    assert.deepEqual(services[0]!.service.ports, [{ name: 'x-tars', number: 80, protocol: 'tcp' }]);
    assert.deepEqual(
      services[0]!.instances.map(({ address }) => address),
      ['10.0.0.2'],
    );
    assert.deepEqual(
      conflicts.map(({ reason }) => reason),
      [
        'leaves out WorkloadEntry shop/one, which has the host name some.host as its address, which the service does not resolve',
        'is defined twice; the ServiceEntry shop/b is not used',
      ],
    );
  });

  test('one workload more changes the services that it belongs to, and of them the instances only', () => {
    const index = new ServiceIndex('cluster.local');
    const text = ['a', 'b']
      .map((app) =>
        entry(
          `{hosts: [${app}.com], resolution: STATIC, ports: [{number: 80, name: http}], workloadSelector: {labels: {app: ${app}}}}`,
          app,
        ),
      )
      .join('');
    const objects = objectsOf(text + workload('one', '{address: 10.0.0.1, labels: {app: a}}'));
    const before = index.services(objects).services;
    const more = objectsOf(workload('two', '{address: 10.0.0.2, labels: {app: a}}'));
    const after = index.services([...objects, ...more]).services;
    assert.equal(after[0]!.instances.length, 2);
    assert.equal(after[0]!.service, before[0]!.service);
    assert.equal(after[1], before[1]);
  });
});

describe('services from registries', () => {
  const service = (host: string): Service => ({
    namespace: 'shop',
    host,
    aliases: [],
    addresses: [],
    ports: [{ name: 'http', number: 80, protocol: 'http' }],
    labels: {},
    resolution: 'static',
    external: false,
    exportTo: [],
  });
  const instance = (address: string, more: Partial<Instance> = {}): Instance => ({
    address,
    ports: {},
    labels: {},
    weight: 1,
    locality: '',
    serviceAccount: '',
    healthy: true,
    workload: '',
    ...more,
  });
  const summary = (index: ServiceIndex, text = '') => {
    const { services, conflicts } = index.services(text === '' ? [] : objectsOf(text));
    return {
      services: services.map(({ service: { host }, instances }) =>
        [host, ...instances.map(({ address }) => address)].join(' '),
      ),
      conflicts: conflicts.map(({ host, reason }) => `${host} ${reason}`),
    };
  };

  test('instances of all sources are joined, each place once', () => {
    let changes = 0;
    const index = new ServiceIndex('cluster.local');
    const sinks = ['nacos', 'consul'].map((name) => index.sink(name, () => changes++));
    sinks[0]!.putInstances(service('a.com'), [instance('10.0.0.1'), instance('10.0.0.2')]);
    assert.deepEqual(summary(index).services, [], 'instances may come before their service');
    sinks[0]!.putService(service('a.com'));
    sinks[1]!.putService(service('b.com'));
    sinks[1]!.putInstances(service('a.com'), [
      instance('10.0.0.2', { ports: { http: 80 } }),
      instance('10.0.0.2', { ports: { http: 81 } }),
    ]);
    assert.equal(changes, 4);
    assert.deepEqual(summary(index), { services: ['a.com 10.0.0.2 10.0.0.2 10.0.0.1', 'b.com'], conflicts: [] });
    const text = entry(
      '{hosts: [a.com], resolution: STATIC, ports: [{number: 80, name: http}], endpoints: [{address: 10.0.0.9}]}',
    );
    assert.deepEqual(summary(index, text), {
      services: ['a.com 10.0.0.9 10.0.0.2 10.0.0.2 10.0.0.1', 'b.com'],
      conflicts: ['a.com is defined twice; the one of registry nacos is not used'],
    });
    sinks[0]!.removeService(service('a.com'));
    sinks[1]!.putInstances(service('a.com'), []);
    assert.deepEqual(summary(index).services, ['b.com']);
  });

  test('what no proxy could use is left out and said', () => {
    const index = new ServiceIndex('cluster.local');
    const sink = index.sink('wild', () => {});
    sink.putService(service('a b'));
    sink.putService({ ...service('b.com'), ports: [{ name: 'http', number: 0, protocol: 'http' }] });
    sink.putService({ ...service('c.com'), addresses: ['nowhere'] });
    sink.putService({ ...service('d.com'), aliases: ['com.example.My_Service', '\n'] });
    sink.putService(service('e.com'));
    const bad = [
      instance(''),
      instance('a/b'),
      instance('::1', { ports: { http: 70_000 } }),
      instance('::1', { weight: 0 }),
    ];
    sink.putInstances(service('e.com'), [
      ...bad,
      instance('e.example.com'),
      instance('unix:///s'),
      instance('fe80::1'),
    ]);
    const { services, conflicts } = summary(index);
    assert.deepEqual(services, ['e.com e.example.com unix:///s fe80::1']);
    assert.deepEqual(conflicts, [
      'a b of registry wild is left out: its host must be a host name; its part "a b" is no DNS label',
      'b.com of registry wild is left out: its port "http" has the number 0',
      'c.com of registry wild is left out: its address "nowhere" is no IP address',
      'd.com of registry wild is left out: its alias "\\n" must be a host name; its part "\\n" is no DNS label',
      'e.com of registry wild has 4 instances that are left out; the first has the address ""',
    ]);
    sink.putInstances(service('e.com'), [instance('10.0.0.1')]);
    assert.equal(summary(index).conflicts.length, 4);
  });
});
