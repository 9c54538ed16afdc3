import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meshObject, servicesOf } from '../test-support/scenario.ts';
import { serviceLevels } from './service-levels.ts';

const service = (name: string, level: string, port: number, address: string) =>
  meshObject({
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name, ...(level !== '' && { annotations: { 'rpc.mosn.io/service-level': level } }) },
    spec: {
      hosts: [`${name}.shop.svc.cluster.local`],
      resolution: 'STATIC',
      ports: [{ number: port, name: 'x-bolt', protocol: 'TCP' }],
      endpoints: [{ address, ports: { 'x-bolt': 12_200 } }],
    },
  });
const levels = (...objects: readonly ReturnType<typeof service>[]) =>
  Object.fromEntries(serviceLevels(servicesOf(objects)));

test('the level of an instance is that of its service', () => {
  assert.deepEqual(levels(service('a', 'light', 1, '10.0.0.1'), service('b', 'relay', 2, '10.0.0.2')), {
    '10.0.0.1 12200': 'light',
    '10.0.0.2 12200': 'relay',
  });
});

test('of services that share a port of an instance, the one counts that needs most, in any order', () => {
  const relay = service('a', 'relay', 1, '10.0.0.1');
  const light = service('b', 'light', 2, '10.0.0.1');
  const full = service('c', '', 3, '10.0.0.1');
  assert.deepEqual(levels(relay, light), { '10.0.0.1 12200': 'light' });
  assert.deepEqual(levels(light, relay), { '10.0.0.1 12200': 'light' });
  assert.deepEqual(levels(full, relay), { '10.0.0.1 12200': 'full' });
  assert.deepEqual(levels(relay, full), { '10.0.0.1 12200': 'full' });
});

test('where no service says anything there is nothing to look up', () => {
  assert.deepEqual(levels(service('a', '', 1, '10.0.0.1'), service('b', 'full', 2, '10.0.0.2')), {});
});
