/** Something that has bytes to write at the end of this event-loop turn. */
export interface Flushable {
  onFlushTurn(): void;
}

/** After so many turns in a row with one read each, the next read is taken for the only one of its turn. */
const lonelyTurnsMin = 8;
/** Every so many reads of that kind a whole turn is waited for, to see whether it still has one read. */
const probeInterval = 16;

/**
 * The connections of one thread that were written to in this event-loop turn. They are flushed together when the turn's
 * reads are done, so that writes caused by several sockets' reads leave in one system call per connection.
 *
 * Where turns have one read each, as with one call in flight, there is nothing to wait for: what a read caused is flushed when
 * it has been handled, which spares each of them the way round the event loop.
 */
export class FlushTurn {
  #waiting: Flushable[] = [];
  #spare: Flushable[] = [];
  #scheduled = false;
  #reading = false;
  /** In the turn that is waited for, since that began. */
  #reads = 0;
  #lonelyTurns = 0;
  #untilProbe = probeInterval;
  readonly #run = () => this.#onTurn();

  add(flushable: Flushable): void {
    this.#waiting.push(flushable);
    if (this.#scheduled || (this.#reading && this.#isLonely)) return;
    this.#scheduled = true;
    this.#reads = this.#reading ? 1 : 0;
    setImmediate(this.#run);
  }

  /** Bytes from a socket are about to be handled. False: they are part of what another read brought. */
  beginRead(): boolean {
    if (this.#reading) return false;
    this.#reading = true;
    this.#reads++;
    return true;
  }

  /** They have been. */
  endRead(): void {
    this.#reading = false;
    if (this.#scheduled || this.#waiting.length === 0) return;
    this.#untilProbe--;
    this.#flush();
  }

  get #isLonely(): boolean {
    return this.#lonelyTurns >= lonelyTurnsMin && this.#untilProbe > 0;
  }

  #onTurn(): void {
    this.#lonelyTurns = this.#reads > 1 ? 0 : Math.min(this.#lonelyTurns + 1, lonelyTurnsMin);
    this.#untilProbe = probeInterval;
    this.#scheduled = false;
    this.#flush();
  }

  #flush(): void {
    const waiting = this.#waiting;
    // What is added from now on belongs to the next turn: a handler that always writes more must not hold up the loop.
    this.#waiting = this.#spare;
    for (let at = 0; at < waiting.length; at++) waiting[at]!.onFlushTurn();
    waiting.length = 0;
    this.#spare = waiting;
  }
}
