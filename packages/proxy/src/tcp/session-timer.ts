import { Deadline, type Timed, type TimerWheel } from '@sofamesh/base/timer-wheel';

/** Calls once, or again and again, after `delayMs` until it is stopped. */
export class SessionTimer implements Timed {
  readonly deadline = new Deadline(this);
  readonly #wheel: TimerWheel;
  readonly #delayMs: number;
  readonly #repeats: boolean;
  readonly #onTime: () => void;

  constructor(wheel: TimerWheel, delayMs: number, repeats: boolean, onTime: () => void) {
    this.#wheel = wheel;
    this.#delayMs = delayMs;
    this.#repeats = repeats;
    this.#onTime = onTime;
    wheel.start(this.deadline, delayMs);
  }

  stop(): void {
    this.#wheel.stop(this.deadline);
  }

  onDeadline(): void {
    if (this.#repeats) this.#wheel.start(this.deadline, this.#delayMs);
    this.#onTime();
  }
}
