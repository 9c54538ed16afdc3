import type { Headers, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type {
  ClientCodec,
  ClientHost,
  ClientStream,
  ClientStreamHandler,
  CodecLimits,
  CodecOptions,
} from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import { type FrameSink, FrameSplitter } from './frame-splitter.ts';
import { resetReasonOf } from './reset-reason.ts';
import { StreamTable } from './stream-table.ts';

/**
 * The upstream side of every protocol whose messages are whole frames: ids, limits, going away and the end
 * of the connection. A protocol adds what its frames look like. Replies are always read, for a server
 * may stop reading requests until they are.
 */
export abstract class FrameClientCodec implements ClientCodec, FrameSink {
  readonly connection: Connection;
  protected readonly host: ClientHost;
  protected readonly limits: CodecLimits;
  readonly full = false;
  readonly #splitter: FrameSplitter;
  readonly #exclusive: boolean;
  readonly #streams = new StreamTable<FrameClientStream>();
  #retired = false;
  #over = false;
  #heartbeatsPending = 0;

  /** `exclusive`: one request at a time, and a connection on which an answer is given up is closed. */
  constructor(connection: Connection, host: ClientHost, options: CodecOptions, headBytes: number, exclusive = false) {
    this.connection = connection;
    this.host = host;
    this.limits = options.limits;
    this.#splitter = new FrameSplitter(this, headBytes);
    this.#exclusive = exclusive;
  }

  abstract frameLength(bytes: Buffer, at: number, end: number): number;
  abstract onFrame(frame: Buffer): void;
  protected abstract createStream(handler: ClientStreamHandler): FrameClientStream;
  protected abstract encodeHeartbeat(id: number): Buffer;

  get available(): number {
    if (this.#retired) return 0;
    return Math.max(0, (this.#exclusive ? 1 : this.limits.streamsMax) - this.#streams.size);
  }

  get retired(): boolean {
    return this.#retired;
  }

  get activeStreams(): number {
    return this.#streams.size;
  }

  get heldBytes(): number {
    return this.#splitter.heldBytes;
  }

  openStream(handler: ClientStreamHandler): ClientStream {
    const stream = this.createStream(handler);
    this.#streams.add(stream);
    return stream;
  }

  sendHeartbeat(): boolean {
    if (this.#over) return false;
    this.#heartbeatsPending++;
    this.connection.write(this.encodeHeartbeat(this.#streams.nextId()));
    return true;
  }

  receive(chunk: Buffer): void {
    if (!this.#over) this.#splitter.push(chunk);
  }

  receiveEnd(): void {
    if (this.#over) return;
    if (this.heldBytes > 0) {
      this.fail('truncated_frame', `the server ended ${this.heldBytes} bytes into a frame`);
    } else {
      this.connection.close('flush');
      this.#finish('connection-termination');
    }
  }

  connectionClosed(cause: CloseCause): void {
    this.#finish(resetReasonOf(cause));
  }

  connectionWritable(): void {
    for (const stream of this.#streams.list()) if (this.has(stream)) stream.handler.onRequestWritable();
  }

  detach(): Buffer | undefined {
    if (this.#over || this.#streams.size > 0) return undefined;
    const rest = this.#splitter.detach();
    if (rest !== undefined) this.#over = this.#retired = true;
    return rest;
  }

  /**
   * A reply came: to the stream that waits under that id, or to the only one that there can be, or to nobody. Exclusive: a
   * server that answers twice, or a one-way call, would have its replies go to the calls that follow, were it not for their
   * ids (0 where the protocol has none).
   */
  protected deliver(id: number, head: ResponseHead): void {
    const stream = this.#exclusive ? this.#streams.list()[0] : this.#streams.get(id);
    if (stream === undefined || !stream.sent) {
      this.unsolicited();
      return;
    }
    if (id !== 0 && id !== stream.id) {
      this.fail('wrong_reply', 'a reply has the id of another call');
      return;
    }
    this.#streams.remove(stream);
    stream.handler.onResponseHead(head, true);
    this.host.onStreamEnd();
  }

  /** A reply that nobody waits for. */
  protected unsolicited(): void {
    this.host.onUnsolicited();
    if (this.#exclusive) this.#close();
  }

  protected deliverHeartbeatReply(): void {
    if (this.#heartbeatsPending === 0) {
      this.host.onUnsolicited();
      return;
    }
    this.#heartbeatsPending--;
    this.host.onHeartbeatReply?.();
  }

  /** Answers what the server asks of us, unless it does not even take what it already has. */
  protected answer(frame: Buffer): void {
    if (this.connection.writable) this.connection.write(frame);
  }

  /** The server wants no new requests here; those it has are answered. */
  protected retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.host.onAvailabilityChange();
  }

  /** A fault after which nothing that follows can be trusted. */
  protected fail(code: string, message: string): void {
    if (this.#over) return;
    this.#over = this.#retired = true;
    this.host.onFault({ scope: 'connection', code, message });
    this.connection.close('now');
    this.#finish('protocol-error');
  }

  /** @internal Writes the only frame of a stream; a one-way stream is over with it. */
  transmit(stream: FrameClientStream, frame: Buffer, oneWay: boolean): void {
    if (this.#over || stream.sent || this.#streams.get(stream.id) !== stream) return;
    stream.sent = true;
    this.connection.write(frame);
    if (oneWay) this.abandon(stream);
  }

  /** @internal True while the stream waits for its reply. */
  has(stream: FrameClientStream): boolean {
    return this.#streams.get(stream.id) === stream;
  }

  /** @internal Nobody waits for this stream any more; a late reply is unsolicited. */
  abandon(stream: FrameClientStream): void {
    if (this.#streams.remove(stream)) this.host.onStreamEnd();
  }

  /** @internal The answer to a stream is not wanted any more. */
  giveUp(stream: FrameClientStream): void {
    if (this.#exclusive && stream.sent && this.has(stream)) this.#retired = true;
    this.abandon(stream);
    if (this.#exclusive && this.#retired) this.#close();
  }

  #close(): void {
    if (this.#over) return;
    this.connection.close('now');
    this.#finish('connection-termination');
  }

  #finish(reason: ResetReason): void {
    this.#over = this.#retired = true;
    this.#splitter.stop();
    for (const stream of this.#streams.clear()) {
      stream.handler.onResponseReset(reason);
      this.host.onStreamEnd();
    }
  }
}

/** One request on its way: one frame out, one frame back. */
export abstract class FrameClientStream implements ClientStream {
  readonly #codec: FrameClientCodec;
  readonly handler: ClientStreamHandler;
  /** @internal Given by the table. */
  id = 0;
  /** @internal The request's frame was written. */
  sent = false;

  constructor(codec: FrameClientCodec, handler: ClientStreamHandler) {
    this.#codec = codec;
    this.handler = handler;
  }

  /** The frame with this stream's id in it; undefined where it does not fit. Throws `foreign_head`. */
  protected abstract encodeRequest(head: RequestHead): Buffer | undefined;

  get writable(): boolean {
    return this.#codec.connection.writable;
  }

  sendHead(head: RequestHead, end: boolean): void {
    if (this.sent || !this.#codec.has(this)) return;
    const frame = this.encodeRequest(head);
    if (frame === undefined) this.#refuse('overflow');
    else if (!end) this.#refuse('protocol-error');
    else this.#codec.transmit(this, frame, head.oneWay);
  }

  /** A whole message has no data of its own: what would follow a head is refused by {@link sendHead}. */
  sendData(_chunk: Buffer, _end: boolean): void {}
  sendTrailers(_trailers: Headers): void {}

  reset(_reason: ResetReason): void {
    this.#codec.giveUp(this);
  }

  pauseResponse(): void {}
  resumeResponse(): void {}

  #refuse(reason: ResetReason): void {
    this.#codec.abandon(this);
    this.handler.onResponseReset(reason);
  }
}
