/** Something that has bytes to write at the end of this event-loop turn. */
export interface Flushable {
  onFlushTurn(): void;
}

/**
 * The connections of one thread that were written to in this event-loop turn. They are flushed together when the turn's
 * reads are done, so that writes caused by several sockets' reads leave in one system call per connection.
 */
export class FlushTurn {
  #waiting: Flushable[] = [];
  #spare: Flushable[] = [];
  #scheduled = false;
  readonly #run = () => this.#flush();

  add(flushable: Flushable): void {
    this.#waiting.push(flushable);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }

  #flush(): void {
    const waiting = this.#waiting;
    // What is added from now on belongs to the next turn: a handler that always writes more must not hold up the loop.
    this.#waiting = this.#spare;
    this.#scheduled = false;
    for (let at = 0; at < waiting.length; at++) waiting[at]!.onFlushTurn();
    waiting.length = 0;
    this.#spare = waiting;
  }
}
