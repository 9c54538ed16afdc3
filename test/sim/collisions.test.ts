import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { drawRpcScenario } from './support/rpc-scenarios.ts';
import { Mesh } from './support/scenario.ts';
import { forSeeds } from './support/seeds.ts';
import { rpcProtocols } from './support/wires.ts';

const clients = 100;
/** Of each protocol, in processor time; a run with so many clients takes long by itself. */
const budgetMs = 100;

for (const crowd of [undefined, clients]) {
  const seedsMin = crowd === undefined ? 4 : 2;
  const who = crowd === undefined ? 'a few clients with many calls each' : `${crowd} clients`;
  describe(`the ids of ${who} collide, and every call has its own ending`, () => {
    for (const protocol of rpcProtocols) {
      test(protocol, async (context) => {
        const sums: Record<string, number> = {};
        const runs = await forSeeds(
          budgetMs,
          async (world) => {
            const scenario = drawRpcScenario(world, protocol);
            const mesh = new Mesh(world, crowd === undefined ? scenario : { ...scenario, crowd });
            await mesh.run();
            for (const [ending, count] of Object.entries(mesh.ledger.counts))
              sums[ending] = (sums[ending] ?? 0) + count;
          },
          seedsMin,
        );
        context.diagnostic(`${runs} runs: ${JSON.stringify(sums)}`);
        assert.ok(sums['answer']! > 0);
      });
    }
  });
}
