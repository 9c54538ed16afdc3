import type { Clock } from '@sofamesh/base/clock';
import type { Connection } from '@sofamesh/contract/transport';

interface Step {
  readonly delayMs: number;
  readonly action: () => void;
}

/** Writes to a connection in order, with pauses; what is written meanwhile waits its turn. */
export class SlowWriter {
  readonly #clock: Clock;
  readonly #connection: Connection;
  #steps: Step[] = [];
  #pausing = false;

  constructor(clock: Clock, connection: Connection) {
    this.#clock = clock;
    this.#connection = connection;
  }

  write(bytes: Buffer, delayMs = 0): void {
    this.act(() => this.#connection.write(bytes), delayMs);
  }

  /** `action` runs when all before it was written and `delayMs` have passed. */
  act(action: () => void, delayMs = 0): void {
    this.#steps.push({ delayMs, action });
    this.#go();
  }

  /** Nothing more is written. */
  stop(): void {
    this.#steps = [];
  }

  #go(): void {
    while (!this.#pausing) {
      const step = this.#steps[0];
      if (step === undefined) return;
      if (step.delayMs > 0) {
        this.#pausing = true;
        this.#clock.after(step.delayMs, () => {
          this.#pausing = false;
          this.#steps.shift()?.action();
          this.#go();
        });
        return;
      }
      this.#steps.shift();
      step.action();
    }
  }
}
