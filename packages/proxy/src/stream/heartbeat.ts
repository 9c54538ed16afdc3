import type { Random } from '@sofamesh/base/random';
import { Deadline, type Timed, type TimerWheel } from '@sofamesh/base/timer-wheel';
import type { KeepaliveConfig } from '../config/cluster.ts';

/**
 * Asks a peer at intervals whether it is alive. As a deadline it is the next question, or the end of the wait for an
 * answer. Any bytes of the peer are not enough: what is asked is its HTTP/2 layer.
 */
export class Heartbeat implements Timed {
  readonly deadline = new Deadline(this);
  readonly #config: KeepaliveConfig;
  readonly #wheel: TimerWheel;
  readonly #random: Random;
  /** False: the protocol cannot ask. */
  readonly #ask: () => boolean;
  readonly #dead: () => void;
  #asked = false;

  constructor(config: KeepaliveConfig, wheel: TimerWheel, random: Random, ask: () => boolean, dead: () => void) {
    this.#config = config;
    this.#wheel = wheel;
    this.#random = random;
    this.#ask = ask;
    this.#dead = dead;
  }

  start(): void {
    const { intervalMs, jitterPercent } = this.#config;
    this.#asked = false;
    this.#wheel.start(this.deadline, intervalMs * (1 + (this.#random.next() * jitterPercent) / 100));
  }

  stop(): void {
    this.#wheel.stop(this.deadline);
  }

  answered(): void {
    if (this.#asked) this.start();
  }

  onDeadline(): void {
    if (this.#asked) {
      this.#dead();
      return;
    }
    if (!this.#ask()) return;
    this.#asked = true;
    this.#wheel.start(this.deadline, this.#config.timeoutMs);
  }
}
