import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Instance, Registry, RegistrySink, Service, ServiceKey } from '@sofamesh/contract/registry';

/** A registry, and the hand of whoever registers services in what is behind it. */
export interface RegistryWorld {
  /** A new one for the same source; the suite starts and stops it. */
  makeRegistry(): Registry;
  put(service: Service, instances: readonly Instance[]): Promise<void>;
  remove(key: ServiceKey): Promise<void>;
  close(): Promise<void>;
}

const waitMs = 5_000;

/** What a registry has told, as a picture that is compared. */
class Picture implements RegistrySink {
  readonly services = new Map<string, Service>();
  readonly instances = new Map<string, readonly Instance[]>();
  calls = 0;

  putService(service: Service): void {
    this.calls++;
    this.services.set(keyOf(service), service);
  }

  removeService(key: ServiceKey): void {
    this.calls++;
    this.services.delete(keyOf(key));
    this.instances.delete(keyOf(key));
  }

  putInstances(key: ServiceKey, instances: readonly Instance[]): void {
    this.calls++;
    this.instances.set(keyOf(key), instances);
  }

  /** `shop/a.shop: 10.0.0.1 10.0.0.2`, sorted. */
  get lines(): string[] {
    return [...this.services.keys()].sort().map((key) => {
      const addresses = (this.instances.get(key) ?? []).map(({ address }) => ` ${address}`).sort();
      return `${key}:${addresses.join('')}`;
    });
  }
}

function keyOf({ namespace, host }: ServiceKey): string {
  return `${namespace}/${host}`;
}

export function sampleService(host: string, namespace = 'shop'): Service {
  return {
    namespace,
    host,
    aliases: [],
    addresses: [],
    ports: [{ name: 'http', number: 80, protocol: 'http' }],
    labels: {},
    resolution: 'static',
    external: false,
    exportTo: [],
  };
}

export function sampleInstance(address: string): Instance {
  return {
    address,
    ports: {},
    labels: {},
    weight: 1,
    locality: '',
    serviceAccount: '',
    healthy: true,
    workload: '',
  };
}

async function until(picture: Picture, lines: readonly string[]): Promise<void> {
  const startMs = performance.now();
  while (picture.lines.join() !== lines.join()) {
    if (performance.now() - startMs > waitMs) assert.deepEqual(picture.lines, lines);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What every registry promises. Hosts and namespaces are the suite's own; the source is empty at the start. */
export function registrySuite(name: string, makeWorld: () => Promise<RegistryWorld>): void {
  describe(`registry ${name}`, () => {
    const withWorld = (what: string, run: (world: RegistryWorld) => Promise<void>) =>
      test(what, async () => {
        const world = await makeWorld();
        try {
          await run(world);
        } finally {
          await world.close();
        }
      });

    withWorld('the picture is complete when it has started', async (world) => {
      await world.put(sampleService('a.shop'), [sampleInstance('10.0.0.1'), sampleInstance('10.0.0.2')]);
      await world.put(sampleService('b.shop'), []);
      await world.put(sampleService('a.shop', 'other'), [sampleInstance('10.0.0.3')]);
      const [registry, picture] = [world.makeRegistry(), new Picture()];
      await registry.start(picture);
      assert.deepEqual(picture.lines, ['other/a.shop: 10.0.0.3', 'shop/a.shop: 10.0.0.1 10.0.0.2', 'shop/b.shop:']);
      await registry.stop();
    });

    withWorld('services and instances come, change and go', async (world) => {
      const [registry, picture] = [world.makeRegistry(), new Picture()];
      await registry.start(picture);
      assert.deepEqual(picture.lines, []);
      await world.put(sampleService('a.shop'), [sampleInstance('10.0.0.1')]);
      await until(picture, ['shop/a.shop: 10.0.0.1']);
      await world.put(sampleService('a.shop'), [sampleInstance('10.0.0.2'), sampleInstance('10.0.0.3')]);
      await until(picture, ['shop/a.shop: 10.0.0.2 10.0.0.3']);
      await world.put(sampleService('a.shop'), []);
      await until(picture, ['shop/a.shop:']);
      await world.put(sampleService('b.shop'), [sampleInstance('10.0.0.4')]);
      await world.remove({ namespace: 'shop', host: 'a.shop' });
      await until(picture, ['shop/b.shop: 10.0.0.4']);
      await registry.stop();
    });

    withWorld('it is silent after the stop, and a new one tells everything again', async (world) => {
      await world.put(sampleService('a.shop'), [sampleInstance('10.0.0.1')]);
      const [registry, picture] = [world.makeRegistry(), new Picture()];
      await registry.start(picture);
      await registry.stop();
      const { calls } = picture;
      await world.put(sampleService('b.shop'), []);
      const [another, whole] = [world.makeRegistry(), new Picture()];
      await another.start(whole);
      await until(whole, ['shop/a.shop: 10.0.0.1', 'shop/b.shop:']);
      assert.equal(picture.calls, calls);
      await another.stop();
      await another.stop();
    });

    withWorld('removing what is not there says nothing', async (world) => {
      await world.put(sampleService('a.shop'), []);
      const [registry, picture] = [world.makeRegistry(), new Picture()];
      await registry.start(picture);
      const { calls } = picture;
      await world.remove({ namespace: 'elsewhere', host: 'a.shop' });
      await world.remove({ namespace: 'shop', host: 'never.shop' });
      await world.put(sampleService('b.shop'), []);
      await until(picture, ['shop/a.shop:', 'shop/b.shop:']);
      assert.ok(picture.calls <= calls + 2, 'only the new service and its instances were told');
      await registry.stop();
    });
  });
}
