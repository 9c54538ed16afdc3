import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '@sofamesh/base/logger';
import { ManualClock } from '@sofamesh/base/manual-clock';
import type { ConfigChange, ConfigObject, ConfigStore } from '@sofamesh/contract/config-store';
import type { Registry, RegistrySink, Service } from '@sofamesh/contract/registry';
import type { MeshSettings, MeshSnapshot } from '@sofamesh/translate/input';
import { MeshState } from './mesh-state.ts';

const settings: MeshSettings = {
  rootNamespace: 'istio-system',
  domain: 'cluster.local',
  outboundTrafficPolicy: 'ALLOW_ANY',
  accessLogFile: '',
  accessLogFormat: '',
  connectTimeoutMs: 10_000,
};

class ScriptedStore implements ConfigStore {
  readonly name = 'scripted';
  objects: readonly ConfigObject[] = [];
  #onChange: (change: ConfigChange) => void = () => {};

  async start(onChange: (change: ConfigChange) => void): Promise<void> {
    this.#onChange = onChange;
  }

  snapshot() {
    return { revision: 1, objects: this.objects, findings: [] };
  }

  change(...objects: ConfigObject[]): void {
    this.objects = objects;
    this.#onChange({ revision: 1, changed: objects, removed: [] });
  }

  async stop(): Promise<void> {}
}

function registryOf(name: string, start: (sink: RegistrySink) => Promise<void>): Registry {
  return { name, start, async stop() {} };
}

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

const virtualService = (name: string): ConfigObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'VirtualService',
  metadata: { name, namespace: 'shop', labels: {}, annotations: {} },
  spec: {},
  source: { file: 'a.yaml', line: 1 },
});

async function makeWorld(registries: readonly Registry[] = []) {
  const clock = new ManualClock();
  const store = new ScriptedStore();
  const snapshots: MeshSnapshot[] = [];
  const state = new MeshState({
    store,
    registries,
    settings,
    clock,
    logger: silentLogger,
    onSnapshot: (snapshot) => snapshots.push(snapshot),
  });
  await state.start();
  return { clock, store, state, snapshots };
}

describe('mesh state', () => {
  test('a burst of changes becomes one snapshot, and an endless one does not starve it', async () => {
    const { clock, store, snapshots } = await makeWorld();
    assert.equal(snapshots.length, 1);
    for (let at = 0; at < 5; at++) {
      store.change(virtualService(`v${at}`));
      clock.advance(10);
    }
    assert.equal(snapshots.length, 1);
    clock.advance(20);
    assert.equal(snapshots.length, 2);
    assert.deepEqual(
      snapshots[1]!.objects.map(({ metadata }) => metadata.name),
      ['v4'],
    );
    for (let at = 0; at < 60; at++) {
      store.change(virtualService(`w${at}`));
      clock.advance(10);
    }
    assert.ok(snapshots.length >= 3 && snapshots.length <= 6, `${snapshots.length} snapshots in 600 ms`);
  });

  test('what did not change stays the same object', async () => {
    const { clock, store, snapshots } = await makeWorld();
    const [kept, changed] = [virtualService('kept'), virtualService('changed')];
    store.change(kept, changed);
    clock.advance(50);
    store.change(kept, changed);
    clock.advance(50);
    assert.equal(snapshots.length, 3);
    assert.equal(snapshots[2]!.objects, snapshots[1]!.objects);
    assert.equal(snapshots[2]!.services, snapshots[1]!.services);
    assert.ok(snapshots[2]!.revision > snapshots[1]!.revision);
  });

  test('registries add services, the first of two wins, and one that fails is left out', async () => {
    let sink: RegistrySink | undefined;
    const working = registryOf('b', async (given) => {
      sink = given;
      given.putService(service('one.shop'));
    });
    const later = registryOf('c', async (given) => given.putService(service('one.shop')));
    const failing = registryOf('a', () => Promise.reject(new Error('no')));
    const { clock, snapshots, state } = await makeWorld([later, failing, working]);
    assert.deepEqual(
      snapshots[0]!.services.map((entry) => entry.service.host),
      ['one.shop'],
    );
    assert.deepEqual(
      state.conflicts.map(({ host, reason }) => `${host} ${reason}`),
      ['one.shop is defined twice; the one of registry c is not used'],
    );
    const [before] = snapshots[0]!.services;
    sink!.putService(service('two.shop'));
    clock.advance(50);
    assert.equal(snapshots[1]!.services.length, 2);
    assert.equal(snapshots[1]!.services[0], before, 'the other service is the same object');
  });

  test('nothing comes after a stop', async () => {
    const { clock, store, state, snapshots } = await makeWorld();
    store.change(virtualService('v'));
    await state.stop();
    store.change(virtualService('w'));
    clock.advance(1_000);
    assert.equal(snapshots.length, 1);
  });
});
