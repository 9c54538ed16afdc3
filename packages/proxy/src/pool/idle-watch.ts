import { Deadline, type Timed, type TimerWheel } from '@sofamesh/base/timer-wheel';

/** Looks in one timeout; so an idle thing is found between 1 and 1⅛ timeouts after its last use. */
const looksPerTimeout = 8;

/**
 * Finds out that something is idle at no cost for each use: instead of a timer that every use restarts, it looks now and
 * then whether a measure of use has changed.
 */
export abstract class IdleWatch implements Timed {
  readonly deadline = new Deadline(this);
  #wheel: TimerWheel | undefined = undefined;
  #periodMs = 0;
  #seenMark = Number.NaN;
  #quietLooks = 0;

  /** Changes with every use; NaN means in use now. */
  protected abstract useMark(): number;
  /** Called once. */
  protected abstract onIdle(): void;

  /** Starts to look; 0 never finds anything. */
  protected watchIdle(wheel: TimerWheel, timeoutMs: number): void {
    if (timeoutMs <= 0) return;
    this.#wheel = wheel;
    this.#periodMs = timeoutMs / looksPerTimeout;
    this.#seenMark = this.useMark();
    wheel.start(this.deadline, this.#periodMs);
  }

  protected stopIdleWatch(): void {
    this.#wheel?.stop(this.deadline);
    this.#wheel = undefined;
  }

  onDeadline(): void {
    const mark = this.useMark();
    // NaN differs from itself.
    if (mark !== this.#seenMark) this.#quietLooks = 0;
    else if (++this.#quietLooks >= looksPerTimeout) {
      this.onIdle();
      return;
    }
    this.#seenMark = mark;
    this.#wheel?.start(this.deadline, this.#periodMs);
  }
}
