import type { Clock } from '@sofamesh/base/clock';

export interface ShutdownOptions {
  readonly clock: Clock;
  /** Ends gracefully; the process ends when it resolves. */
  readonly drain: () => Promise<void>;
  readonly exit: (code: number) => void;
  /** Told of what `drain` threw. */
  readonly onError: (thrown: unknown) => void;
}

/** A second request within this is the first one seen twice: a signal to a group and one passed on by a parent. */
const sameRequestMs = 1000;

/** The end of the process: gracefully at first, and at once when somebody asks again. */
export class Shutdown {
  readonly #options: ShutdownOptions;
  #sinceMs: number | undefined;

  constructor(options: ShutdownOptions) {
    this.#options = options;
  }

  get begun(): boolean {
    return this.#sinceMs !== undefined;
  }

  /** A signal, or `POST /quitquitquit`. */
  request(): void {
    const { clock, exit } = this.#options;
    if (this.#sinceMs === undefined) {
      this.#sinceMs = clock.now();
      void this.#run();
    } else if (clock.now() - this.#sinceMs > sameRequestMs) {
      exit(1);
    }
  }

  async #run(): Promise<void> {
    const { drain, exit, onError } = this.#options;
    try {
      await drain();
      exit(0);
    } catch (thrown) {
      onError(thrown);
      exit(1);
    }
  }
}
