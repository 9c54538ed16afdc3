import type { PendingStream, UpstreamAttempt } from '../cluster/upstream.ts';

/** An attempt that waits for a connection. In the queue until it is answered or cancelled. */
export class Waiting implements PendingStream {
  readonly attempt: UpstreamAttempt;
  readonly #queue: WaitingQueue;
  /** @internal */
  next: Waiting | undefined = undefined;
  /** @internal */
  previous: Waiting | undefined = undefined;
  /** Number of the pool's latest dial when it began to wait. */
  lastDial = Number.POSITIVE_INFINITY;
  /** @internal */
  queued = true;

  constructor(attempt: UpstreamAttempt, queue: WaitingQueue) {
    this.attempt = attempt;
    this.#queue = queue;
  }

  cancel(): void {
    if (this.#queue.remove(this)) this.#queue.onCancel();
  }
}

/** Attempts in the order in which they came; any of them can leave at the same cost. */
export class WaitingQueue {
  /** Called after an attempt has left by itself. */
  readonly onCancel: () => void;
  length = 0;
  #first: Waiting | undefined = undefined;
  #last: Waiting | undefined = undefined;

  constructor(onCancel: () => void) {
    this.onCancel = onCancel;
  }

  push(attempt: UpstreamAttempt): Waiting {
    const waiting = new Waiting(attempt, this);
    const last = this.#last;
    waiting.previous = last;
    if (last === undefined) this.#first = waiting;
    else last.next = waiting;
    this.#last = waiting;
    this.length++;
    return waiting;
  }

  /** The one that waits longest, taken out. */
  shift(): UpstreamAttempt | undefined {
    const first = this.#first;
    if (first === undefined) return undefined;
    this.remove(first);
    return first.attempt;
  }

  /** How many, from the one that waits longest, began to wait before the given dial. */
  countDialledBefore(dial: number): number {
    let count = 0;
    for (let at = this.#first; at !== undefined && at.lastDial < dial; at = at.next) count++;
    return count;
  }

  /** False when it was no longer in the queue. */
  remove(waiting: Waiting): boolean {
    if (!waiting.queued) return false;
    waiting.queued = false;
    const { next, previous } = waiting;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    waiting.next = waiting.previous = undefined;
    this.length--;
    return true;
  }
}
