import type { CodecOptions, ProtocolFault, ServerCodec, ServerHost } from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import { endedStream, ownResetStream } from './closed-streams.ts';
import { ErrorCode, reasonOfErrorCode } from './error-code.ts';
import { flood, type Http2Fault, protocolFault, reported } from './fault.ts';
import { requestFields, trailerFields } from './field-reader.ts';
import { clientPreface, largestStreamId } from './frame.ts';
import { FrameRules } from './frame-rules.ts';
import { Heartbeats } from './heartbeats.ts';
import { readRequest } from './read-request.ts';
import { Http2ServerStream } from './server-stream.ts';
import { announce } from './settings-frame.ts';
import type { Http2Stream } from './stream.ts';

const nothing = Buffer.alloc(0);
const headTooLarge = { status: 431, body: '', details: 'http2.header_overflow', flags: 0 };

// How far a drain has come.
const serving = 0;
/** The client was asked not to open streams; those that it opened before it knew are served. */
const noticed = 1;
/** The last stream that counts was told. */
const going = 2;
const drained = 3;

/**
 * HTTP/2 on a client's connection. While the client does not take what is written to it, nothing of it is decoded, so
 * that no question of its can pile up answers.
 */
export class Http2ServerCodec extends FrameRules implements ServerCodec {
  readonly #host: ServerHost;
  readonly #streamsMax: number;
  readonly #heartbeats = new Heartbeats();
  /** Octets of the preface that have come. */
  #prefaceLength = 0;
  #lastStream = 0;
  #drain = serving;
  /** Streams above it are not served: what GOAWAY has told. */
  #lastServed = largestStreamId;
  #readingPaused = false;
  /** The fault that comes next is a head that is not passed on. */
  #rejecting = false;

  constructor(connection: Connection, host: ServerHost, options: CodecOptions) {
    super(connection, options, false);
    this.#host = host;
    this.#streamsMax = this.settings.maxConcurrentStreams ?? options.limits.streamsMax;
    announce(this.writer, this.settings, options.limits, this.#streamsMax);
    this.writer.flush();
  }

  get activeStreams(): number {
    return this.streams.size;
  }

  get full(): boolean {
    return !this.connection.writable;
  }

  override get heldBytes(): number {
    const preface = this.#prefaceLength < clientPreface.length ? this.#prefaceLength : 0;
    return preface + super.heldBytes;
  }

  receive(chunk: Buffer): void {
    if (this.over) return;
    const rest = this.#prefaceLength < clientPreface.length ? this.#readPreface(chunk) : chunk;
    if (rest !== undefined) this.receiveFrames(rest);
    this.#settle();
  }

  receiveEnd(): void {
    if (this.over) return;
    this.connection.close('flush');
    this.#finish('connection-termination');
  }

  connectionClosed(_cause: CloseCause): void {
    if (!this.over) this.#finish('connection-termination');
  }

  connectionWritable(): void {
    if (this.over) return;
    this.sender.resume();
    this.flush();
    for (const stream of this.#list()) if (stream.writable) stream.onWritable();
    if (this.over) return;
    this.receiveFrames(undefined);
    this.#settle();
  }

  detach(): undefined {
    return undefined;
  }

  sendHeartbeat(): boolean {
    if (this.over) return false;
    this.writer.ping(this.#heartbeats.ask(), 0, false);
    this.flush();
    return true;
  }

  goAway(): void {
    if (this.over) return;
    if (this.#drain === serving) {
      this.#drain = noticed;
      this.writer.goAway(largestStreamId, ErrorCode.noError);
      this.writer.ping(this.#heartbeats.askDrain(), 0, false);
      this.flush();
    } else if (this.#drain === noticed) this.#tellLastStream();
  }

  #tellLastStream(): void {
    this.#drain = going;
    this.#lastServed = this.#lastStream;
    this.writer.goAway(this.#lastStream, ErrorCode.noError);
    this.flush();
    this.#settle();
  }

  /** @internal One stream less. */
  streamClosed(): void {
    if (this.#drain === going) this.#settle();
  }

  /** Goes on reading or stops, and tells when everything is served. */
  #settle(): void {
    if (this.over) return;
    if (this.full !== this.#readingPaused) {
      this.#readingPaused = !this.#readingPaused;
      if (this.#readingPaused) this.connection.pauseReading();
      else this.connection.resumeReading();
    }
    if (this.#drain === going && this.streams.size === 0 && !this.reader.waiting) this.#reportDrained();
  }

  #reportDrained(): void {
    if (this.#drain === serving || this.#drain === drained) return;
    this.#drain = drained;
    // What ended the last stream may not have left the writer yet, and the engine closes the connection now.
    this.flush();
    this.#host.onDrained?.();
  }

  #finish(reason: 'connection-termination' | 'protocol-error'): void {
    this.stop();
    for (const stream of this.removeAll()) stream.wasReset(reason);
  }

  #list(): Http2Stream[] {
    return [...this.streams.values()];
  }

  /** What follows the preface; undefined while it is not whole, or when it is none. */
  #readPreface(chunk: Buffer): Buffer | undefined {
    const length = Math.min(chunk.length, clientPreface.length - this.#prefaceLength);
    for (let at = 0; at < length; at++) {
      if (chunk[at] === clientPreface[this.#prefaceLength + at]) continue;
      this.fail(protocolFault('bad_preface', 'the connection does not begin with the preface of HTTP/2'));
      return undefined;
    }
    this.#prefaceLength += length;
    return length === chunk.length ? undefined : chunk.subarray(length);
  }

  // ── of the connection ─────────────────────────────────────────────────────────────────────────────────────────

  protected get lastPeerStream(): number {
    return Math.min(this.#lastStream, this.#lastServed);
  }

  protected get lastStream(): number {
    return this.#lastStream;
  }

  protected isIdle(streamId: number): boolean {
    return streamId > this.#lastStream || (streamId & 1) === 0;
  }

  protected report(fault: ProtocolFault): void {
    this.#host.onFault(this.#rejecting ? { ...fault, answered: 0 } : fault);
    this.#rejecting = false;
  }

  protected acceptsData(): boolean {
    return true;
  }

  protected onPing(): void {
    this.#host.onHeartbeat?.();
  }

  protected onPingAck(payload: Buffer, at: number): void {
    if (this.#heartbeats.isDrainAnswer(payload, at)) {
      if (this.#drain === noticed) this.#tellLastStream();
    } else if (this.#heartbeats.isAnswer(payload, at)) this.#host.onHeartbeatReply?.();
  }

  /** It concerns streams that we would open, and we open none. */
  protected onGoAway(): void {}

  protected onPeerSettings(): void {}

  protected streamLost(stream: Http2Stream, fault: Http2Fault | undefined, errorCode: number): void {
    const unanswered = !(stream as Http2ServerStream).headSent;
    stream.wasReset(fault === undefined ? reasonOfErrorCode(errorCode) : 'protocol-error');
    this.streamClosed();
    if (fault === undefined && unanswered) this.failIf(this.guard.prematureReset());
  }

  protected failAll(): void {
    this.#finish('protocol-error');
    this.#reportDrained();
  }

  // ── header blocks ─────────────────────────────────────────────────────────────────────────────────────────────

  protected onBlock(): void {
    const { streamId } = this.block;
    const stream = this.streams.get(streamId);
    if (stream === undefined && streamId > this.#lastStream) {
      this.#onRequest(streamId);
      return;
    }
    this.fields.begin(trailerFields);
    if (!this.decodeBlock()) return;
    if (stream !== undefined) this.onTrailers(stream);
    else this.closedFrame(streamId, 'HEADERS');
  }

  #onRequest(streamId: number): void {
    const { block, fields, guard } = this;
    const { endStream, selfDependent } = block;
    this.#lastStream = streamId;
    guard.onStream();
    fields.begin(requestFields);
    if (!this.decodeBlock()) return;
    if (streamId > this.#lastServed) this.closedStreams.add(streamId, ownResetStream);
    else if (selfDependent) this.failStream(streamId, protocolFault('self_dependency', 'depends on itself'));
    else if (this.streams.size >= this.#streamsMax) {
      const message = `more than ${this.#streamsMax} streams`;
      this.failStream(streamId, { code: 'too_many_streams', message, errorCode: ErrorCode.refusedStream });
    } else if (fields.oversized) this.#refuseHead(streamId, endStream);
    else if (fields.malformed !== '') this.#rejectHead(streamId, fields.malformed);
    else this.#begin(streamId, endStream);
  }

  #begin(streamId: number, endStream: boolean): void {
    const { fields, settings } = this;
    const { contentLength } = fields;
    const head = readRequest(fields, settings.allowConnect);
    if (typeof head === 'string') {
      this.#rejectHead(streamId, head);
      return;
    }
    if (endStream && contentLength > 0) {
      this.#rejectHead(streamId, 'Content-Length of a request without a body');
      return;
    }
    const stream = new Http2ServerStream(this, head);
    stream.id = streamId;
    stream.sendWindow = this.peer.windowBytes;
    stream.receiveWindow = settings.initialStreamWindowSize;
    stream.bodyLeft = contentLength;
    stream.remoteEnded = endStream;
    stream.wantsContinue = fields.expectsContinue && !endStream;
    stream.continuePending = stream.wantsContinue && !settings.proxy100Continue;
    this.enter(stream);
    const complete = endStream && !stream.asksForTunnel;
    stream.handler = this.#host.onRequest(stream, head, complete);
    if (endStream && !complete && !stream.over) stream.receiveData(nothing, 0, 0, true);
    stream.offerContinue();
  }

  /** Malformed: nobody can be sure what an answer would be to. */
  #rejectHead(streamId: number, message: string): void {
    this.#rejecting = true;
    this.failMessage(streamId, message);
  }

  /** Answered, for as long as the client does not make a habit of it. */
  #refuseHead(streamId: number, endStream: boolean): void {
    const fault = flood('header_overflow', 'header fields above the limit');
    const reply = this.#host.decorateReply?.(headTooLarge) ?? headTooLarge;
    this.writer.headers(streamId, this.heads.reply({ ...reply, body: '' }, 0, true), true);
    if (!endStream) this.writer.reset(streamId, ErrorCode.noError);
    this.closedStreams.add(streamId, endStream ? endedStream : ownResetStream);
    const habit = this.guard.oversizedHead();
    this.report({ ...reported(fault, 'stream'), answered: reply.status });
    if (habit !== undefined) this.fail(habit);
  }
}
