// The same bytes through a stock Envoy and through mosn, with the same scripted upstream behind each: what the client and the
// upstream get must be the same, but for the differences that are written down in envoy-diff/differences.ts, which must be there.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { ensureEnvoy } from '../peers/envoy.ts';
import { requirePeers } from '../peers/peer.ts';
import { cases, themes } from './envoy-diff/cases/index.ts';
import { compareProxies, type Outcome, printDifference } from './envoy-diff/compare.ts';
import { isAsRecorded, readRecorded, reasonFor, reasons } from './envoy-diff/differences.ts';

const { skip } = await requirePeers({ envoy: ensureEnvoy });
const recorded = readRecorded();

test('every difference that is written down has a case and a reason, and every reason a difference', () => {
  const names = cases.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length, 'names of cases are unique');
  for (const name of Object.keys(recorded)) {
    assert.ok(names.includes(name), `no case ${name}`);
    assert.ok(reasonFor(name) !== undefined, `no reason for ${name}`);
  }
  for (const { reason, cases: pattern } of reasons) {
    assert.ok(
      Object.keys(recorded).some((name) => pattern.test(name)),
      `no difference because ${reason}`,
    );
  }
});

describe('mosn beside Envoy', { skip }, () => {
  const outcomes = new Map<string, Outcome>();
  before(async () => {
    for (const outcome of await compareProxies(cases, recorded)) outcomes.set(outcome.case.name, outcome);
    const different = [...outcomes.values()].filter(({ difference }) => difference !== undefined);
    console.log(`${outcomes.size} cases, ${different.length} different`);
  });
  for (const [theme, list] of Object.entries(themes)) {
    describe(theme, () => {
      for (const { name } of list) {
        test(name, () => {
          const { difference } = outcomes.get(name)!;
          const known = recorded[name];
          assert.ok(
            isAsRecorded(name, difference, known),
            `is\n${printDifference(difference)}\n  written down is\n${printDifference(known)}`,
          );
        });
      }
    });
  }
});
