import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConfigChange, ConfigObject, ConfigStore } from '@sofamesh/contract/config-store';

/** A store, and the hand of a user who edits what is behind it. */
export interface ConfigStoreWorld {
  makeStore(): ConfigStore;
  /** Puts a resource (YAML of one object) under a name of its own, or replaces what is under that name. */
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
  close(): Promise<void>;
}

const waitMs = 10_000;

function virtualService(name: string, timeout: string): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${name}, namespace: shop, labels: {team: a}}
spec:
  hosts: [${name}.shop]
  http:
  - timeout: ${timeout}
    route: [{destination: {host: ${name}.shop}}]
`;
}

interface Timed {
  readonly http: readonly { readonly timeout?: string }[];
}

/** `a 1s`, sorted: what the store has. */
function linesOf(objects: readonly ConfigObject[]): string[] {
  return objects.map(({ metadata, spec }) => `${metadata.name} ${(spec as Timed).http[0]?.timeout}`).sort();
}

async function until(condition: () => boolean, what: () => unknown): Promise<void> {
  const startMs = performance.now();
  while (!condition()) {
    if (performance.now() - startMs > waitMs) assert.fail(`never came about: ${JSON.stringify(what())}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What every store promises. The source is empty at the start. */
export function configStoreSuite(name: string, makeWorld: () => Promise<ConfigStoreWorld>): void {
  describe(`config store ${name}`, () => {
    const withStore = (
      what: string,
      run: (world: ConfigStoreWorld, store: ConfigStore, changes: ConfigChange[]) => Promise<void>,
      before: (world: ConfigStoreWorld) => Promise<void> = async () => {},
    ) =>
      test(what, async () => {
        const world = await makeWorld();
        await before(world);
        const store = world.makeStore();
        const changes: ConfigChange[] = [];
        try {
          await store.start((change) => changes.push(change));
          await run(world, store, changes);
        } finally {
          await store.stop();
          await world.close();
        }
      });
    const has = (store: ConfigStore, ...lines: string[]) =>
      until(
        () => linesOf(store.snapshot().objects).join() === lines.join(),
        () => linesOf(store.snapshot().objects),
      );

    withStore(
      'everything is there when it has started, and says where it stands',
      async (_world, store, changes) => {
        const { objects, findings } = store.snapshot();
        assert.deepEqual(linesOf(objects), ['a 1s', 'b 2s']);
        assert.deepEqual(findings, []);
        assert.deepEqual(changes, []);
        const [a] = objects.filter(({ metadata }) => metadata.name === 'a');
        assert.equal(a!.kind, 'VirtualService');
        assert.equal(a!.metadata.namespace, 'shop');
        assert.deepEqual(a!.metadata.labels, { team: 'a' });
        assert.ok(a!.source.file.length > 0 && a!.source.line >= 1);
      },
      async (world) => {
        await world.write('one', virtualService('a', '1s'));
        await world.write('two', virtualService('b', '2s'));
      },
    );

    withStore('additions, changes and removals are told, each with what differs', async (world, store, changes) => {
      await world.write('one', virtualService('a', '1s'));
      await has(store, 'a 1s');
      await world.write('two', virtualService('b', '2s'));
      await has(store, 'a 1s', 'b 2s');
      const [before] = store.snapshot().objects.filter(({ metadata }) => metadata.name === 'a');
      const seen = changes.length;
      await world.write('two', virtualService('b', '3s'));
      await has(store, 'a 1s', 'b 3s');
      await until(
        () => changes.length > seen,
        () => changes,
      );
      assert.deepEqual(linesOf(changes.slice(seen).flatMap(({ changed }) => changed)), ['b 3s']);
      const [after] = store.snapshot().objects.filter(({ metadata }) => metadata.name === 'a');
      assert.equal(after, before, 'what did not change is the same object');
      await world.remove('two');
      await has(store, 'a 1s');
      await until(
        () => changes.some(({ removed }) => removed.length > 0),
        () => changes,
      );
      assert.deepEqual(linesOf(changes.flatMap(({ removed }) => removed)), ['b 3s']);
      const revisions = changes.map(({ revision }) => revision);
      assert.deepEqual(
        revisions,
        revisions.toSorted((x, y) => x - y),
      );
      assert.equal(new Set(revisions).size, revisions.length);
    });

    withStore('what becomes unreadable is a finding, stays in force, and harms nothing else', async (world, store) => {
      await world.write('one', virtualService('a', '1s'));
      await world.write('two', virtualService('b', '2s'));
      await has(store, 'a 1s', 'b 2s');
      await world.write('one', 'apiVersion: [');
      await until(
        () => store.snapshot().findings.some(({ level }) => level === 'error'),
        () => store.snapshot().findings,
      );
      const [finding] = store.snapshot().findings;
      assert.ok(finding!.file !== '' && finding!.line >= 1 && finding!.reason !== '');
      assert.deepEqual(linesOf(store.snapshot().objects), ['a 1s', 'b 2s']);
      await world.write('two', virtualService('b', '4s'));
      await has(store, 'a 1s', 'b 4s');
      await world.write('one', virtualService('a', '5s'));
      await has(store, 'a 5s', 'b 4s');
      await until(
        () => store.snapshot().findings.length === 0,
        () => store.snapshot().findings,
      );
    });

    withStore('a field that is wrong is named, with its value', async (world, store) => {
      await world.write('one', virtualService('a', 'soon'));
      await until(
        () => store.snapshot().findings.length > 0,
        () => store.snapshot().findings,
      );
      const [finding] = store.snapshot().findings;
      assert.equal(finding!.path, 'spec.http[0].timeout');
      assert.match(finding!.value, /soon/);
      assert.deepEqual(store.snapshot().objects, []);
    });

    withStore('objects are frozen, and a snapshot that was taken stays as it was', async (world, store) => {
      await world.write('one', virtualService('a', '1s'));
      await has(store, 'a 1s');
      const taken = store.snapshot();
      assert.ok(Object.isFrozen(taken.objects[0]!.spec));
      await world.remove('one');
      await has(store);
      assert.deepEqual(linesOf(taken.objects), ['a 1s']);
    });
  });
}
