import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RelayMesh } from './support/relay-mesh.ts';
import { forSeeds } from './support/seeds.ts';

/** Of each number of proxies, in processor time. */
const budgetMs = 300;

describe('service level RELAY: what goes in comes out, both ways, to its end or to where it broke', () => {
  for (const hops of [1, 2]) {
    test(`through ${hops}`, async (context) => {
      let bytes = 0;
      const runs = await forSeeds(budgetMs, async (world) => {
        const mesh = new RelayMesh(world, hops);
        await mesh.run();
        bytes += mesh.arrivedBytes;
      });
      context.diagnostic(`${runs} runs, ${bytes} bytes`);
      assert.ok(bytes > 0);
    });
  }
});
