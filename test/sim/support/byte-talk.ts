import type { SimWorld } from './world.ts';

const numberBytes = 4;

/** One direction of a conversation: what was written, and what has arrived of it. */
class Direction {
  readonly number: number;
  readonly totalBytes: number;
  sentBytes = 0;
  /** All was sent, and the end behind it. */
  ended = false;
  /** Its sender closed without a reset: that looks like an end, wherever it comes. */
  left = false;
  receivedBytes = 0;
  sawEnd = false;

  constructor(number: number, totalBytes: number) {
    this.number = number;
    this.totalBytes = totalBytes;
  }

  /** Its next bytes: the number, then octets that follow from it and from where they are. */
  take(bytes: number): Buffer {
    const chunk = Buffer.alloc(Math.min(bytes, this.totalBytes - this.sentBytes));
    for (let at = 0; at < chunk.length; at++) chunk[at] = this.#octet(this.sentBytes + at);
    this.sentBytes += chunk.length;
    return chunk;
  }

  /** Where what has arrived is not what was sent; negative: nowhere. */
  receive(chunk: Buffer): number {
    const start = this.receivedBytes;
    this.receivedBytes += chunk.length;
    for (let at = 0; at < chunk.length; at++) if (chunk[at] !== this.#octet(start + at)) return start + at;
    return this.receivedBytes > this.sentBytes ? this.sentBytes : -1;
  }

  #octet(at: number): number {
    if (at < numberBytes) return (this.number >>> (8 * at)) & 255;
    return (at * 31 + (at >> 8) * 7 + this.number * 17) & 255;
  }
}

/** What one client and one server say to each other through the mesh: bytes both ways that nobody else has. */
export class Talk {
  readonly number: number;
  readonly asked: Direction;
  readonly answered: Direction;
  /** Connections of servers that it reached. */
  arrivals = 0;
  readonly #world: SimWorld;

  constructor(world: SimWorld, number: number, askedBytes: number, answeredBytes: number) {
    this.#world = world;
    this.number = number;
    this.asked = new Direction(number, numberBytes + askedBytes);
    this.answered = new Direction(number + 0x8000, numberBytes + answeredBytes);
  }

  receive(direction: Direction, chunk: Buffer): void {
    if (direction.sawEnd) this.#world.violate(`${this}: bytes behind the end`);
    const wrongAt = direction.receive(chunk);
    if (wrongAt >= 0) this.#world.violate(`${this}: byte ${wrongAt} of ${direction.number} is none that was sent`);
  }

  /** An end that looks like one is that of the peer, behind all of its bytes. */
  end(direction: Direction): void {
    direction.sawEnd = true;
    // The proxy's own way to say that there is no server.
    if (this.arrivals === 0 && direction === this.answered && direction.receivedBytes === 0) return;
    if (direction.left) return;
    if (!direction.ended || direction.receivedBytes !== direction.sentBytes) {
      const { receivedBytes, sentBytes } = direction;
      this.#world.violate(`${this}: ${direction.number} ended after ${receivedBytes} of ${sentBytes} bytes`);
    }
  }

  /** Nothing went wrong anywhere: everything arrived. */
  checkWhole(): void {
    for (const { number, totalBytes, receivedBytes, sawEnd } of [this.asked, this.answered]) {
      if (!sawEnd || receivedBytes !== totalBytes)
        this.#world.violate(`${this}: ${receivedBytes} of ${totalBytes} bytes of ${number} arrived, end ${sawEnd}`);
    }
  }

  toString(): string {
    return `talk ${this.number}`;
  }
}

export type { Direction };

/** Which talk a server is in, by the first bytes that reach it; undefined: too few. */
export function talkNumber(bytes: Buffer): number | undefined {
  return bytes.length < numberBytes ? undefined : bytes.readUInt32LE(0);
}
