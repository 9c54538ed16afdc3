import type { Headers, LocalReply, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type {
  CodecLimits,
  CodecOptions,
  ServerCodec,
  ServerHost,
  ServerStream,
  ServerStreamHandler,
} from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import { type FrameSink, FrameSplitter } from './frame-splitter.ts';
import { resetReasonOf } from './reset-reason.ts';

/**
 * The downstream side of every protocol whose messages are whole frames: streams, limits, drain and the end of the
 * connection. A protocol adds what its frames look like.
 *
 * Reading pauses while `streamsMax` requests wait for an answer, and while the client does not take its answers. In an
 * exclusive protocol it pauses when a second request has come before the first was answered.
 */
export abstract class FrameServerCodec implements ServerCodec, FrameSink {
  readonly connection: Connection;
  protected readonly host: ServerHost;
  protected readonly limits: CodecLimits;
  readonly #splitter: FrameSplitter;
  readonly #exclusive: boolean;
  readonly #streams: FrameServerStream[] = [];
  #readingPaused = false;
  /** The client ended its direction. */
  #ended = false;
  /** The connection is gone, given away, or being closed by us. */
  #over = false;
  #drain: 'no' | 'asked' | 'told' = 'no';

  /** `exclusive`: a request waits for the answer to the one before. */
  constructor(connection: Connection, host: ServerHost, options: CodecOptions, headBytes: number, exclusive = false) {
    this.connection = connection;
    this.host = host;
    this.limits = options.limits;
    this.#splitter = new FrameSplitter(this, headBytes);
    this.#exclusive = exclusive;
  }

  abstract frameLength(bytes: Buffer, at: number, end: number): number;
  abstract onFrame(frame: Buffer): void;
  /** Tells the client to send no new requests, where the protocol has a frame for it. */
  protected abstract sendGoAway(): void;

  get activeStreams(): number {
    return this.#streams.length;
  }

  get heldBytes(): number {
    return this.#splitter.heldBytes;
  }

  get full(): boolean {
    return this.#streams.length >= (this.#exclusive ? 1 : this.limits.streamsMax) || !this.connection.writable;
  }

  receive(chunk: Buffer): void {
    if (this.#over) return;
    this.#splitter.push(chunk);
    this.#settle();
  }

  receiveEnd(): void {
    if (this.#over) return;
    this.#ended = true;
    this.#settle();
  }

  connectionClosed(cause: CloseCause): void {
    this.#finish(resetReasonOf(cause));
  }

  connectionWritable(): void {
    if (this.#over) return;
    for (let at = this.#streams.length - 1; at >= 0; at--) this.#streams[at]?.handler?.onResponseWritable();
    this.#settle();
  }

  goAway(): void {
    if (this.#over || this.#drain !== 'no') return;
    this.#drain = 'asked';
    this.sendGoAway();
    this.#settle();
  }

  detach(): Buffer | undefined {
    if (this.#over || this.#streams.length > 0) return undefined;
    const rest = this.#splitter.detach();
    if (rest !== undefined) this.#over = true;
    return rest;
  }

  /**
   * Hands a request to the engine. A one-way request needs no stream: nothing goes back, and it is carried out even if its
   * client leaves.
   */
  protected begin(stream: FrameServerStream, head: RequestHead): void {
    if (!head.oneWay) {
      stream.place = this.#streams.length;
      this.#streams.push(stream);
    }
    stream.handler = this.host.onRequest(stream, head, true);
  }

  /** A fault after which nothing that follows can be trusted. */
  protected fail(code: string, message: string): void {
    if (this.#over) return;
    this.host.onFault({ scope: 'connection', code, message });
    this.connection.close('flush');
    this.#finish('protocol-error');
  }

  /** @internal The last frame of a stream. */
  complete(stream: FrameServerStream, frame: Buffer): void {
    this.connection.write(frame);
    this.#forget(stream);
    this.#settle();
  }

  /** @internal A stream that has to be answered, in a protocol that has no words for it: only the end says that it failed. */
  abandon(stream: FrameServerStream): void {
    this.#forget(stream);
    this.connection.close('flush');
    this.#finish('local-reset');
  }

  #forget(stream: FrameServerStream): void {
    const last = this.#streams.pop()!;
    if (last !== stream) {
      this.#streams[stream.place] = last;
      last.place = stream.place;
    }
    stream.place = -1;
  }

  #finish(reason: ResetReason): void {
    this.#over = true;
    this.#splitter.stop();
    const streams = this.#streams.splice(0);
    for (const stream of streams) stream.place = -1;
    for (const stream of streams) stream.handler?.onRequestReset(reason);
  }

  /** Goes on reading, or stops, or ends: after anything that may have changed which. */
  #settle(): void {
    if (this.#over) return;
    this.#splitter.resume();
    // The sink may have failed while frames were handled.
    if (this.#over) return;
    // One call at a time is how an exclusive protocol is spoken: a client that sends no second one is not slowed down.
    const pauses = this.full && !(this.#exclusive && this.#splitter.empty);
    if (pauses !== this.#readingPaused) {
      this.#readingPaused = pauses;
      if (this.#readingPaused) this.connection.pauseReading();
      else this.connection.resumeReading();
    }
    if (this.#streams.length > 0) return;
    if (this.#drain === 'asked' && this.#splitter.empty) {
      this.#drain = 'told';
      this.host.onDrained?.();
    }
    if (!this.#ended || this.#over) return;
    if (this.heldBytes > 0) this.fail('truncated_frame', `the client ended ${this.heldBytes} bytes into a frame`);
    else if (this.#splitter.empty) {
      this.connection.close('flush');
      this.#finish('connection-termination');
    }
  }
}

/** The way back for one request: one frame, or nothing. */
export abstract class FrameServerStream implements ServerStream {
  readonly #codec: FrameServerCodec;
  /** @internal Where the codec keeps it; negative when it is over. */
  place = -1;
  /** @internal */
  handler: ServerStreamHandler | undefined = undefined;

  constructor(codec: FrameServerCodec) {
    this.#codec = codec;
  }

  /** The frame with the client's id in it; undefined where it does not fit. Throws `foreign_head`. */
  protected abstract encodeResponse(head: ResponseHead): Buffer | undefined;
  /** Undefined where the protocol has no answer of that kind. */
  protected abstract encodeReply(reply: LocalReply): Buffer | undefined;

  get writable(): boolean {
    return this.#codec.connection.writable;
  }

  sendInformational(): void {}

  sendHead(head: ResponseHead, end: boolean): void {
    if (this.place < 0) return;
    const frame = this.encodeResponse(head);
    if (frame === undefined) this.reset('overflow');
    else if (!end) this.reset('protocol-error');
    else this.#codec.complete(this, frame);
  }

  /** A whole message has no data of its own: what would follow a head is refused by {@link sendHead}. */
  sendData(_chunk: Buffer, _end: boolean): void {
    this.reset('protocol-error');
  }

  sendTrailers(_trailers: Headers): void {
    this.reset('protocol-error');
  }

  sendReply(reply: LocalReply): void {
    if (this.place < 0) return;
    const frame = this.encodeReply(reply);
    if (frame === undefined) this.#codec.abandon(this);
    else this.#codec.complete(this, frame);
  }

  /** Nothing was sent yet, so a native error is how the client sees that the call is broken. */
  reset(reason: ResetReason): void {
    this.sendReply({ status: 502, body: `call was reset: ${reason}`, details: `reset:${reason}`, flags: 0 });
  }

  pauseRequest(): void {}
  resumeRequest(): void {}
}
