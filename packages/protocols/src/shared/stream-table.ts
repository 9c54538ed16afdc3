/** What the table keeps: an upstream stream with the id it was given. */
export interface Numbered {
  id: number;
}

const slotsMin = 16;

/**
 * Streams by the 32-bit ids that this side gives out. Ids count up and wrap; the slot is the id's low bits, and an id whose slot is
 * taken (a call from a lap ago still waits) is passed over, so a look-up is one array access and a reply that
 * comes late never finds a younger stream.
 */
export class StreamTable<Stream extends Numbered> {
  #slots: (Stream | undefined)[] = new Array(slotsMin).fill(undefined);
  #mask = slotsMin - 1;
  #lastId: number;
  #size = 0;

  /** `lastId`: the first id given out follows it. */
  constructor(lastId = 0) {
    this.#lastId = lastId;
  }

  get size(): number {
    return this.#size;
  }

  /** Gives the stream an id and keeps it. */
  add(stream: Stream): void {
    if (this.#size * 2 >= this.#slots.length) this.#grow();
    stream.id = this.nextId();
    this.#slots[stream.id & this.#mask] = stream;
    this.#size++;
  }

  /**
   * An id that no stream has, for a frame that is not a stream (a heartbeat). Never 0, which is what servers put into
   * messages that answer no call (Tars).
   */
  nextId(): number {
    let id = this.#lastId;
    do id = (id + 1) >>> 0;
    while (id === 0 || this.#slots[id & this.#mask] !== undefined);
    this.#lastId = id;
    return id;
  }

  get(id: number): Stream | undefined {
    const stream = this.#slots[id & this.#mask];
    return stream !== undefined && stream.id === id ? stream : undefined;
  }

  /** False when the stream is not there (any more). */
  remove(stream: Stream): boolean {
    const slot = stream.id & this.#mask;
    if (this.#slots[slot] !== stream) return false;
    this.#slots[slot] = undefined;
    this.#size--;
    return true;
  }

  /** Takes all streams out, in no particular order. */
  clear(): Stream[] {
    const streams = this.list();
    this.#slots.fill(undefined);
    this.#size = 0;
    return streams;
  }

  /** All streams as they are now, in no particular order. */
  list(): Stream[] {
    return this.#slots.filter((stream) => stream !== undefined);
  }

  /** Ids that differ in fewer low bits differ in more of them, so nothing collides in the larger table. */
  #grow(): void {
    const old = this.#slots;
    this.#slots = new Array(old.length * 2).fill(undefined);
    this.#mask = this.#slots.length - 1;
    for (const stream of old) if (stream !== undefined) this.#slots[stream.id & this.#mask] = stream;
  }
}
