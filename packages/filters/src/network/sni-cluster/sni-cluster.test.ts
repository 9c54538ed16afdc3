import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NetworkFilterWorld, networkFilterSuite } from '@sofamesh/testkit/network-filter-suite/index';
import { reader } from './config.ts';
import { kind } from './sni-cluster.ts';

networkFilterSuite(kind, { reader, configs: [{ name: 'as it is', message: new Uint8Array() }] });

test('a server name is the cluster, before what another filter chose; none changes nothing', () => {
  const world = new NetworkFilterWorld(kind, undefined);
  world.connect({ requestedServerName: 'shop' });
  world.connect({ requestedServerName: 'shop' }, { cluster: 'other' });
  world.connect({ requestedServerName: '' });
  world.connect();
  assert.deepEqual(world.behind.states, [{ cluster: 'shop' }, { cluster: 'shop' }, undefined, undefined]);
});
