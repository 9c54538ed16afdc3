import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Mesh, type Scenario } from './support/scenario.ts';
import { forSeeds } from './support/seeds.ts';

const scenarios: readonly Scenario[] = [
  { protocol: 'http1', hops: ['proxy'] },
  { protocol: 'http1', hops: ['proxy', 'proxy'] },
  { protocol: 'bolt', hops: ['proxy'] },
  { protocol: 'bolt', hops: ['proxy', 'proxy'] },
  { protocol: 'dubbo', hops: ['proxy'] },
  { protocol: 'dubbo', hops: ['proxy', 'proxy'] },
  { protocol: 'http1', hops: ['tcp', 'proxy'] },
  { protocol: 'bolt', hops: ['tcp', 'proxy'] },
];

/** Of each scenario, in processor time: a run of HTTP takes longer. */
const budgetMs = { http: 700, rpc: 400 };

describe('every call has one ending, its own, whatever goes wrong', () => {
  for (const scenario of scenarios) {
    test(`${scenario.protocol} through ${scenario.hops.join(' and ')}`, async (context) => {
      const sums: Record<string, number> = {};
      const runs = await forSeeds(scenario.protocol === 'http1' ? budgetMs.http : budgetMs.rpc, async (world) => {
        const mesh = new Mesh(world, scenario);
        await mesh.run();
        for (const [ending, count] of Object.entries(mesh.ledger.counts)) sums[ending] = (sums[ending] ?? 0) + count;
      });
      context.diagnostic(`${runs} runs: ${JSON.stringify(sums)}`);
      assert.ok(sums['answer']! > 0);
    });
  }
});
