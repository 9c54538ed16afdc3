import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { goDurationMs, secondsText } from './go-duration.ts';

describe('durations of Go', () => {
  test('are sums of numbers with units, or nanoseconds', () => {
    const examples = {
      '1h30m': 5_400_000,
      '1.5s': 1500,
      '2s500ms': 2500,
      '.5s': 500,
      '3us': 0.003,
      '3µs': 0.003,
      '0': 0,
    };
    for (const [text, milliseconds] of Object.entries(examples)) assert.equal(goDurationMs(text), milliseconds, text);
    assert.equal(goDurationMs(1_500_000_000), 1500);
    assert.equal(goDurationMs(0), 0);
  });

  test('anything else is none', () => {
    const others = ['', '5', 's', '1 s', '1s ', '-1s', '+1s', '1d', '1e3s', '1..5s', -1, 1.5, Number.NaN, true, [], {}];
    for (const other of others) assert.equal(goDurationMs(other), undefined, JSON.stringify(other));
    assert.equal(goDurationMs(`${'9'.repeat(400)}h`), undefined);
  });

  test('are written as protobuf has them', () => {
    assert.equal(secondsText(1500), '1.5s');
    assert.equal(secondsText(0), '0s');
    assert.equal(secondsText(0.000001), '0.000000001s');
  });

  test('any nanoseconds survive', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 52 }), (nanoseconds) => {
        assert.match(secondsText(goDurationMs(nanoseconds)!), /^\d+(\.\d{1,9})?s$/);
      }),
    );
  });
});
