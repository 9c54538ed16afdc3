import type { Connection } from '@sofamesh/contract/transport';

/**
 * Bytes of a connection are decoded step by step, until a step must wait: what is left is kept, and reading pauses, so
 * that no more than a chunk or two is ever held. A handler that is called by a step may call back: bytes that come in
 * meanwhile wait for their turn, and a wake-up comes later in the turn, never from inside the handler's own call.
 */
export abstract class DecodingLoop {
  protected readonly connection: Connection;
  /** Bytes that were received and cannot be decoded yet. */
  protected rest: Buffer | undefined = undefined;
  protected decoding = false;
  protected peerEnded = false;
  #readingPaused = false;
  #wakeScheduled = false;
  readonly #wake = () => this.#onWake();

  constructor(connection: Connection) {
    this.connection = connection;
  }

  receive(chunk: Buffer): void {
    if (this.isStopped() || chunk.length === 0) return;
    if (this.rest !== undefined || this.decoding) {
      this.rest = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk]);
      return;
    }
    this.#decode(chunk);
  }

  receiveEnd(): void {
    if (this.isStopped()) return;
    this.peerEnded = true;
    if (this.rest === undefined && !this.decoding) this.onPeerEnd();
  }

  /** Nothing is decoded any more. */
  protected abstract isStopped(): boolean;
  /** Handles what begins at `at`: where to go on, or -1 when nothing more can be decoded now. */
  protected abstract step(bytes: Buffer, at: number): number;
  /** All that was received is decoded. */
  protected abstract onDecoded(): void;
  /** …and the peer has ended its direction. */
  protected abstract onPeerEnd(): void;

  /** What waits may go on. */
  protected scheduleWake(): void {
    if (this.#wakeScheduled || this.decoding || (this.rest === undefined && !this.peerEnded)) return;
    this.#wakeScheduled = true;
    queueMicrotask(this.#wake);
  }

  #onWake(): void {
    this.#wakeScheduled = false;
    const rest = this.rest;
    if (this.decoding || this.isStopped()) return;
    this.rest = undefined;
    if (rest !== undefined) this.#decode(rest);
    else if (this.peerEnded) this.onPeerEnd();
  }

  #decode(bytes: Buffer): void {
    this.decoding = true;
    let at = 0;
    while (at < bytes.length) {
      const next = this.step(bytes, at);
      if (next < 0) break;
      at = next;
    }
    this.decoding = false;
    if (this.isStopped()) {
      this.rest = undefined;
      return;
    }
    // A call of receive from inside a handler has left its bytes: they come after ours.
    const later = this.rest;
    if (at < bytes.length) {
      const rest = at === 0 ? bytes : bytes.subarray(at);
      this.rest = later === undefined ? rest : Buffer.concat([rest, later]);
    } else if (later !== undefined) {
      this.rest = undefined;
      this.#decode(later);
      return;
    }
    this.#afterDecoding();
  }

  #afterDecoding(): void {
    if (this.rest !== undefined) {
      if (!this.#readingPaused) {
        this.#readingPaused = true;
        this.connection.pauseReading();
      }
      return;
    }
    if (this.#readingPaused) {
      this.#readingPaused = false;
      this.connection.resumeReading();
    }
    this.onDecoded();
  }
}

/** Without a new object where all of it is meant. */
export function slice(bytes: Buffer, start: number, end: number): Buffer {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}
