import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HostileMesh } from './support/hostile-mesh.ts';
import { forSeeds } from './support/seeds.ts';
import { rpcProtocols } from './support/wires.ts';

/** Of each protocol, in processor time. */
const budgetMs = 150;

describe('peers that say anything hurt nobody else and are got rid of', () => {
  for (const protocol of ['http1', ...rpcProtocols] as const) {
    test(protocol, async (context) => {
      let answers = 0;
      const runs = await forSeeds(budgetMs, async (world) => {
        const mesh = new HostileMesh(world, protocol);
        await mesh.run();
        answers += mesh.ledger.counts.answer;
      });
      context.diagnostic(`${runs} runs, ${answers} answers to honest clients`);
      assert.ok(answers > 0);
    });
  }
});
