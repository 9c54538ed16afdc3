import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bench } from './bench.ts';

/** The first bytes decide, and decide the same in whatever pieces they come. */
export function detectionTests(bench: Bench): void {
  const { protocol, fixtures } = bench;
  const opening = fixtures.opening?.fromClient() ?? Buffer.alloc(0);
  const samples = fixtures.oneWay === undefined ? fixtures.exchanges : [...fixtures.exchanges, fixtures.oneWay];

  test('knows its own requests, whatever their id', () => {
    for (const sample of samples) {
      for (const id of [1, 0x7fff_ffff]) {
        const request = Buffer.concat([opening, sample.request(id)]);
        const verdicts = Array.from({ length: request.length + 1 }, (_, end) =>
          protocol.detect(request.subarray(0, end)),
        );
        const decided = verdicts.indexOf('match');
        assert.equal(verdicts[0], 'more', 'nothing decides nothing');
        assert.ok(decided > 0, `${sample.name}: ${new Set(verdicts)}`);
        assert.deepEqual(new Set(verdicts.slice(0, decided)), new Set(['more']));
        assert.deepEqual(new Set(verdicts.slice(decided)), new Set(['match']));
      }
    }
  });

  test('tells other protocols from itself', () => {
    for (const bytes of fixtures.notMine ?? []) {
      const verdicts = Array.from({ length: bytes.length + 1 }, (_, end) => protocol.detect(bytes.subarray(0, end)));
      const decided = verdicts.indexOf('mismatch');
      assert.ok(decided > 0, `${bytes.toString('latin1')}: ${new Set(verdicts)}`);
      assert.deepEqual(new Set(verdicts.slice(0, decided)), new Set(['more']));
      assert.deepEqual(new Set(verdicts.slice(decided)), new Set(['mismatch']));
    }
  });
}
