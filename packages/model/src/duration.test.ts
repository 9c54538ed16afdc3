import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { durationMs, parseDurationMs } from './duration.ts';

describe('durations', () => {
  for (const [text, ms] of [
    ['0', 0],
    ['1s', 1_000],
    ['1.1s', 1_100],
    ['.5s', 500],
    ['1h30m', 5_400_000],
    ['300ms', 300],
    ['0.3s0.6s', 900],
    ['1us', 0.001],
    ['-2s', -2_000],
    ['-0s', 0],
  ] as const) {
    test(`${text} is ${ms} ms`, () => assert.equal(durationMs(text), ms));
  }

  for (const text of [
    '',
    '1',
    's',
    '1 s',
    '1S',
    '+',
    '1s ',
    '1d',
    '1e3s',
    `${'9'.repeat(20)}h`,
    '1'.repeat(70),
    '１s',
  ]) {
    test(`${JSON.stringify(text.slice(0, 12))} is none`, () => {
      assert.equal(parseDurationMs(text), undefined);
      assert.throws(() => durationMs(text), RangeError);
    });
  }

  test('whole milliseconds are kept exactly', () => {
    fc.assert(
      fc.property(fc.nat({ max: 10 ** 9 }), (ms) => {
        assert.equal(parseDurationMs(`${ms}ms`), ms);
        assert.equal(parseDurationMs(`${Math.floor(ms / 1_000)}s${ms % 1_000}ms`), ms);
      }),
    );
  });
});
