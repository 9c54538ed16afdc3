import { Deadline } from '@sofamesh/base/timer-wheel';
import type { ActiveExchange } from './exchange.ts';

/** The whole request has to be there in time. Only made where such a limit is configured and the body streams. */
export class RequestDeadline extends Deadline {
  readonly #exchange: ActiveExchange;

  constructor(exchange: ActiveExchange) {
    super();
    this.#exchange = exchange;
  }

  onDeadline(): void {
    this.#exchange.onRequestTimeout();
  }
}

/** A filter waits. */
export class Sleep extends Deadline {
  readonly #resolve: () => void;
  readonly #reject: (reason: Error) => void;

  constructor(resolve: () => void, reject: (reason: Error) => void) {
    super();
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onDeadline(): void {
    this.#resolve();
  }

  /** The exchange is over. Does nothing when the time had come before. */
  reject(): void {
    this.#reject(new Error('the exchange is over'));
  }
}
