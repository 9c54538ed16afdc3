import type { ResetReason } from '@sofamesh/contract/message';
import type {
  ClientCodec,
  ClientHost,
  ClientStream,
  ClientStreamHandler,
  CodecOptions,
  ProtocolFault,
} from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import { resetReasonOf } from '../shared/reset-reason.ts';
import { Http2ClientStream } from './client-stream.ts';
import { ownResetStream } from './closed-streams.ts';
import { ErrorCode, reasonOfErrorCode } from './error-code.ts';
import { flood, type Http2Fault } from './fault.ts';
import { responseFields, trailerFields } from './field-reader.ts';
import { clientPreface, largestStreamId } from './frame.ts';
import { FrameRules } from './frame-rules.ts';
import { Heartbeats } from './heartbeats.ts';
import { readResponse } from './read-response.ts';
import { announce } from './settings-frame.ts';
import type { Http2Stream } from './stream.ts';

/** HTTP/2 on a connection to an upstream. Answers are always read, for a server may stop reading requests until they are. */
export class Http2ClientCodec extends FrameRules implements ClientCodec {
  readonly full = false;
  readonly #host: ClientHost;
  readonly #heartbeats = new Heartbeats();
  /** Opened, and without an id as long as they have no head. */
  readonly #unsent: Http2ClientStream[] = [];
  #active = 0;
  #nextStream = 1;
  #retired = false;
  /** What the peer allowed when the pool was last told. */
  #peerStreams = this.peer.concurrentStreams;

  constructor(connection: Connection, host: ClientHost, options: CodecOptions) {
    super(connection, options, true);
    this.#host = host;
    this.writer.raw(clientPreface);
    announce(this.writer, this.settings, options.limits);
    this.writer.flush();
  }

  get activeStreams(): number {
    return this.#active;
  }

  get available(): number {
    if (this.#retired) return 0;
    return Math.max(0, Math.min(this.limits.streamsMax, this.peer.concurrentStreams) - this.#active);
  }

  get retired(): boolean {
    return this.#retired;
  }

  openStream(handler: ClientStreamHandler): ClientStream {
    const stream = new Http2ClientStream(this, handler);
    this.#unsent.push(stream);
    this.#active++;
    return stream;
  }

  sendHeartbeat(): boolean {
    if (this.over) return false;
    this.writer.ping(this.#heartbeats.ask(), 0, false);
    this.flush();
    return true;
  }

  receive(chunk: Buffer): void {
    if (!this.over) this.receiveFrames(chunk);
  }

  receiveEnd(): void {
    if (this.over) return;
    const idle = this.#active === 0;
    this.connection.close('flush');
    this.#finish('connection-termination');
    if (idle) this.#host.onAvailabilityChange();
  }

  connectionClosed(cause: CloseCause): void {
    if (!this.over) this.#finish(resetReasonOf(cause));
  }

  connectionWritable(): void {
    if (this.over) return;
    this.sender.resume();
    this.flush();
    for (const stream of [...this.streams.values()]) if (stream.writable) stream.onWritable();
  }

  detach(): undefined {
    return undefined;
  }

  // ── of the streams ────────────────────────────────────────────────────────────────────────────────────────────

  /** @internal Whether the peer takes extended CONNECT (RFC 8441); unknown before its settings have come. */
  get extendedConnect(): 'yes' | 'no' | 'unknown' {
    if (!this.peer.received) return 'unknown';
    return this.peer.enableConnect ? 'yes' : 'no';
  }

  /** @internal Gives a stream its id; false where the peer takes no more. */
  number(stream: Http2ClientStream): boolean {
    if (this.#retired) return false;
    this.#forgetUnsent(stream);
    stream.id = this.#nextStream;
    stream.sendWindow = this.peer.windowBytes;
    stream.receiveWindow = this.settings.initialStreamWindowSize;
    this.enter(stream);
    this.#nextStream += 2;
    this.guard.onStream();
    if (this.#nextStream > largestStreamId) this.#retire();
    return true;
  }

  /** @internal The stream does not count any more; {@link streamEnded} follows when its handler has been told. */
  release(stream: Http2ClientStream): void {
    this.#active--;
    if (stream.id === 0) this.#forgetUnsent(stream);
  }

  /** @internal */
  streamEnded(): void {
    this.#host.onStreamEnd();
  }

  #forgetUnsent(stream: Http2ClientStream): void {
    const at = this.#unsent.lastIndexOf(stream);
    if (at === this.#unsent.length - 1) this.#unsent.pop();
    else if (at >= 0) this.#unsent.splice(at, 1);
  }

  #retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#host.onAvailabilityChange();
  }

  #finish(reason: ResetReason): void {
    this.stop();
    this.#retired = true;
    const unsent = this.#unsent.splice(0);
    for (const stream of unsent) stream.over = true;
    for (const stream of [...this.removeAll(), ...unsent]) stream.wasReset(reason);
  }

  // ── of the connection ─────────────────────────────────────────────────────────────────────────────────────────

  /** Servers open none here. */
  protected get lastPeerStream(): number {
    return 0;
  }

  protected get lastStream(): number {
    return this.#nextStream - 2;
  }

  protected isIdle(streamId: number): boolean {
    return streamId >= this.#nextStream || (streamId & 1) === 0;
  }

  protected report(fault: ProtocolFault): void {
    this.#host.onFault(fault);
  }

  protected onPing(): void {}

  protected onPingAck(payload: Buffer, at: number): void {
    if (this.#heartbeats.isAnswer(payload, at)) this.#host.onHeartbeatReply?.();
    else this.#host.onUnsolicited();
  }

  /** Streams above the last one were not begun: anybody may send them again (RFC 9113 §6.8). */
  protected onGoAway(lastStreamId: number): void {
    this.#retire();
    for (const stream of [...this.streams.values()]) {
      if (stream.id <= lastStreamId || stream.over) continue;
      this.remove(stream, ownResetStream);
      stream.wasReset('refused');
    }
  }

  protected onPeerSettings(): void {
    for (const stream of [...this.#unsent]) stream.settingsCame();
    this.sender.resume();
    if (this.#retired || this.peer.concurrentStreams === this.#peerStreams) return;
    this.#peerStreams = this.peer.concurrentStreams;
    this.#host.onAvailabilityChange();
  }

  protected streamLost(stream: Http2Stream, fault: Http2Fault | undefined, errorCode: number): void {
    // A server that says so has not understood this side, or is not understood: as in Envoy it is no good gateway to it.
    const misunderstood = fault !== undefined || errorCode === ErrorCode.protocolError;
    stream.wasReset(misunderstood ? 'protocol-error' : reasonOfErrorCode(errorCode));
  }

  protected failAll(): void {
    this.#finish('protocol-error');
  }

  protected acceptsData(stream: Http2Stream): boolean {
    if ((stream as Http2ClientStream).headReceived) return true;
    this.failMessage(stream.id, 'DATA before the head of its response');
    return false;
  }

  // ── header blocks ─────────────────────────────────────────────────────────────────────────────────────────────

  protected onBlock(): void {
    const { block, fields } = this;
    const { streamId } = block;
    const stream = this.streams.get(streamId) as Http2ClientStream | undefined;
    fields.begin(stream?.headReceived ? trailerFields : responseFields);
    if (!this.decodeBlock()) return;
    if (stream === undefined) {
      if (fields.status !== undefined && !fields.status.startsWith('1')) this.#host.onUnsolicited();
      this.closedFrame(streamId, 'HEADERS');
    } else if (stream.headReceived || stream.remoteEnded) this.onTrailers(stream);
    else if (fields.oversized) this.failStream(streamId, flood('header_overflow', 'header fields above the limit'));
    else if (fields.malformed !== '') this.failMessage(streamId, fields.malformed);
    else this.#onResponse(stream);
  }

  #onResponse(stream: Http2ClientStream): void {
    const { endStream } = this.block;
    const head = readResponse(this.fields);
    if (typeof head === 'string') this.failMessage(stream.id, head);
    else if (head.status < 200) {
      if (endStream) this.failMessage(stream.id, 'an interim response that ends the stream');
      else if (++stream.informational > this.settings.informationalMax) {
        this.failStream(stream.id, flood('too_many_informational', 'too many interim responses'));
      } else stream.receiveHead(head, false);
    } else {
      stream.accept(head, this.fields.contentLength);
      if (endStream && !stream.lengthKept) {
        this.failMessage(stream.id, 'Content-Length of a response without a body');
        return;
      }
      stream.remoteEnded = endStream;
      stream.receiveHead(head, endStream);
    }
  }
}
