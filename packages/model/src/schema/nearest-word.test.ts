import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestWord } from './nearest-word.ts';

test('the word that was probably meant', () => {
  const words = ['hosts', 'ports', 'endpoints', 'workloadSelector', 'tls'];
  for (const [word, near] of [
    ['host', 'hosts'],
    ['hsots', 'hosts'],
    ['prots', 'ports'],
    ['workload_selector', 'workloadSelector'],
    ['WorkloadSelectr', 'workloadSelector'],
    ['endpionts', 'endpoints'],
    ['tsl', 'tls'],
    ['x', undefined],
    ['gateways', undefined],
    ['a'.repeat(10_000), undefined],
  ] as const) {
    assert.equal(nearestWord(word, words), near, word);
  }
});
