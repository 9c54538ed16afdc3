import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import type { CatalogueFilterConfig, FilterChainConfig, ListenerConfig } from '@sofamesh/proxy/config/listener';
import { MemoryNumbers, sharedMemory } from '@sofamesh/proxy/listener/shared-numbers';
import { SharedMemories } from './shared-memories.ts';
import { listenerConfig } from './test-support/scripted-worker.ts';

const limit = (max: number, sharesAs?: string): CatalogueFilterConfig => ({
  kind: 'catalogue',
  name: 'limit',
  config: { max },
  ...(sharesAs !== undefined && { sharesAs }),
});

/** A chain for one server name. */
function chain(serverName: string, ...earlyFilters: CatalogueFilterConfig[]): FilterChainConfig {
  const match = { serverNames: [serverName] } as unknown as FilterChainConfig['match'];
  return { name: '', match, tls: undefined, earlyFilters, network: { ...limit(0), name: 'end' } };
}

function listener(name: string, ...filterChains: FilterChainConfig[]): ListenerConfig {
  return { ...listenerConfig(name, ipAddress('127.0.0.1', 80)), filterChains };
}

class World {
  readonly memories = new SharedMemories(2);

  /** Ids of the early filters' memories, by listener. */
  apply(listeners: readonly ListenerConfig[], refused: readonly string[] = [], removed: readonly string[] = []) {
    const update = this.memories.attach({ listeners });
    this.memories.commit(
      refused.map((name) => ({ kind: 'listener', name, reason: '' })),
      removed,
    );
    return update.listeners!.map(({ filterChains }) =>
      filterChains.flatMap(({ earlyFilters }) => earlyFilters.map(({ shared }) => shared!.id)),
    );
  }
}

describe('memory that workers share', () => {
  test('each filter has its own, the last one of a chain too', () => {
    const { memories } = new World();
    const update = memories.attach({
      listeners: [{ ...listener('a', chain('x', limit(1), limit(1))), defaultFilterChain: chain('y', limit(1)) }],
    });
    const [found] = update.listeners!;
    const all = [...found!.filterChains, found!.defaultFilterChain!].flatMap(({ earlyFilters, network }) => [
      ...earlyFilters.map(({ shared }) => shared!),
      network.kind === 'catalogue' ? network.shared! : assert.fail(),
    ]);
    assert.deepEqual(new Set(all.map(({ id }) => id)).size, 5);
    assert.deepEqual(new Set(all.map(({ memory }) => memory)).size, 5);
    assert.equal(memories.attach({ clusters: [] }).listeners, undefined);
  });

  test('stays while the filter does, wherever its chain stands', () => {
    const world = new World();
    const [[first, second] = []] = world.apply([listener('a', chain('x', limit(1)), chain('y', limit(1)))]);
    const [again] = world.apply([listener('a', chain('new', limit(1)), chain('y', limit(1)), chain('x', limit(1)))]);
    assert.deepEqual(again!.slice(1), [second, first]);
    assert.ok(!again!.slice(1).includes(again![0]!));
    const [changed] = world.apply([listener('a', chain('x', limit(2)), chain('y', limit(1)))]);
    assert.equal(changed![1], second);
    assert.notEqual(changed![0], first);
  });

  test('of a listener that is refused, or removed, is forgotten; what it had before is not', () => {
    const world = new World();
    const [before] = world.apply([listener('a', chain('x', limit(1)))]);
    world.apply([listener('a', chain('x', limit(2)))], ['a']);
    assert.deepEqual(world.apply([listener('a', chain('x', limit(1)))]), [before]);
    world.memories.attach({ listeners: [listener('a', chain('x', limit(3)))] });
    assert.deepEqual(world.apply([listener('a', chain('x', limit(1)))]), [before], 'never committed');
    world.apply([], [], ['a']);
    assert.notDeepEqual(world.apply([listener('a', chain('x', limit(1)))]), [before]);
  });

  test('is one for filters that say so, in any listener', () => {
    const world = new World();
    const [[one, two] = [], [three] = []] = world.apply([
      listener('a', chain('x', limit(1, 'key')), chain('y', limit(1, 'key'))),
      listener('b', chain('x', limit(1, 'key'))),
    ]);
    assert.deepEqual([two, three], [one, one]);
    assert.deepEqual(world.apply([listener('c', chain('x', limit(1, 'key'), limit(1, 'other')))])[0]![0], one);
  });

  test('counts the connections of a listener as long as its name is there', () => {
    const { memories } = new World();
    const placesAfter = (refused: boolean, ...names: readonly string[]) => {
      const { listeners } = memories.attach({ listeners: names.map((name) => listener(name, chain('x'))) });
      const rejections = names.map((name) => ({ kind: 'listener' as const, name, reason: '' }));
      memories.commit(refused ? rejections : [], []);
      return listeners!.map(({ places }) => places!);
    };
    const [early] = placesAfter(true, 'a');
    const [first, other] = placesAfter(false, 'a', 'b');
    assert.equal(new Set([early, first, other]).size, 3);
    assert.equal(placesAfter(true, 'a')[0], first);
    assert.equal(placesAfter(false, 'a')[0], first);
    memories.commit([], ['a']);
    assert.notEqual(placesAfter(false, 'a')[0], first);
    assert.equal(placesAfter(false, 'b')[0], other);
  });

  test('of connections is given back by a worker that is gone, before the listener is committed, too', () => {
    const all = sharedMemory(2);
    const memories = new SharedMemories(2, all);
    const taken = [all, ...memories.attach({ listeners: [listener('a')] }).listeners!.map(({ places }) => places!)];
    const left = taken.map((memory) => new MemoryNumbers(memory, 1));
    for (const memory of taken) assert.ok(new MemoryNumbers(memory, 0).takePlace(1));
    assert.deepEqual([left[0]!.takePlace(1), left[1]!.takePlace(1)], [false, false]);
    memories.release(0);
    assert.deepEqual([left[0]!.takePlace(1), left[1]!.takePlace(1)], [true, true]);
    memories.commit([], []);
    memories.release(1);
    assert.ok(new MemoryNumbers(taken[1]!, 0).takePlace(1));
  });

  test('gets back the places of a worker that is gone, once', () => {
    const world = new World();
    const update = world.memories.attach({
      listeners: [listener('a', chain('x', limit(1, 'key')), chain('y', limit(1, 'key')))],
    });
    world.memories.commit([], []);
    const { memory } = update.listeners![0]!.filterChains[0]!.earlyFilters[0]!.shared!;
    const [gone, left] = [new MemoryNumbers(memory, 0), new MemoryNumbers(memory, 1)];
    for (const numbers of [gone, gone, left]) assert.ok(numbers.takePlace(3));
    world.memories.release(0);
    assert.deepEqual([left.takePlace(3), left.takePlace(3), left.takePlace(3)], [true, true, false]);
  });
});
