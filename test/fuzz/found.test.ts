import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRandom } from '@sofamesh/base/random';
import { examine, examineThoroughly } from './examine.ts';
import { foundInputs } from './found-inputs.ts';
import { targets } from './targets/index.ts';

describe('what a fuzz run has found', () => {
  for (const { target: name, name: file, bytes } of foundInputs()) {
    test(`${name}/${file}`, async () => {
      const target = targets.find((each) => each.name === name);
      assert.ok(target !== undefined, `there is no target ${name}`);
      const outcome = await examineThoroughly(target, bytes, new SeededRandom(1));
      assert.equal(outcome.kind, 'fine', 'message' in outcome ? outcome.message : '');
    });
  }
});

describe('what a fuzz run begins with', () => {
  for (const target of targets) {
    test(target.name, async () => {
      const corpus = target.corpus();
      assert.ok(corpus.length > 0);
      const random = new SeededRandom(1);
      for (const input of corpus) {
        const outcome = await examine(target, input, random);
        assert.equal(outcome.kind, 'fine', 'message' in outcome ? outcome.message : '');
      }
    });
  }
});
