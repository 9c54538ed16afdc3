import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Instance, RegistrySink, Service } from '@sofamesh/contract/registry';
import { kind, MemoryRegistry } from './registry.ts';

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
const instance: Instance = {
  address: '10.0.0.1',
  ports: {},
  labels: {},
  weight: 1,
  locality: '',
  serviceAccount: '',
  healthy: true,
  workload: '',
};

function recorder(): { readonly sink: RegistrySink; readonly calls: string[] } {
  const calls: string[] = [];
  const sink: RegistrySink = {
    putService: ({ host }) => calls.push(`put ${host}`),
    removeService: ({ host }) => calls.push(`remove ${host}`),
    putInstances: ({ host }, { length }) => calls.push(`${length} of ${host}`),
  };
  return { sink, calls };
}

describe('memory registry', () => {
  test('tells at the start what is there, and later what changes', async () => {
    const registry = new MemoryRegistry({ services: [{ service: service('a.shop'), instances: [instance] }] });
    const { sink, calls } = recorder();
    await registry.start(sink);
    assert.deepEqual(calls.splice(0), ['put a.shop', '1 of a.shop']);
    const b = service('b.shop');
    registry.put(b, []);
    registry.put(b, [instance]);
    registry.remove({ namespace: 'shop', host: 'a.shop' });
    registry.remove({ namespace: 'other', host: 'b.shop' });
    assert.deepEqual(calls, ['put b.shop', '0 of b.shop', '1 of b.shop', 'remove a.shop']);
  });

  test('is silent before the start and after the stop, and forgets nothing', async () => {
    const registry = kind.create({}) as MemoryRegistry;
    registry.put(service('a.shop'), []);
    const first = recorder();
    await registry.start(first.sink);
    await registry.stop();
    registry.put(service('b.shop'), [instance]);
    assert.deepEqual(first.calls, ['put a.shop', '0 of a.shop']);
    const second = recorder();
    await registry.start(second.sink);
    assert.deepEqual(second.calls, ['put a.shop', '0 of a.shop', 'put b.shop', '1 of b.shop']);
  });
});
