import { Deadline, type Timed, type TimerWheel } from '@sofamesh/base/timer-wheel';
import type { ActiveExchange } from './exchange.ts';
import { requestTimeout, requestTooLong, responseTooLong } from './replies.ts';

/** The whole request has to be there in time. Only made where such a limit is configured and the body streams. */
export class RequestDeadline implements Timed {
  readonly deadline = new Deadline(this);
  readonly #exchange: ActiveExchange;

  constructor(exchange: ActiveExchange) {
    this.#exchange = exchange;
  }

  onDeadline(): void {
    this.#exchange.proxy.stats.rqTimeout.increment();
    this.#exchange.expire(requestTimeout);
  }
}

/** All of the exchange has to be over in time. Only made where such a limit is configured. */
export class StreamDeadline implements Timed {
  readonly deadline = new Deadline(this);
  readonly #exchange: ActiveExchange;

  constructor(exchange: ActiveExchange) {
    this.#exchange = exchange;
  }

  /** 0: no limit. Counts from the request's first byte. */
  limit(durationMs: number): void {
    const { proxy, startMs } = this.#exchange;
    if (durationMs > 0) proxy.wheel.start(this.deadline, Math.max(durationMs - (proxy.clock.now() - startMs), 0));
    else proxy.wheel.stop(this.deadline);
  }

  onDeadline(): void {
    const { proxy, requestEnded } = this.#exchange;
    proxy.stats.rqMaxDuration.increment();
    this.#exchange.expire(requestEnded ? responseTooLong : requestTooLong);
  }
}

/** A filter waits. */
class Sleep implements Timed {
  readonly deadline = new Deadline(this);
  readonly #resolve: () => void;
  readonly #reject: (reason: Error) => void;

  constructor(resolve: () => void, reject: (reason: Error) => void) {
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

/** The waits of an exchange's filters. */
export class Sleeps {
  readonly #wheel: TimerWheel;
  readonly #sleeps: Sleep[] = [];

  constructor(wheel: TimerWheel) {
    this.#wheel = wheel;
  }

  /** Rejects when the exchange ends earlier, or is `over` already. */
  start(delayMs: number, over: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleep = new Sleep(resolve, reject);
      if (over) {
        sleep.reject();
        return;
      }
      this.#sleeps.push(sleep);
      this.#wheel.start(sleep.deadline, delayMs);
    });
  }

  rejectAll(): void {
    for (const sleep of this.#sleeps) {
      this.#wheel.stop(sleep.deadline);
      sleep.reject();
    }
  }
}
