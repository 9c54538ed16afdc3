import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { LocalNumbers } from '@sofamesh/testkit/local-numbers';
import fc from 'fast-check';
import { TokenBucket } from './token-bucket.ts';

const startMs = Date.UTC(2026, 0, 1);

/** A clock whose wall a test may move. */
class WallClock extends ManualClock {
  wall = startMs;

  override wallMs(): number {
    return this.wall;
  }
}

function makeBucket(tokensMax: number, tokensPerFill: number, fillIntervalMs: number) {
  const clock = new WallClock();
  const shared = new LocalNumbers();
  const size = { tokensMax, tokensPerFill, fillIntervalMs };
  const bucket = new TokenBucket(size, clock, shared);
  const takeAll = () => {
    for (let count = 0; ; count++) if (!bucket.take()) return count;
  };
  return { clock, bucket, takeAll, another: () => new TokenBucket(size, clock, shared) };
}

describe('token bucket', () => {
  test('is full at first, and each token comes at its moment', () => {
    const { clock, takeAll } = makeBucket(2, 4, 4000);
    assert.equal(takeAll(), 2);
    clock.wall += 999;
    assert.equal(takeAll(), 0);
    clock.wall += 1;
    assert.equal(takeAll(), 1);
    clock.wall += 1500;
    assert.equal(takeAll(), 1);
    clock.wall += 500;
    assert.equal(takeAll(), 1, 'half a token is kept');
    clock.wall += 3_600_000;
    assert.equal(takeAll(), 2, 'never more than it holds');
  });

  test('is one for all who share its state', () => {
    const { bucket, another } = makeBucket(3, 1, 1000);
    const other = another();
    assert.deepEqual([bucket.take(), other.take(), bucket.take(), other.take()], [true, true, true, false]);
  });

  test('a clock that is set back empties it, and it fills again', () => {
    const { clock, takeAll } = makeBucket(2, 1, 1000);
    takeAll();
    clock.wall -= 86_400_000;
    assert.equal(takeAll(), 0);
    clock.wall += 1000;
    assert.equal(takeAll(), 1);
    clock.wall -= 100;
    assert.equal(takeAll(), 0, 'another thread may have read the clock a little later');
    clock.wall += 1100;
    assert.equal(takeAll(), 1);
  });

  test('may hold nothing, or more than will ever be asked for', () => {
    assert.equal(makeBucket(0, 1, 1000).takeAll(), 0);
    const century = makeBucket(200, 1, 31_557_600_000);
    assert.ok(century.takeAll() >= 140);
    const { bucket } = makeBucket(2 ** 32 - 1, 2 ** 32 - 1, 50);
    for (let count = 0; count < 1000; count++) assert.ok(bucket.take());
    makeBucket(2 ** 32 - 1, 1, Number.MAX_SAFE_INTEGER).bucket.take();
  });

  test('in any time gives no more than it held and was filled with, and all of that where it is asked in time', () => {
    const waits = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 60 });
    const sizes = fc.record({
      tokensMax: fc.integer({ min: 1, max: 20 }),
      tokensPerFill: fc.integer({ min: 1, max: 20 }),
      fillIntervalMs: fc.integer({ min: 50, max: 5000 }),
    });
    fc.assert(
      fc.property(sizes, waits, ({ tokensMax, tokensPerFill, fillIntervalMs }, pauses) => {
        const { clock, takeAll } = makeBucket(tokensMax, tokensPerFill, fillIntervalMs);
        let given = takeAll();
        let full = false;
        for (const pauseMs of pauses) {
          clock.wall += pauseMs;
          const now = takeAll();
          full ||= now === tokensMax;
          given += now;
        }
        const filled = ((clock.wall - startMs) * tokensPerFill) / fillIntervalMs;
        assert.ok(given <= tokensMax + filled + 1e-6, `${given} of ${tokensMax} + ${filled}`);
        // A token's time is rounded up to a microsecond.
        if (!full)
          assert.ok(given >= tokensMax + Math.floor(filled * 0.999) - 1, `${given} of ${tokensMax} + ${filled}`);
      }),
      { numRuns: 300 },
    );
  });
});
