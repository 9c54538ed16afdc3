import type { Headers, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type { Http2Connection } from './connection.ts';
import { Outbox, outboxBytesMax } from './outbox.ts';

/** What came while the stream was paused. */
type Arrival =
  | { readonly kind: 'head'; readonly head: ResponseHead; readonly end: boolean }
  | { readonly kind: 'data'; readonly chunk: Buffer; readonly end: boolean }
  | { readonly kind: 'trailers'; readonly trailers: Headers };

/** A slice that is held keeps all of its chunk in memory: one that is so much smaller is copied. */
const sliceCopiedBelow = 4;

/**
 * What a stream is on both sides: windows, what waits in either direction, and its ends (RFC 9113 §5.1). `Sent` is the kind
 * of head that this side sends.
 */
export abstract class Http2Stream<Sent extends Headers = never> {
  protected readonly core: Http2Connection;
  id = 0;
  /** What the peer takes; negative after it has lowered INITIAL_WINDOW_SIZE. */
  sendWindow = 0;
  /** What the peer may send. */
  receiveWindow = 0;
  /** Octets that were taken and that the peer may not send again yet. */
  #taken = 0;
  /** The peer has ended its direction. */
  remoteEnded = false;
  /** This side's END_STREAM was written. */
  localEnded = false;
  /** Closed, reset, or its connection is gone: nothing is sent any more. */
  over = false;
  /** Body octets that Content-Length promises and that are still to come; -1: nothing was promised. */
  bodyLeft = -1;
  /** @internal In the sender's list. */
  awaitsTurn = false;
  #outbox: Outbox | undefined = undefined;
  /** This side has said its last word, though it may still wait. */
  protected said = false;
  #paused = false;
  #arrivals: Arrival[] | undefined = undefined;
  #heldBytes = 0;
  #wakeScheduled = false;

  constructor(core: Http2Connection) {
    this.core = core;
  }

  abstract sendHead(head: Sent, end: boolean): void;
  abstract sendData(chunk: Buffer, end: boolean): void;
  protected abstract deliverHead(head: ResponseHead, end: boolean): void;
  protected abstract deliverData(chunk: Buffer, end: boolean): void;
  protected abstract deliverTrailers(trailers: Headers): void;
  /** The peer, or the end of the connection, has ended the stream before its time; it is closed. */
  abstract wasReset(reason: ResetReason): void;
  /** This direction's last frame was written. */
  abstract localEnd(): void;
  /** There is room again. */
  abstract onWritable(): void;
  /** After everything that had been held was delivered. */
  protected abstract allDelivered(): void;

  // ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────

  get outbox(): Outbox {
    this.#outbox ??= new Outbox();
    return this.#outbox;
  }

  get writable(): boolean {
    if (this.over || !this.core.connection.writable) return false;
    return this.#outbox === undefined || this.#outbox.bytes < outboxBytesMax;
  }

  /** @internal Data waits for a window. */
  get hasOutbox(): boolean {
    return !this.nothingWaits;
  }

  /** All that was said has been sent as far as windows are concerned. */
  protected get nothingWaits(): boolean {
    return this.#outbox === undefined || this.#outbox.bytes === 0;
  }

  sendWhole(head: Sent, body: Buffer): void {
    const { core } = this;
    const nested = core.gathering;
    core.gathering = true;
    this.sendHead(head, false);
    this.sendData(body, true);
    core.gathering = nested;
    core.flush();
  }

  protected send(chunk: Buffer, end: boolean): void {
    if (end) this.said = true;
    if (this.nothingWaits) {
      if (chunk.length > 0 || end) this.core.sender.send(this, chunk, end);
    } else this.core.sender.hold(this, chunk, end);
    this.core.flush();
  }

  protected sendLast(trailers: Headers): void {
    this.said = true;
    if (this.nothingWaits) this.#writeTrailers(trailers);
    else this.outbox.trailers = trailers;
    this.core.flush();
  }

  /** @internal The outbox is empty. */
  sendWaitingTrailers(): void {
    const trailers = this.#outbox?.trailers;
    if (trailers !== undefined) this.#writeTrailers(trailers);
  }

  #writeTrailers(trailers: Headers): void {
    const { core } = this;
    const block = core.heads.trailers(trailers);
    // Trailers of which nothing is left are an end without any.
    if (block.length > 0) core.writer.headers(this.id, block, true);
    else core.writer.data(this.id, block, 0, 0, true);
    this.localEnd();
  }

  // ── receiving ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether so many octets more, and perhaps the end, fit what Content-Length has promised. */
  fitsLength(bytes: number, end: boolean): boolean {
    if (this.bodyLeft < 0) return true;
    this.bodyLeft -= bytes;
    return end ? this.bodyLeft === 0 : this.bodyLeft >= 0;
  }

  /** Nothing of the body was promised, or all of it has come. */
  get lengthKept(): boolean {
    return this.bodyLeft <= 0;
  }

  receiveHead(head: ResponseHead, end: boolean): void {
    if (this.#holds) this.#hold({ kind: 'head', head, end });
    else this.deliverHead(head, end);
  }

  receiveData(bytes: Buffer, start: number, end: number, last: boolean): void {
    if (this.#holds) {
      const length = end - start;
      const slice = bytes.subarray(start, end);
      const chunk = length * sliceCopiedBelow < bytes.buffer.byteLength ? Buffer.from(slice) : slice;
      this.#heldBytes += length;
      this.core.window.hold(length);
      this.#hold({ kind: 'data', chunk, end: last });
      return;
    }
    this.deliverData(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), last);
    this.take(end - start);
  }

  receiveTrailers(trailers: Headers): void {
    if (this.#holds) this.#hold({ kind: 'trailers', trailers });
    else this.deliverTrailers(trailers);
  }

  /** So many octets were taken: the peer may send as many more, unless the stream is paused. */
  take(bytes: number): void {
    this.#taken += bytes;
    if (this.over || this.remoteEnded || this.#paused) return;
    if (this.#taken * 2 < this.core.settings.initialStreamWindowSize) return;
    this.core.writer.windowUpdate(this.id, this.#taken);
    this.receiveWindow += this.#taken;
    this.#taken = 0;
  }

  protected get paused(): boolean {
    return this.#paused;
  }

  /** Something came that nobody has seen. */
  get hasArrivals(): boolean {
    return this.#arrivals !== undefined;
  }

  protected pause(): void {
    this.#paused = true;
  }

  protected resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#arrivals === undefined) {
      this.take(0);
      this.core.flush();
    } else if (!this.#wakeScheduled) {
      // Later in this turn, so that a handler is never called from inside its own call.
      this.#wakeScheduled = true;
      queueMicrotask(() => this.#deliverArrivals());
    }
  }

  /** Nobody will take what is held. */
  dropArrivals(): void {
    this.#arrivals = undefined;
    this.#release(this.#heldBytes);
  }

  get #holds(): boolean {
    return this.#paused || this.#arrivals !== undefined;
  }

  #hold(arrival: Arrival): void {
    if (this.#arrivals === undefined) this.#arrivals = [arrival];
    else this.#arrivals.push(arrival);
  }

  #deliverArrivals(): void {
    this.#wakeScheduled = false;
    while (!this.#paused && this.#arrivals !== undefined) {
      const arrival = this.#arrivals.shift()!;
      const last = this.#arrivals.length === 0;
      if (last) this.#arrivals = undefined;
      if (arrival.kind === 'head') this.deliverHead(arrival.head, arrival.end);
      else if (arrival.kind === 'trailers') this.deliverTrailers(arrival.trailers);
      else {
        this.#release(arrival.chunk.length);
        this.deliverData(arrival.chunk, arrival.end);
        this.take(arrival.chunk.length);
      }
      if (last) this.allDelivered();
    }
    this.core.flush();
  }

  #release(bytes: number): void {
    if (bytes === 0) return;
    this.#heldBytes -= bytes;
    this.core.window.release(bytes);
  }
}
