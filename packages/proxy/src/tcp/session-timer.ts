import { Deadline, type TimerWheel } from '@sofamesh/base/timer-wheel';

/** Calls once, or again and again, after `delayMs` until it is stopped. */
export class SessionTimer extends Deadline {
  readonly #wheel: TimerWheel;
  readonly #delayMs: number;
  readonly #repeats: boolean;
  readonly #onTime: () => void;

  constructor(wheel: TimerWheel, delayMs: number, repeats: boolean, onTime: () => void) {
    super();
    this.#wheel = wheel;
    this.#delayMs = delayMs;
    this.#repeats = repeats;
    this.#onTime = onTime;
    wheel.start(this, delayMs);
  }

  stop(): void {
    this.#wheel.stop(this);
  }

  onDeadline(): void {
    if (this.#repeats) this.#wheel.start(this, this.#delayMs);
    this.#onTime();
  }
}
