import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import type { ListenerConfig } from '../config/listener.ts';
import { chain, clusterConfig, forward, httpProxy, inline, listenerConfig, route } from '../test-support/configs.ts';
import { EngineWorld, LinePeer } from '../test-support/engine-world.ts';
import { releasePlaces, sharedMemory } from './shared-numbers.ts';

const toOne = chain(httpProxy(inline([route(forward('one'))])));
const originalDst = { kind: 'original-dst', disabled: undefined } as const;

/** Two workers with the same listeners, and memory for the connections of the one that is named `main`. */
class Workers {
  readonly places = sharedMemory(2);
  readonly downstreamPlaces = sharedMemory(2);
  readonly worlds: readonly EngineWorld[];

  constructor(downstreamConnectionsMax?: number) {
    const { downstreamPlaces } = this;
    const downstream = downstreamConnectionsMax !== undefined && { downstreamConnectionsMax, downstreamPlaces };
    this.worlds = [0, 1].map((worker) => new EngineWorld([], { worker, ...downstream }));
  }

  /** A change of the listener `main`, and listeners beside it. */
  async apply(main: Partial<ListenerConfig>, others: readonly Partial<ListenerConfig>[] = []): Promise<void> {
    const listeners = [{ places: this.places, ...main }, ...others].map((more) => listenerConfig([toOne], more));
    for (const world of this.worlds) {
      assert.deepEqual(await world.apply({ clusters: [clusterConfig('one', [1])], listeners }), []);
    }
  }

  /** A new connection to a worker; undefined: it was closed at once. */
  async connect(worker: number, port = 8080): Promise<LinePeer | undefined> {
    const peer = await this.worlds[worker]!.client(port);
    return peer.closed === undefined ? peer : undefined;
  }

  async close(peer: LinePeer | undefined): Promise<void> {
    peer!.connection.close('now');
    for (const world of this.worlds) await world.settle();
  }

  /** One counter of the listener at 8080, of each worker. */
  counts(name: string): readonly (number | undefined)[] {
    return this.worlds.map(({ stats }) => stats.get(`listener.127.0.0.1_8080.${name}`));
  }
}

describe('the limit of a listener', () => {
  test('holds for all workers together', async () => {
    const workers = new Workers();
    await workers.apply({ connectionsMax: 2 });
    const first = await workers.connect(0);
    assert.ok(first !== undefined && (await workers.connect(1)) !== undefined);
    assert.deepEqual([await workers.connect(0), await workers.connect(1)], [undefined, undefined]);
    assert.deepEqual(workers.counts('downstream_cx_overflow'), [1, 1]);
    await workers.close(first);
    assert.ok((await workers.connect(1)) !== undefined);
    assert.equal(await workers.connect(0), undefined);
    assert.deepEqual(workers.counts('downstream_cx_active'), [0, 2]);
  });

  test('counts no more what a worker held that crashed', async () => {
    const workers = new Workers();
    await workers.apply({ connectionsMax: 2 });
    await workers.connect(0);
    await workers.connect(1);
    releasePlaces(workers.places, 0);
    assert.ok((await workers.connect(1)) !== undefined);
    assert.equal(await workers.connect(1), undefined);
  });

  test('may change while connections are open', async () => {
    const workers = new Workers();
    await workers.apply({ connectionsMax: 1 });
    const first = await workers.connect(0);
    await workers.apply({ connectionsMax: 3, version: '2' });
    const others = [await workers.connect(1), await workers.connect(1)];
    assert.ok(!others.includes(undefined));
    assert.equal(await workers.connect(1), undefined);
    await workers.apply({ connectionsMax: 1, version: '3' });
    for (const peer of [first, ...others]) {
      assert.equal(peer!.closed, undefined, 'goes on');
      assert.equal(await workers.connect(0), undefined);
      await workers.close(peer);
    }
    assert.ok((await workers.connect(0)) !== undefined);
  });

  test('stays with its name when the address changes', async () => {
    const workers = new Workers();
    await workers.apply({ connectionsMax: 2 });
    const old = await workers.connect(0);
    await workers.apply({ connectionsMax: 2, version: '2', address: ipAddress('127.0.0.1', 8090) });
    assert.ok((await workers.connect(1, 8090)) !== undefined);
    assert.equal(await workers.connect(1, 8090), undefined);
    await workers.close(old);
    assert.ok((await workers.connect(1, 8090)) !== undefined);
  });

  test('is its own thread’s where there are no other workers', async () => {
    const world = new EngineWorld([], { worker: 3 });
    const listeners = [listenerConfig([toOne], { connectionsMax: 1 })];
    await world.apply({ clusters: [clusterConfig('one', [1])], listeners });
    assert.equal((await world.client()).closed, undefined);
    assert.notEqual((await world.client()).closed, undefined);
  });

  test('gets back the place of a connection that is handed over, to a listener that has one for it in any case', async () => {
    const workers = new Workers();
    const target = ipAddress('10.7.0.1', 80);
    const behind = { name: 'behind', address: target, bindToPort: false, connectionsMax: 0 };
    await workers.apply({ connectionsMax: 1, useOriginalDst: true, listenerFilters: [originalDst] }, [behind]);
    const [world] = workers.worlds;
    world!.network.redirects.set('10.7.0.1:80', ipAddress('127.0.0.1', 8080));
    const connected = async () => {
      const peer = new LinePeer();
      peer.connection = world!.network.dial({ address: target, connectTimeoutMs: 1000 }, peer);
      await world!.settle();
      return peer;
    };
    assert.deepEqual([(await connected()).closed, (await connected()).closed], [undefined, undefined]);
    assert.ok((await workers.connect(1)) !== undefined);
  });
});

describe('the limit of all listeners together', () => {
  const other = { name: 'other', address: ipAddress('127.0.0.1', 8081) };
  const exempt = { name: 'exempt', address: ipAddress('127.0.0.1', 8082), ignoreGlobalLimit: true };

  test('holds for all workers together, but not for listeners that are exempt', async () => {
    const workers = new Workers(2);
    await workers.apply({}, [other, exempt]);
    const first = await workers.connect(0);
    assert.ok((await workers.connect(1, 8081)) !== undefined);
    assert.deepEqual([await workers.connect(0), await workers.connect(1)], [undefined, undefined]);
    assert.deepEqual(workers.counts('downstream_global_cx_overflow'), [1, 1]);
    const third = await workers.connect(1, 8082);
    await workers.close(first);
    // The exempt one counts, as with Envoy.
    assert.equal(await workers.connect(0), undefined);
    await workers.close(third);
    assert.ok((await workers.connect(0)) !== undefined);
  });

  test('goes before that of the listener, and a connection that this one refuses takes no place', async () => {
    const workers = new Workers(2);
    await workers.apply({ connectionsMax: 1 }, [other]);
    await workers.connect(0);
    assert.equal(await workers.connect(1), undefined);
    assert.deepEqual(workers.counts('downstream_cx_overflow'), [0, 1]);
    assert.ok((await workers.connect(1, 8081)) !== undefined);
    assert.equal(await workers.connect(1), undefined);
    assert.deepEqual(workers.counts('downstream_cx_overflow'), [0, 1]);
    assert.deepEqual(workers.counts('downstream_global_cx_overflow'), [0, 1]);
  });
});
