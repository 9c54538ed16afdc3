import { type ResetReason, ResponseFlag } from '@sofamesh/contract/message';
import type { CodecOptions, ServerCodec, ServerHost } from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import { BodyReader, bodyData, bodyEnd, bodyLastData, bodyNeedsMore, bodyRefused } from './body-reader.ts';
import { BodyWriter } from './body-writer.ts';
import { DecodingLoop, slice } from './decoding-loop.ts';
import { type Http1Fault, refused } from './fault.ts';
import { bodyUntilClose, chunkedBody, Framing, noBody } from './framing.ts';
import { HeadReader, headComplete, headIncomplete } from './head-reader.ts';
import { encodeLocalReply } from './head-writer.ts';
import { readRequest } from './read-request.ts';
import { Http1RequestHead } from './request-head.ts';
import { Http1ServerStream, type RequestSide } from './server-stream.ts';
import { http1Settings, type ResolvedHttp1Settings } from './settings.ts';
import { statusText } from './status-text.ts';
import { readTrailers } from './trailers.ts';

// What the next octet belongs to.
/** A head, or nothing yet. */
const inHead = 0;
const inBody = 1;
/** A later request: the one in progress is complete and not answered, so nothing is read. */
const awaitingAnswer = 2;
/** The body of a request that was answered early. */
const inUnwantedBody = 3;
const inTunnel = 4;
const stopped = 5;

const noData = Buffer.alloc(0);

/**
 * HTTP/1 on a client's connection. Requests are decoded and served strictly one after the other: while one is in
 * progress the bytes of the next wait, and reading pauses as soon as there are any, so that no more than a chunk or two
 * is ever held. Decoding also stops while the client does not take what is written to it.
 */
export class Http1ServerCodec extends DecodingLoop implements ServerCodec, RequestSide {
  readonly #host: ServerHost;
  readonly #settings: ResolvedHttp1Settings;
  readonly #secure: boolean;
  readonly #head: HeadReader;
  readonly #body: BodyReader;
  readonly #bodyOut: BodyWriter;
  readonly #framing = new Framing();
  #state = inHead;
  #stream: Http1ServerStream | undefined = undefined;
  #requestPaused = false;
  #goingAway = false;
  /** The connection ends with the answer that is under way. */
  #isLast = false;
  #drained = false;
  #unwantedBytes = 0;
  /** The chunk that is being decoded has bytes behind the request in progress. */
  #more = false;

  constructor(connection: Connection, host: ServerHost, options: CodecOptions) {
    super(connection);
    this.#host = host;
    this.#settings = http1Settings(options.settings);
    this.#secure = connection.tls !== undefined;
    const keepsCase = this.#settings.headerKeyFormat === 'preserve';
    this.#head = new HeadReader('request', options.limits, keepsCase);
    this.#body = new BodyReader(options.limits, keepsCase);
    this.#bodyOut = new BodyWriter(connection, this.#settings);
  }

  get activeStreams(): number {
    return this.#stream === undefined ? 0 : 1;
  }

  get heldBytes(): number {
    return this.#head.held + this.#body.held;
  }

  connectionClosed(_cause: CloseCause): void {
    const stream = this.#stream;
    this.#stop();
    if (stream === undefined) return;
    stream.ended = true;
    stream.handler?.onRequestReset('connection-termination');
  }

  connectionWritable(): void {
    const stream = this.#stream;
    if (stream !== undefined && !stream.ended) stream.handler?.onResponseWritable();
    this.scheduleWake();
  }

  /** Requests that are here already are served; when it is said again, only the one under way. */
  goAway(): void {
    if (this.#state === stopped) return;
    if (this.#goingAway) {
      this.#isLast = true;
      if (this.#state === inHead) this.#closeAfterFlush();
      return;
    }
    this.#goingAway = true;
    const idle = this.#state === inHead && this.#head.held === 0 && this.rest === undefined;
    if (idle || this.#state === inUnwantedBody) this.#closeAfterFlush();
  }

  abandonHead(): void {
    if (this.#state !== inHead || this.decoding || this.#head.held === 0) this.#closeAfterFlush();
    else this.#refuse(refused('request_header_timeout', 'head not whole in time', 408));
  }

  detach(): Buffer | undefined {
    if (this.#state !== inHead || this.decoding) return undefined;
    const held = this.#head.takeHeld();
    const rest = this.rest;
    this.#state = stopped;
    this.rest = undefined;
    if (rest === undefined) return held;
    return held.length === 0 ? rest : Buffer.concat([held, rest]);
  }

  // ── called by the stream ──────────────────────────────────────────────────────────────────────────────────────

  get closesAfterResponse(): boolean {
    return this.#isLast || ((this.#goingAway || this.peerEnded) && !this.#more && this.rest === undefined);
  }

  get wouldAbandonRequest(): boolean {
    if (this.#state !== inBody) return false;
    return this.#body.kind === chunkedBody || this.#body.remaining > this.#settings.drainBytesMax;
  }

  responseEnded(stream: Http1ServerStream): void {
    if (this.#state === inTunnel) {
      this.connection.end();
      if (this.peerEnded && this.rest === undefined) this.#closeAfterFlush();
      return;
    }
    this.#stream = undefined;
    this.#requestPaused = false;
    if (stream.closes || (this.#goingAway && this.#state === inBody)) this.#closeAfterFlush();
    else if (this.#state === inBody) {
      this.#state = inUnwantedBody;
      this.#unwantedBytes = 0;
      this.scheduleWake();
    } else this.#nextRequest();
  }

  responseBroken(stream: Http1ServerStream): void {
    this.connection.close(stream.endsWithConnection ? 'reset' : 'flush');
    this.#stop();
    this.#reportDrained();
  }

  tunnelBegan(): void {
    this.#body.start(bodyUntilClose, 0);
    this.#state = inTunnel;
    this.scheduleWake();
  }

  requestPaused(stream: Http1ServerStream): void {
    if (stream === this.#stream) this.#requestPaused = true;
  }

  requestResumed(stream: Http1ServerStream): void {
    if (!this.#requestPaused || stream !== this.#stream) return;
    this.#requestPaused = false;
    this.#offerContinue();
    this.scheduleWake();
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

  protected isStopped(): boolean {
    return this.#state === stopped;
  }

  protected onDecoded(): void {
    this.#more = false;
    this.#offerContinue();
    if (this.peerEnded) this.onPeerEnd();
    else if (this.#state === inHead && this.#goingAway && this.#head.held === 0) this.#closeAfterFlush();
  }

  protected step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case inHead:
        return this.connection.writable ? this.#readHead(bytes, at) : -1;
      case inBody:
        return this.#requestPaused ? -1 : this.#readBody(bytes, at);
      case inUnwantedBody:
        return this.#skipBody(bytes, at);
      case inTunnel:
        if (this.#requestPaused) return -1;
        this.#stream!.handler!.onRequestData(at === 0 ? bytes : bytes.subarray(at), false);
        return bytes.length;
      default:
        return -1;
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    const reader = this.#head;
    const outcome = reader.read(bytes, at);
    if (outcome === headIncomplete) return reader.position;
    if (outcome !== headComplete) return this.#refuse(reader.fault!);
    const head = readRequest(reader, this.#framing, this.#settings, this.#secure);
    reader.forget();
    if (!(head instanceof Http1RequestHead)) return this.#refuse(head);
    const position = reader.position;
    const framing = this.#framing;
    const stream = new Http1ServerStream(
      this,
      this.connection,
      this.#bodyOut,
      this.#settings.headerKeyFormat,
      head,
      framing,
    );
    this.#stream = stream;
    this.#requestPaused = false;
    this.#more = position < bytes.length;
    this.#body.start(framing.body, framing.contentLength);
    const complete = framing.body === noBody;
    this.#state = complete ? awaitingAnswer : inBody;
    stream.handler = this.#host.onRequest(stream, head, complete && !stream.mayTunnel);
    return position;
  }

  #readBody(bytes: Buffer, at: number): number {
    const body = this.#body;
    const step = body.next(bytes, at);
    const stream = this.#stream!;
    const handler = stream.handler!;
    stream.continuePending = false;
    const position = body.position;
    this.#more = position < bytes.length;
    switch (step) {
      case bodyNeedsMore:
        break;
      case bodyData:
        handler.onRequestData(slice(bytes, body.dataStart, body.dataEnd), false);
        break;
      case bodyRefused:
        return this.#refuse(body.fault!);
      default: {
        this.#state = awaitingAnswer;
        if (step === bodyLastData) handler.onRequestData(slice(bytes, body.dataStart, body.dataEnd), true);
        else if (step === bodyEnd) handler.onRequestData(noData, true);
        else {
          const trailers = this.#settings.enableTrailers ? readTrailers(body.trailers!) : undefined;
          if (trailers === undefined) handler.onRequestData(noData, true);
          else handler.onRequestTrailers(trailers);
        }
      }
    }
    return position;
  }

  /** Reads on after an early answer, so that the connection stays usable; a client that goes on too long is cut. */
  #skipBody(bytes: Buffer, at: number): number {
    const body = this.#body;
    const step = body.next(bytes, at);
    if (step === bodyRefused) return this.#refuse(body.fault!);
    this.#unwantedBytes += body.position - at;
    if (step !== bodyNeedsMore && step !== bodyData) this.#nextRequest();
    else if (this.#unwantedBytes > this.#settings.drainBytesMax) {
      this.#closeAfterFlush();
      return -1;
    }
    return body.position;
  }

  #nextRequest(): void {
    this.#state = inHead;
    if (this.#isLast || (this.#goingAway && this.rest === undefined && !this.decoding)) this.#closeAfterFlush();
    else this.scheduleWake();
  }

  #offerContinue(): void {
    if (
      this.#settings.proxy100Continue ||
      this.#state !== inBody ||
      this.#requestPaused ||
      this.rest !== undefined ||
      this.decoding
    )
      return;
    const stream = this.#stream!;
    if (stream.continuePending && !stream.headSent) stream.sendContinue();
  }

  // ── ends ──────────────────────────────────────────────────────────────────────────────────────────────────────

  protected onPeerEnd(): void {
    switch (this.#state) {
      case inTunnel: {
        const stream = this.#stream!;
        if (stream.ended) this.#closeAfterFlush();
        stream.handler?.onRequestData(noData, true);
        break;
      }
      case awaitingAnswer:
        if (!this.#settings.serveHalfClosed) this.#abandon('connection-termination');
        break;
      case inBody:
        this.#abandon('connection-termination');
        break;
      case stopped:
        break;
      default:
        this.#closeAfterFlush();
    }
  }

  #abandon(reason: ResetReason): void {
    const stream = this.#stream!;
    const cut = stream.endsWithConnection;
    this.#stop();
    this.connection.close(cut ? 'reset' : 'flush');
    stream.ended = true;
    stream.handler?.onRequestReset(reason);
    this.#reportDrained();
  }

  /** Answers 400 or what the fault says, unless an answer has begun, and closes. */
  #refuse(fault: Http1Fault): -1 {
    const stream = this.#stream;
    const answers = stream === undefined ? this.#state !== inUnwantedBody : !stream.headSent;
    const cut = stream?.endsWithConnection ?? false;
    this.#stop();
    if (answers) this.connection.write(this.#encodeRefusal(fault));
    this.connection.close(cut ? 'reset' : 'flush');
    if (stream !== undefined) stream.ended = true;
    this.#host.onFault(answers && stream === undefined ? { ...fault, answered: fault.status } : fault);
    stream?.handler?.onRequestReset('protocol-error');
    this.#reportDrained();
    return -1;
  }

  #encodeRefusal({ status, code }: Http1Fault): Buffer {
    const reply = {
      status,
      body: statusText(status),
      details: `http1.${code}`,
      flags: ResponseFlag.downstreamProtocolError,
    };
    const upgrade = status === 426 ? 'connection: upgrade, close\r\nupgrade: HTTP/1.1\r\n' : 'connection: close\r\n';
    const whole = this.#host.decorateReply?.(reply) ?? reply;
    return encodeLocalReply(whole, upgrade, false, false, this.#settings.headerKeyFormat);
  }

  #closeAfterFlush(): void {
    this.connection.close('flush');
    this.#stop();
    this.#reportDrained();
  }

  #stop(): void {
    this.#state = stopped;
    this.#stream = undefined;
    if (!this.decoding) this.rest = undefined;
  }

  #reportDrained(): void {
    if (!this.#goingAway || this.#drained) return;
    this.#drained = true;
    this.#host.onDrained?.();
  }
}
