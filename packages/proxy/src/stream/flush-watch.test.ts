import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { TimerWheel } from '@sofamesh/base/timer-wheel';
import type { ServerStream } from '@sofamesh/contract/protocol';
import { FlushWatch } from './flush-watch.ts';

const timeoutMs = 1000;

class Waiting {
  unsent = true;
  abandoned = 0;

  abandon(): void {
    this.unsent = false;
    this.abandoned++;
  }
}

function made() {
  const clock = new ManualClock();
  let timeouts = 0;
  const watch = new FlushWatch(new TimerWheel(clock), timeoutMs, () => timeouts++);
  const add = () => {
    const stream = new Waiting();
    watch.add(stream as unknown as ServerStream, clock.now());
    return stream;
  };
  return { clock, watch, add, timeouts: () => timeouts };
}

describe('the watch over unsent responses', () => {
  test('gives each up in its own time, and none that was sent', () => {
    const { clock, add, timeouts } = made();
    const early = add();
    clock.advance(600);
    const [sent, late] = [add(), add()];
    sent.unsent = false;
    clock.advance(390);
    assert.equal(early.abandoned, 0);
    clock.advance(30);
    assert.deepEqual([early.abandoned, late.abandoned], [1, 0]);
    clock.advance(600);
    assert.deepEqual([early.abandoned, sent.abandoned, late.abandoned], [1, 0, 1]);
    assert.equal(timeouts(), 2);
  });

  test('begins anew when all were sent', () => {
    const { clock, add } = made();
    for (let round = 0; round < 3; round++) {
      const streams = Array.from({ length: 40 }, add);
      for (const stream of streams.slice(1)) stream.unsent = false;
      clock.advance(timeoutMs + 20);
      assert.equal(streams[0]!.abandoned, 1);
    }
  });

  test('does nothing when it was stopped', () => {
    const { clock, watch, add } = made();
    const stream = add();
    watch.stop();
    clock.advance(2 * timeoutMs);
    assert.equal(stream.abandoned, 0);
  });
});
