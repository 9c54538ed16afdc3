import type { Clock } from '@sofamesh/base/clock';
import type { Random } from '@sofamesh/base/random';
import { Deadline, type Timed, type TimerWheel } from '@sofamesh/base/timer-wheel';
import type { KeepaliveConfig } from '../config/cluster.ts';

/** The connection, as its keepalive sees it. */
export interface KeepaliveOwner {
  /** False where the protocol has no heartbeat. */
  sendHeartbeat(): boolean;
  /** The peer is taken for dead. */
  onKeepaliveTimeout(): void;
}

/**
 * Finds out that a peer is gone though its connection stands (`connection_keepalive`): a heartbeat in every interval, and
 * one ahead of a request after a silence. Whatever arrives while an answer is due puts the timeout off, for then the
 * answer is only behind it. As a deadline it is the next heartbeat or the end of the wait for its answer.
 */
export class Keepalive implements Timed {
  readonly deadline = new Deadline(this);
  readonly #config: KeepaliveConfig;
  readonly #owner: KeepaliveOwner;
  readonly #clock: Clock;
  readonly #wheel: TimerWheel;
  readonly #random: Random;
  #answerDue = false;
  /** When something was last received, or an answer was asked for. */
  #heardMs: number;

  constructor(config: KeepaliveConfig, owner: KeepaliveOwner, clock: Clock, wheel: TimerWheel, random: Random) {
    this.#config = config;
    this.#owner = owner;
    this.#clock = clock;
    this.#wheel = wheel;
    this.#random = random;
    this.#heardMs = clock.now();
    this.#awaitInterval();
  }

  onReceived(): void {
    this.#heardMs = this.#clock.now();
  }

  /** A request is about to be sent. */
  beforeRequest(): void {
    const { idleIntervalMs } = this.#config;
    if (idleIntervalMs === 0 || this.#answerDue || this.#clock.now() - this.#heardMs <= idleIntervalMs) return;
    this.#ask();
  }

  onAnswer(): void {
    if (!this.#answerDue) return;
    this.#answerDue = false;
    this.#wheel.stop(this.deadline);
    this.#awaitInterval();
  }

  onDeadline(): void {
    if (!this.#answerDue) {
      this.#ask();
      return;
    }
    const nowMs = this.#clock.now();
    const leftMs = this.#heardMs + this.#config.timeoutMs - nowMs;
    if (leftMs > 0) this.#wheel.start(this.deadline, leftMs, nowMs);
    else this.#owner.onKeepaliveTimeout();
  }

  stop(): void {
    this.#wheel.stop(this.deadline);
  }

  #ask(): void {
    if (!this.#owner.sendHeartbeat()) return;
    this.#answerDue = true;
    this.#heardMs = this.#clock.now();
    this.#wheel.start(this.deadline, this.#config.timeoutMs, this.#heardMs);
  }

  #awaitInterval(): void {
    const { intervalMs, jitterPercent } = this.#config;
    if (intervalMs === 0) return;
    this.#wheel.start(this.deadline, intervalMs * (1 + (this.#random.next() * jitterPercent) / 100));
  }
}
