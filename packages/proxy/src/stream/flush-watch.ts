import { Deadline, type Timed, type TimerWheel } from '@sofamesh/base/timer-wheel';
import type { ServerStream } from '@sofamesh/contract/protocol';

interface Flush {
  readonly stream: ServerStream;
  readonly dueMs: number;
}

/** Streams that are done are looked for when there are so many, and again when twice as many as are left have come. */
const firstSweep = 16;

/**
 * Responses of one connection that have ended and whose last bytes wait for the client to open its window. Each may do so
 * for as long as a stream may be idle, then it is reset: otherwise a client could leave them lying here for nothing. Its
 * exchange is over by then, so this is one deadline for all of them, and that of the oldest.
 */
export class FlushWatch implements Timed {
  readonly deadline = new Deadline(this);
  readonly #wheel: TimerWheel;
  readonly #timeoutMs: number;
  readonly #onTimeout: () => void;
  /** Oldest first. */
  #flushes: Flush[] = [];
  #sweepAt = firstSweep;

  /** `onTimeout` is called for each stream that is given up. */
  constructor(wheel: TimerWheel, timeoutMs: number, onTimeout: () => void) {
    this.#wheel = wheel;
    this.#timeoutMs = timeoutMs;
    this.#onTimeout = onTimeout;
  }

  add(stream: ServerStream, nowMs: number): void {
    this.#flushes.push({ stream, dueMs: nowMs + this.#timeoutMs });
    if (this.#flushes.length >= this.#sweepAt) this.#sweep();
    if (!this.deadline.waiting) this.#wheel.start(this.deadline, this.#timeoutMs, nowMs);
  }

  stop(): void {
    this.#wheel.stop(this.deadline);
    this.#flushes = [];
  }

  onDeadline(): void {
    const nowMs = this.#wheel.clock.now();
    const due = this.#flushes.filter(({ dueMs }) => dueMs <= nowMs);
    this.#flushes.splice(0, due.length);
    for (const { stream } of due) {
      if (stream.unsent !== true) continue;
      this.#onTimeout();
      stream.abandon?.();
    }
    this.#sweep();
    const next = this.#flushes[0];
    if (next !== undefined) this.#wheel.start(this.deadline, next.dueMs - nowMs, nowMs);
  }

  #sweep(): void {
    this.#flushes = this.#flushes.filter(({ stream }) => stream.unsent === true);
    this.#sweepAt = Math.max(firstSweep, 2 * this.#flushes.length);
  }
}
