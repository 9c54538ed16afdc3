import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Address, ipAddress } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';
import { silentLogger } from '@sofamesh/base/logger';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { MemoryNumbers, sharedMemory } from '@sofamesh/proxy/listener/shared-numbers';
import { clusterConfig, listenerConfig, ScriptedWorker } from './test-support/scripted-worker.ts';
import { WorkerPool } from './worker-pool.ts';

class World {
  readonly clock = new ManualClock();
  readonly workers: ScriptedWorker[] = [];
  readonly gone: number[] = [];
  readonly fatal: string[] = [];
  readonly probed: string[] = [];
  /** Called with every new worker. */
  onStart: (worker: ScriptedWorker) => void = () => {};
  taken = new Set<number>();
  readonly pool: WorkerPool;

  constructor(concurrency: number, downstreamPlaces?: SharedArrayBuffer) {
    this.pool = new WorkerPool({
      concurrency,
      downstreamPlaces,
      start: async () => {
        const worker = new ScriptedWorker(this.workers.length + 1);
        this.workers.push(worker);
        this.onStart(worker);
        return worker;
      },
      probe: async (address) => this.#probe(address),
      clock: this.clock,
      logger: silentLogger,
      onWorkerGone: (id) => this.gone.push(id),
      onFatal: (reason) => this.fatal.push(reason),
    });
  }

  #probe(address: Address): Address {
    assert.equal(address.kind, 'ip');
    const { host, port } = address as { host: string; port: number };
    this.probed.push(`${host}:${port}`);
    if (this.taken.has(port)) throw new CodedError('EADDRINUSE', 'address already in use');
    return ipAddress(host, port === 0 ? 4000 + this.probed.length : port);
  }

  /** Lets everything happen that waits for no time to pass. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 50; turn++) await null;
  }
}

async function startedWorld(concurrency: number, downstreamPlaces?: SharedArrayBuffer): Promise<World> {
  const world = new World(concurrency, downstreamPlaces);
  await world.pool.start();
  return world;
}

describe('a change of configuration', () => {
  test('is committed by all workers', async () => {
    const { pool, workers } = await startedWorld(3);
    assert.deepEqual(await pool.apply({ clusters: [clusterConfig('a')] }), []);
    assert.deepEqual(
      workers.map(({ committed }) => committed),
      [['cluster a 1'], ['cluster a 1'], ['cluster a 1']],
    );
  });

  test('leaves out for all what one worker refuses', async () => {
    const { pool, workers } = await startedWorld(2);
    workers[1]!.refuses.add('bad');
    const refused = await pool.apply({ clusters: [clusterConfig('good'), clusterConfig('bad')] });
    assert.deepEqual(refused, [{ kind: 'cluster', name: 'bad', reason: 'worker 2 refuses' }]);
    for (const { committed } of workers) assert.deepEqual(committed, ['cluster good 1']);
    assert.deepEqual([...pool.config.clusters.keys()], ['good']);
  });

  test('that is refused keeps the last good version', async () => {
    const { pool, workers } = await startedWorld(2);
    await pool.apply({ clusters: [clusterConfig('a', '1')] });
    workers[0]!.refuses.add('a');
    await pool.apply({ clusters: [clusterConfig('a', '2')] });
    assert.equal(pool.config.clusters.get('a')?.version, '1');
  });

  test('at which a worker fails is refused as a whole and abandoned by the others', async () => {
    const { pool, workers } = await startedWorld(2);
    workers[0]!.fault = 'throw';
    const refused = await pool.apply({
      clusters: [clusterConfig('a')],
      listeners: [listenerConfig('l', ipAddress('127.0.0.1', 80))],
    });
    assert.deepEqual(
      refused.map(({ name, reason }) => `${name}: ${reason}`),
      ['a: no idea', 'l: no idea'],
    );
    assert.equal(workers[1]!.abandoned, 1);
    assert.deepEqual(workers[1]!.committed, []);
  });

  test('survives a worker that crashes over it', async () => {
    const { pool, workers, clock, settle } = await startedWorld(2);
    workers[0]!.fault = 'crash';
    assert.deepEqual(await pool.apply({ clusters: [clusterConfig('a')] }), []);
    assert.deepEqual(workers[1]!.committed, ['cluster a 1']);
    await settle();
    clock.advance(0);
    await settle();
    assert.deepEqual(workers[2]!.committed, ['cluster a 1']);
    assert.equal(pool.serving, 2);
  });

  test('that crashes every worker is refused, and the one before stays', async () => {
    const { pool, workers, clock, settle } = await startedWorld(2);
    await pool.apply({ clusters: [clusterConfig('good')] });
    for (const worker of workers) worker.fault = 'crash';
    const refused = await pool.apply({ clusters: [clusterConfig('poison')] });
    assert.deepEqual(
      refused.map(({ name }) => name),
      ['poison'],
    );
    await settle();
    clock.advance(1000);
    await settle();
    assert.deepEqual(workers[2]!.committed, ['cluster good 1']);
  });

  test('comes after those that were asked for before', async () => {
    const { pool, workers } = await startedWorld(1);
    await Promise.all([1, 2, 3].map((version) => pool.apply({ clusters: [clusterConfig('a', String(version))] })));
    assert.deepEqual(workers[0]!.committed, ['cluster a 1', 'cluster a 2', 'cluster a 3']);
  });
});

describe('addresses', () => {
  test('are tried alone first; all workers get the same port for 0, and keep it', async () => {
    const { pool, workers, probed } = await startedWorld(2);
    const listener = listenerConfig('l', ipAddress('127.0.0.1', 0));
    await pool.apply({ listeners: [listener] });
    await pool.apply({ listeners: [{ ...listener, version: '2' }] });
    assert.deepEqual(probed, ['127.0.0.1:0']);
    for (const { addresses } of workers) assert.deepEqual([...addresses], [['l', '127.0.0.1:4001']]);
  });

  test('that another process has are refused', async () => {
    const world = await startedWorld(2);
    world.taken.add(80);
    const refused = await world.pool.apply({ listeners: [listenerConfig('l', ipAddress('127.0.0.1', 80))] });
    assert.match(refused[0]!.reason, /address: 127\.0\.0\.1:80: address already in use/);
    assert.deepEqual(world.workers[0]!.committed, []);
  });

  test('that another listener has are refused, unless it gives them up', async () => {
    const { pool } = await startedWorld(2);
    const at = ipAddress('127.0.0.1', 80);
    assert.deepEqual(await pool.apply({ listeners: [listenerConfig('one', at)] }), []);
    const refused = await pool.apply({ listeners: [listenerConfig('two', at)] });
    assert.match(refused[0]!.reason, /listener one has this address/);
    assert.deepEqual(await pool.apply({ listeners: [listenerConfig('two', at)], removedListeners: ['one'] }), []);
  });

  test('of one worker are its own: nothing is tried or shared', async () => {
    const { pool, workers, probed } = await startedWorld(1);
    await pool.apply({ listeners: [listenerConfig('l', ipAddress('127.0.0.1', 0))] });
    assert.deepEqual(probed, []);
    assert.deepEqual([...workers[0]!.addresses], [['l', '127.0.0.1:0']]);
    assert.equal(pool.config.listeners.get('l')?.reusePort, false);
  });

  test('in the file system belong to the first worker', async () => {
    const { pool, workers } = await startedWorld(2);
    await pool.apply({ listeners: [listenerConfig('l', { kind: 'pipe', path: '/tmp/x' })] });
    assert.deepEqual(
      workers.map(({ addresses }) => addresses.size),
      [1, 0],
    );
  });
});

describe('a worker that crashes', () => {
  test('is replaced, and the new one has the configuration in force', async () => {
    const { pool, workers, gone, clock, settle } = await startedWorld(2);
    await pool.apply({ clusters: [clusterConfig('a'), clusterConfig('b')] });
    await pool.apply({ removedClusters: ['b'], clusters: [clusterConfig('a', '2')] });
    workers[0]!.crash();
    await settle();
    assert.equal(pool.serving, 1);
    assert.deepEqual(gone, [1]);
    clock.advance(0);
    await settle();
    assert.equal(pool.serving, 2);
    assert.deepEqual(workers[2]!.committed, ['cluster a 2']);
  });

  test('gives back what its network filters held, and its replacement shares with the others', async () => {
    const world = await startedWorld(2);
    const { pool, workers, clock } = world;
    const limit = { kind: 'catalogue', name: 'limit', config: {} } as const;
    const [match, tls] = [{} as never, undefined];
    const chain = { name: '', match, tls, earlyFilters: [limit], network: { ...limit, name: 'end' } };
    const listener = { ...listenerConfig('l', ipAddress('127.0.0.1', 1)), filterChains: [chain] };
    assert.deepEqual(await pool.apply({ listeners: [listener] }), []);
    const memoryOf = (at: number) => workers[at]!.listeners.get('l')!.filterChains[0]!.earlyFilters[0]!.shared!.memory;
    assert.equal(memoryOf(0), memoryOf(1));
    const [crashing, other] = [new MemoryNumbers(memoryOf(0), 0), new MemoryNumbers(memoryOf(1), 1)];
    assert.deepEqual([crashing.takePlace(2), other.takePlace(2), other.takePlace(2)], [true, true, false]);
    workers[0]!.crash();
    await world.settle();
    assert.deepEqual([other.takePlace(2), other.takePlace(2)], [true, false]);
    clock.advance(1);
    await world.settle();
    assert.equal(memoryOf(2), memoryOf(1));
  });

  test('gives back the places of its connections, and its replacement counts with the others', async () => {
    const downstream = sharedMemory(2);
    const world = await startedWorld(2, downstream);
    const { pool, workers, clock } = world;
    assert.deepEqual(await pool.apply({ listeners: [listenerConfig('l', ipAddress('127.0.0.1', 1))] }), []);
    const placesOf = (at: number) => workers[at]!.listeners.get('l')!.places!;
    assert.equal(placesOf(0), placesOf(1));
    const counted = [downstream, placesOf(0)];
    for (const memory of counted) assert.ok(new MemoryNumbers(memory, 0).takePlace(1));
    workers[0]!.crash();
    await world.settle();
    const free = counted.map((memory) => new MemoryNumbers(memory, 1).takePlace(1));
    assert.deepEqual(free, [true, true]);
    clock.advance(1);
    await world.settle();
    assert.equal(placesOf(2), placesOf(1));
  });

  test('again and again is replaced ever later', async () => {
    const world = await startedWorld(2);
    const delays: number[] = [];
    for (let crash = 0; crash < 5; crash++) {
      world.workers.at(-1)!.crash();
      await world.settle();
      const before = world.workers.length;
      let waited = 0;
      for (; world.workers.length === before; waited += 50) {
        world.clock.advance(waited === 0 ? 0 : 50);
        await world.settle();
      }
      delays.push(waited);
    }
    assert.deepEqual(delays, [50, 150, 250, 450, 850]);
    assert.deepEqual(world.fatal, []);
  });

  test('with all others and all replacements ends the process', async () => {
    const world = await startedWorld(2);
    world.onStart = (worker) => worker.crash('bad luck');
    for (const worker of [...world.workers]) worker.crash();
    for (let turn = 0; turn < 100 && world.fatal.length === 0; turn++) {
      await world.settle();
      world.clock.advance(1000);
    }
    assert.equal(world.fatal.length, 1);
  });

  test('stays away once the process drains', async () => {
    const { pool, workers, clock, settle } = await startedWorld(2);
    await pool.drain(10);
    workers[0]!.crash();
    await settle();
    clock.advance(60_000);
    await settle();
    assert.equal(workers.length, 2);
  });
});

test('the status of all workers is one', async () => {
  const { pool } = await startedWorld(3);
  await pool.apply({ listeners: [listenerConfig('l', ipAddress('127.0.0.1', 80))] });
  const { listeners } = await pool.status();
  assert.deepEqual(listeners, [{ name: 'l', address: ipAddress('127.0.0.1', 1), connections: 3 }]);
});
