import type { Clock } from '@sofamesh/base/clock';

const windowMs = 60_000;
const firstDelayMs = 100;
const delayMsMax = 10_000;
/** Crashes within the window after which, with nobody left to serve, the process ends: whoever started it sees it then. */
const crashesMax = 10;

/** When a crashed worker is replaced: the first of a minute at once, further ones with growing delays. */
export class RestartPolicy {
  readonly #clock: Clock;
  #crashes: number[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds until the replacement may start; undefined: give up. `serving` is the number of workers left. */
  afterCrash(serving: number): number | undefined {
    const now = this.#clock.now();
    this.#crashes = this.#crashes.filter((at) => now - at < windowMs);
    this.#crashes.push(now);
    const count = this.#crashes.length;
    if (serving === 0 && count >= crashesMax) return undefined;
    return count === 1 ? 0 : Math.min(firstDelayMs * 2 ** (count - 2), delayMsMax);
  }
}
