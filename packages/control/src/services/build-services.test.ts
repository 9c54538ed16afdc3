import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MeshObject } from '@sofamesh/model/object';
import { readText } from '@sofamesh/model/read';
import { ServiceBuilder } from './build-services.ts';

function objectsOf(text: string): readonly MeshObject[] {
  const { objects, findings } = readText('test.yaml', text);
  assert.deepEqual(
    findings.filter(({ level }) => level === 'error'),
    [],
  );
  return objects;
}

const build = (text: string) => new ServiceBuilder('cluster.local').build(objectsOf(text));

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
    ) as [{ instances: readonly { address: string; workload: string; ports: object }[] }];
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

  test('what did not change stays the same object', () => {
    const builder = new ServiceBuilder('cluster.local');
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
    const before = builder.build(objects);
    const after = builder.build(objects.slice(0, 3));
    assert.equal(after[0], before[0]);
    assert.notEqual(after[1], before[1]);
    assert.deepEqual(after[1]!.instances, []);
  });
});
