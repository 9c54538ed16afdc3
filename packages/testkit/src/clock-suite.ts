import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Clock } from '@sofamesh/contract/clock';

export interface ClockWorld {
  readonly clock: Clock;
  /** Lets at least this much of the clock's time go by, and what is due then happen. */
  pass(ms: number): Promise<void>;
}

/** How often what is overdue is waited for. */
const patience = 20;

/** What every clock promises. `stepMs`: a delay that the clock can tell from twice of it. */
export function clockSuite(name: string, makeWorld: () => ClockWorld, stepMs: number): void {
  describe(`clock ${name}`, () => {
    test('never goes backwards, and time that is waited for has gone by', async () => {
      const { clock, pass } = makeWorld();
      const startMs = clock.now();
      let lastMs = startMs;
      for (let at = 0; at < 100; at++) {
        const nowMs = clock.now();
        assert.ok(nowMs >= lastMs);
        lastMs = nowMs;
      }
      await pass(stepMs);
      assert.ok(clock.now() - startMs >= stepMs);
    });

    test('has a wall clock that goes with it', async () => {
      const { clock, pass } = makeWorld();
      const startMs = clock.wallMs();
      assert.ok(startMs > Date.UTC(2020, 0, 1));
      await pass(stepMs);
      // The system may have set its wall clock meanwhile, by a little.
      assert.ok(clock.wallMs() >= startMs + stepMs - 5);
    });

    test('runs an action once, not before its time and never inside the call', async () => {
      const { clock, pass } = makeWorld();
      const startMs = clock.now();
      const ranMs: number[] = [];
      clock.after(stepMs, () => ranMs.push(clock.now()));
      clock.after(0, () => ranMs.push(clock.now()));
      assert.deepEqual(ranMs, []);
      await pass(3 * stepMs);
      assert.equal(ranMs.length, 2);
      // A timer of whole milliseconds may be early by the fraction.
      assert.ok(ranMs[1]! - startMs >= stepMs - 1, `ran after ${ranMs[1]! - startMs} ms`);
    });

    test('runs actions in the order of their times', async () => {
      const { clock, pass } = makeWorld();
      const dueMs = new Map<string, number>();
      const order: string[] = [];
      const after = (steps: number, name: string, action?: () => void) => {
        dueMs.set(name, clock.now() + steps * stepMs);
        clock.after(steps * stepMs, () => {
          order.push(name);
          action?.();
        });
      };
      after(3, 'last');
      after(1, 'first', () => after(1, 'from the first'));
      for (let waits = 0; waits < patience && order.length < 3; waits++) await pass(5 * stepMs);
      assert.equal(order.length, 3);
      // A machine that stands still meanwhile puts off what is started from another action, and so its place.
      for (const [at, name] of order.entries()) {
        for (const later of order.slice(at + 1)) assert.ok(dueMs.get(name)! <= dueMs.get(later)! + 1, `${order}`);
      }
    });

    test('does not run what was cancelled, whenever that was', async () => {
      const { clock, pass } = makeWorld();
      const ran: string[] = [];
      const cancelled = clock.after(stepMs, () => ran.push('cancelled'));
      cancelled.cancel();
      cancelled.cancel();
      const byAnother = clock.after(2 * stepMs, () => ran.push('by another'));
      clock.after(stepMs, () => byAnother.cancel());
      const late = clock.after(stepMs, () => ran.push('ran'));
      await pass(4 * stepMs);
      late.cancel();
      assert.deepEqual(ran, ['ran']);
    });

    test('takes odd delays: a negative one is due now, an endless one is not', async () => {
      const { clock, pass } = makeWorld();
      const ran: string[] = [];
      clock.after(-1000, () => ran.push('negative'));
      const timers = [2 ** 31, 2 ** 40].map((delayMs) => clock.after(delayMs, () => ran.push('endless')));
      await pass(stepMs);
      for (const timer of timers) timer.cancel();
      assert.deepEqual(ran, ['negative']);
    });
  });
}
