import type { Clock, Timer } from './clock.ts';

/** Who has a {@link Deadline}. */
export interface Timed {
  /** Called once when the time has come; the deadline may be started again from here. */
  onDeadline(): void;
}

/**
 * A place on the {@link TimerWheel}: starting and stopping it moves it between lists and allocates nothing, which is why a
 * request may have several. Held and not extended, so that the wheel, which touches one several times for each
 * request, sees only one class.
 */
export class Deadline {
  readonly #owner: Timed;
  /** @internal list links and slot bookkeeping of the wheel */
  wheelNext: Deadline | undefined = undefined;
  /** @internal */
  wheelPrevious: Deadline | undefined = undefined;
  /** @internal -1: not waiting */
  wheelSlot = -1;
  /** @internal tick at which it is due */
  wheelDueTick = 0;

  constructor(owner: Timed) {
    this.#owner = owner;
  }

  get waiting(): boolean {
    return this.wheelSlot >= 0;
  }

  /** @internal */
  come(): void {
    this.#owner.onDeadline();
  }
}

/**
 * A hashed timing wheel: thousands of request and idle timeouts behind one real timer, precise to one tick and never
 * early. The real timer is set for the next slot that holds something, and not for every tick: a proxy whose connections
 * merely stand open would wake 200 times a second for nothing.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #slots: (Deadline | undefined)[];
  readonly #mask: number;
  #tick: number;
  #waiting = 0;
  #timer: Timer | undefined;
  /** When the real timer comes. */
  #timerTick = never;
  readonly #turn = () => this.#onTurn();

  /** `slotCount` must be a power of two; a delay longer than `tickMs × slotCount` goes round more than once. */
  constructor(clock: Clock, tickMs = 5, slotCount = 1024) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#slots = new Array(slotCount).fill(undefined);
    this.#mask = slotCount - 1;
    this.#tick = Math.floor(clock.now() / tickMs);
  }

  get clock(): Clock {
    return this.#clock;
  }

  /** Number of deadlines that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** (Re)starts `deadline`, to come at the earliest `delayMs` from `nowMs` (a caller that knows the time saves a look). */
  start(deadline: Deadline, delayMs: number, nowMs: number = this.#clock.now()): void {
    if (deadline.wheelSlot >= 0) this.#unlink(deadline);
    if (this.#waiting === 0) this.#tick = Math.floor(nowMs / this.#tickMs);
    const dueTick = Math.max(Math.ceil((nowMs + delayMs) / this.#tickMs), this.#tick + 1);
    const slot = dueTick & this.#mask;
    const head = this.#slots[slot];
    deadline.wheelDueTick = dueTick;
    deadline.wheelSlot = slot;
    deadline.wheelPrevious = undefined;
    deadline.wheelNext = head;
    if (head !== undefined) head.wheelPrevious = deadline;
    this.#slots[slot] = deadline;
    this.#waiting++;
    if (dueTick < this.#timerTick) this.#setTimer(dueTick);
  }

  /** `deadline` does not come any more. Harmless when it is not waiting. */
  stop(deadline: Deadline): void {
    if (deadline.wheelSlot < 0) {
      deadline.wheelSlot = -1;
      return;
    }
    this.#unlink(deadline);
    if (this.#waiting === 0) this.#clearTimer();
  }

  #setTimer(tick: number): void {
    this.#timer?.cancel();
    this.#timerTick = tick;
    // Node drops fractions of a millisecond, and what comes too soon has to wait once more.
    const delayMs = Math.ceil(tick * this.#tickMs - this.#clock.now());
    this.#timer = this.#clock.after(Math.max(delayMs, 1), this.#turn);
  }

  #clearTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerTick = never;
  }

  #unlink(deadline: Deadline): void {
    const next = deadline.wheelNext;
    const previous = deadline.wheelPrevious;
    if (next !== undefined) next.wheelPrevious = previous;
    if (previous !== undefined) previous.wheelNext = next;
    else this.#slots[deadline.wheelSlot] = next;
    deadline.wheelSlot = -1;
    deadline.wheelNext = undefined;
    deadline.wheelPrevious = undefined;
    this.#waiting--;
  }

  #onTurn(): void {
    this.#clearTimer();
    const nowTick = Math.floor(this.#clock.now() / this.#tickMs);
    // After a long pause every slot is looked at once; more rounds would only see the same lists again.
    const from = Math.max(this.#tick + 1, nowTick - this.#mask);
    this.#tick = nowTick;
    for (let tick = from; tick <= nowTick; tick++) this.#expire(tick & this.#mask, nowTick);
    if (this.#waiting === 0) return;
    const nextTick = this.#nextTick(nowTick);
    if (nextTick < this.#timerTick) this.#setTimer(nextTick);
  }

  /** Of the next slot that holds something, if only something that is due in a later round. */
  #nextTick(nowTick: number): number {
    let tick = nowTick + 1;
    while (this.#slots[tick & this.#mask] === undefined) tick++;
    return tick;
  }

  /** Collects first and calls afterwards, so that a callback may start and stop deadlines of the same slot. */
  #expire(slot: number, nowTick: number): void {
    let due: Deadline[] | undefined;
    for (let at = this.#slots[slot]; at !== undefined; ) {
      const next: Deadline | undefined = at.wheelNext;
      if (at.wheelDueTick <= nowTick) {
        this.#unlink(at);
        // Marked as due in this turn: a stop or start from another callback changes the slot and takes it out.
        at.wheelSlot = dueSlot;
        (due ??= []).push(at);
      }
      at = next;
    }
    if (due === undefined) return;
    for (const deadline of due) {
      if (deadline.wheelSlot !== dueSlot) continue;
      deadline.wheelSlot = -1;
      deadline.come();
    }
  }
}

/** Tick of a real timer that is not set. */
const never = Number.POSITIVE_INFINITY;

/** Slot value of a deadline that was taken from its list and is about to be called. */
const dueSlot = -2;
