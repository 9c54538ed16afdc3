import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BackOff } from './back-off.ts';

test('the interval doubles to its ceiling, is drawn from in full, and starts anew after a success', () => {
  const almostOne = { next: () => 0.999999 };
  const backOff = new BackOff(almostOne);
  const delays = Array.from({ length: 8 }, () => backOff.nextMs());
  assert.deepEqual(delays, [499, 999, 1999, 3999, 7999, 15999, 29999, 29999]);
  backOff.reset();
  assert.equal(backOff.nextMs(), 499);
  assert.equal(new BackOff({ next: () => 0 }).nextMs(), 0);
});
