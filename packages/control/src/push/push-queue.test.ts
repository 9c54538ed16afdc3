import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '@sofamesh/base/logger';
import type { MeshSnapshot, NamedResource, ProxyNode, ProxyResources } from '@sofamesh/translate/input';
import { type KindChange, ProxyView, type Translate } from './proxy-view.ts';
import { PushQueue } from './push-queue.ts';

const node = (name: string): ProxyNode => ({
  id: `sidecar~127.0.0.1~${name}.shop~shop.svc.cluster.local`,
  type: 'sidecar',
  address: '127.0.0.1',
  addresses: ['127.0.0.1'],
  name,
  namespace: 'shop',
  labels: {},
  interceptionMode: 'NONE',
  userAgent: 'mosn',
  typeUrls: new Set(),
});

const snapshot = (revision: number): MeshSnapshot => ({
  revision,
  services: [],
  objects: [],
  mesh: {
    rootNamespace: 'istio-system',
    domain: 'cluster.local',
    outboundTrafficPolicy: 'ALLOW_ANY',
    accessLogFile: '',
    accessLogFormat: '',
    connectTimeoutMs: 10_000,
  },
});

const resource = (name: string, text: string): NamedResource => ({ name, bytes: Buffer.from(text) });
const nothing: ProxyResources = { clusters: [], endpoints: [], listeners: [], routes: [], notes: [] };

/** A world in which the test decides what is translated, and when other events have had their turn. */
function makeWorld() {
  let resources = nothing;
  let fails = '';
  let nowMs = 0;
  const turns: (() => void)[] = [];
  const failures: string[] = [];
  const translated: string[] = [];
  const translate: Translate = ({ name }) => {
    translated.push(name);
    nowMs += 6;
    if (name === fails) throw new Error('no');
    return resources;
  };
  const queue = new PushQueue(snapshot(1), {
    logger: silentLogger,
    observer: { updated() {}, failed: (view, reason) => failures.push(`${view.node.name}: ${reason}`) },
    now: () => nowMs,
    yieldTurn: (resume) => turns.push(resume),
  });
  return {
    queue,
    turns,
    failures,
    translated,
    add(name: string): { view: ProxyView; sent: KindChange[] } {
      const sent: KindChange[] = [];
      const view = new ProxyView(node(name), translate);
      queue.add(view, (changes) => sent.push(...changes));
      return { view, sent };
    },
    have(some: Partial<ProxyResources>) {
      resources = { ...nothing, ...some };
    },
    fail(name: string) {
      fails = name;
    },
    run() {
      for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) turn();
    },
  };
}

describe('push queue', () => {
  test('a new proxy has everything at once, and only changes are sent', () => {
    const world = makeWorld();
    world.have({ clusters: [resource('a', '1'), resource('b', '1')], routes: [resource('r', '1')] });
    const { view, sent } = world.add('web');
    assert.deepEqual(
      view.view('clusters').resources.map(({ name }) => name),
      ['a', 'b'],
    );
    assert.deepEqual(sent, []);

    world.have({ clusters: [resource('a', '2'), resource('c', '1')], routes: [resource('r', '1')] });
    world.queue.publish(snapshot(2));
    world.run();
    assert.deepEqual(sent, [{ kind: 'clusters', changed: ['a', 'c'], removed: ['b'] }]);
    assert.equal(view.view('clusters').version, '2');
    assert.equal(view.view('routes').version, '1');
  });

  test('work is cut in slices, and a newer snapshot overtakes what waits', () => {
    const world = makeWorld();
    const names = ['a', 'b', 'c', 'd', 'e'];
    const views = names.map((name) => world.add(name).view);
    world.translated.length = 0;
    world.queue.publish(snapshot(2));
    world.turns.shift()!();
    assert.deepEqual(world.translated, ['a', 'b']);
    assert.equal(world.queue.backlog, 3);
    world.queue.publish(snapshot(3));
    world.run();
    assert.ok(views.every(({ revision }) => revision === 3));
    assert.equal(world.translated.length, 7, 'only those who had the older one come again');
  });

  test('one proxy whose translation fails keeps what it has and holds nobody up', () => {
    const world = makeWorld();
    world.have({ clusters: [resource('a', '1')] });
    const [bad, good] = [world.add('bad'), world.add('good')];
    world.have({ clusters: [resource('a', '2')] });
    world.fail('bad');
    world.queue.publish(snapshot(2));
    world.run();
    assert.deepEqual(world.failures, ['bad: no']);
    assert.equal(bad.view.view('clusters').version, '1');
    assert.equal(good.view.view('clusters').version, '2');
  });

  test('a proxy that left is not translated any more', () => {
    const world = makeWorld();
    const { view } = world.add('web');
    world.queue.publish(snapshot(2));
    world.queue.remove(view);
    world.translated.length = 0;
    world.run();
    assert.deepEqual(world.translated, []);
  });
});
