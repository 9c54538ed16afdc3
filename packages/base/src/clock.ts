/**
 * Time arrives through the constructor: engines never call `Date.now` or `setTimeout` themselves, so that the same code
 * runs under simulated time.
 */
export interface Clock {
  /** Monotonic milliseconds with fractions; never goes backwards, unaffected by changes of the wall clock. */
  now(): number;
  /** Milliseconds since the Unix epoch, for logs and certificates only. */
  wallMs(): number;
  /** Runs `action` once, at the earliest `delayMs` from now. For rare events; a request uses the {@link TimerWheel}. */
  after(delayMs: number, action: () => void): Timer;
}

export interface Timer {
  /** After this the action does not run. Harmless when it has run. */
  cancel(): void;
}

/** Longest delay that a Node timer takes; a longer one would fire at once. */
const nodeDelayMsMax = 2 ** 31 - 1;

class NodeTimer implements Timer {
  readonly #handle: NodeJS.Timeout;
  constructor(delayMs: number, action: () => void) {
    this.#handle = setTimeout(action, Math.min(Math.max(delayMs, 0), nodeDelayMsMax));
  }
  cancel(): void {
    clearTimeout(this.#handle);
  }
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, action) => new NodeTimer(delayMs, action),
};

/** Resolves after `delayMs`. */
export function sleep(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
}
