import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from './manual-clock.ts';
import { SeededRandom } from './random.ts';
import { Deadline, type Timed, TimerWheel } from './timer-wheel.ts';

class Probe implements Timed {
  readonly deadline = new Deadline(this);
  firedAtMs: number[] = [];
  readonly #clock: ManualClock;
  onFire: () => void = () => {};
  constructor(clock: ManualClock) {
    this.#clock = clock;
  }
  onDeadline(): void {
    this.firedAtMs.push(this.#clock.now());
    this.onFire();
  }
}

test('comes once, never early, at most two ticks late', () => {
  const clock = new ManualClock(3);
  const wheel = new TimerWheel(clock, 5, 64);
  const random = new SeededRandom(1);
  const probes = Array.from({ length: 500 }, () => ({
    probe: new Probe(clock),
    delayMs: Math.floor(random.next() * 2000),
  }));
  for (const { probe, delayMs } of probes) wheel.start(probe.deadline, delayMs);
  clock.advance(2100);
  for (const { probe, delayMs } of probes) {
    assert.equal(probe.firedAtMs.length, 1);
    const lateMs = probe.firedAtMs[0]! - 3 - delayMs;
    assert.ok(lateMs >= 0 && lateMs <= 10, `${delayMs} ms came ${lateMs} ms late`);
  }
  assert.equal(wheel.waiting, 0);
  assert.equal(clock.nextDueMs(), undefined, 'no real timer is left');
});

test('a stopped deadline does not come, a restarted one comes at its new time', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock, 5, 64);
  const stopped = new Probe(clock);
  const restarted = new Probe(clock);
  wheel.start(stopped.deadline, 20);
  wheel.start(restarted.deadline, 20);
  clock.advance(10);
  wheel.stop(stopped.deadline);
  wheel.start(restarted.deadline, 100);
  clock.advance(90);
  assert.deepEqual([stopped.firedAtMs.length, restarted.firedAtMs.length], [0, 0]);
  clock.advance(30);
  assert.deepEqual([stopped.firedAtMs.length, restarted.firedAtMs.length], [0, 1]);
});

test('callbacks may stop and start deadlines of the same slot', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock, 5, 64);
  const [a, b] = [new Probe(clock), new Probe(clock)];
  a.onFire = () => wheel.stop(b.deadline);
  b.onFire = () => wheel.stop(a.deadline);
  wheel.start(a.deadline, 10);
  wheel.start(b.deadline, 10);
  clock.advance(50);
  assert.equal(a.firedAtMs.length + b.firedAtMs.length, 1);
  const again = new Probe(clock);
  again.onFire = () => {
    if (again.firedAtMs.length < 3) wheel.start(again.deadline, 10);
  };
  wheel.start(again.deadline, 10);
  clock.advance(200);
  assert.equal(again.firedAtMs.length, 3);
});

test('a long pause of the process loses nothing', () => {
  let nowMs = 0;
  const pending: (() => void)[] = [];
  const paused = {
    now: () => nowMs,
    wallMs: () => nowMs,
    after: (_delayMs: number, action: () => void) => {
      pending.push(action);
      return { cancel() {} };
    },
  };
  const wheel = new TimerWheel(paused, 5, 16);
  const clock = new ManualClock();
  const probes = Array.from({ length: 40 }, (_, at) => {
    const probe = new Probe(clock);
    wheel.start(probe.deadline, at * 7);
    return probe;
  });
  nowMs = 5000;
  for (const action of pending.splice(0)) action();
  assert.ok(probes.every((probe) => probe.firedAtMs.length === 1));
});

/** Counts the real timers that come; the others were cancelled. */
class CountingClock extends ManualClock {
  came = 0;
  override after(delayMs: number, action: () => void) {
    return super.after(delayMs, () => {
      this.came++;
      action();
    });
  }
}

test('wakes for what waits and not for every tick', () => {
  const clock = new CountingClock();
  const wheel = new TimerWheel(clock, 5, 1024);
  const [idle, short] = [new Probe(clock), new Probe(clock)];
  wheel.start(idle.deadline, 60_000);
  clock.advance(20_000);
  // Once in a round of the wheel at most.
  assert.ok(clock.came <= 4, `${clock.came} times`);
  wheel.start(short.deadline, 50);
  clock.advance(100);
  assert.deepEqual(short.firedAtMs, [20_050]);
  clock.advance(60_000);
  assert.deepEqual(idle.firedAtMs, [60_000]);
  assert.ok(clock.came <= 4 + 1 + 10, `${clock.came} times`);
});

test('leaves no real timer when the last one is stopped', () => {
  const clock = new ManualClock();
  const wheel = new TimerWheel(clock);
  const [long, short] = [new Probe(clock), new Probe(clock)];
  wheel.start(long.deadline, 4_000);
  wheel.start(short.deadline, 20);
  wheel.stop(short.deadline);
  assert.notEqual(clock.nextDueMs(), undefined);
  wheel.stop(long.deadline);
  assert.equal(clock.nextDueMs(), undefined);
  wheel.start(short.deadline, 20);
  clock.advance(30);
  assert.deepEqual(short.firedAtMs, [20]);
});
