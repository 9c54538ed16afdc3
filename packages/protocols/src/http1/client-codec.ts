import type { ResetReason } from '@sofamesh/contract/message';
import type {
  ClientCodec,
  ClientHost,
  ClientStream,
  ClientStreamHandler,
  CodecOptions,
} from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import { resetReasonOf } from '../shared/reset-reason.ts';
import { BodyReader, bodyData, bodyLastData, bodyNeedsMore, bodyRefused, bodyTrailers } from './body-reader.ts';
import { BodyWriter } from './body-writer.ts';
import { Http1ClientStream, type ResponseSide } from './client-stream.ts';
import { type Http1Fault, overLimit } from './fault.ts';
import { bodyUntilClose, Framing, noBody } from './framing.ts';
import { HeadReader, headComplete, headIncomplete } from './head-reader.ts';
import { readResponse } from './read-response.ts';
import { Http1ResponseHead } from './response-head.ts';
import { http1Settings, type ResolvedHttp1Settings } from './settings.ts';
import { readTrailers } from './trailers.ts';

// What the next octet belongs to.
/** To nothing: no request was sent. */
const idle = 0;
const inHead = 1;
const inBody = 2;
const inTunnel = 3;
const stopped = 4;

const noData = Buffer.alloc(0);
/** An idle connection's send buffer takes so much whole, or nothing (Linux: `tcp_wmem` begins with 16 KiB). */
const takenAtOnceBytes = 16 * 1024;

/**
 * HTTP/1 on a connection to an upstream: one request at a time. The connection is used again only after a response that
 * ended where its head said, to a request that was sent whole, with nothing behind it; anything else retires it.
 */
export class Http1ClientCodec implements ClientCodec, ResponseSide {
  readonly #connection: Connection;
  readonly #host: ClientHost;
  readonly #settings: ResolvedHttp1Settings;
  readonly #head: HeadReader;
  readonly #body: BodyReader;
  readonly #bodyOut: BodyWriter;
  readonly #framing = new Framing();
  #state = idle;
  #retired = false;
  #stream: Http1ClientStream | undefined = undefined;
  /** Bytes that were received while the response is paused. */
  #rest: Buffer | undefined = undefined;
  #readingPaused = false;
  #responsePaused = false;
  #peerEnded = false;
  /** The upstream's direction of the tunnel has ended. */
  #tunnelHalfClosed = false;
  /** The connection is gone, but a paused response has bytes left to deliver. */
  #closedReason: ResetReason | undefined = undefined;
  #decoding = false;
  #wakeScheduled = false;
  #informational = 0;
  readonly #wake = () => this.#onWake();

  constructor(connection: Connection, host: ClientHost, options: CodecOptions) {
    this.#connection = connection;
    this.#host = host;
    this.#settings = http1Settings(options.settings);
    this.#head = new HeadReader('response', options.limits);
    this.#body = new BodyReader(options.limits);
    this.#bodyOut = new BodyWriter(connection);
  }

  get activeStreams(): number {
    return this.#stream === undefined ? 0 : 1;
  }

  get heldBytes(): number {
    return this.#head.held + this.#body.held;
  }

  get available(): number {
    return this.#state === idle && this.#stream === undefined && !this.#retired ? 1 : 0;
  }

  get retired(): boolean {
    return this.#retired;
  }

  openStream(handler: ClientStreamHandler): ClientStream {
    const stream = new Http1ClientStream(this, this.#connection, this.#bodyOut, handler);
    this.#stream = stream;
    this.#state = inHead;
    this.#responsePaused = false;
    this.#informational = 0;
    return stream;
  }

  sendHeartbeat(): boolean {
    return false;
  }

  receive(chunk: Buffer): void {
    if (this.#state === stopped || chunk.length === 0) return;
    if (this.#rest !== undefined || this.#decoding) {
      this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
      return;
    }
    this.#decode(chunk);
  }

  receiveEnd(): void {
    if (this.#state === stopped) return;
    this.#peerEnded = true;
    if (this.#rest === undefined && !this.#decoding) this.#onPeerEnd();
  }

  connectionClosed(cause: CloseCause): void {
    if (this.#state === stopped) return;
    const reason = resetReasonOf(cause);
    if (this.#rest !== undefined && this.#stream !== undefined) {
      this.#retired = true;
      this.#closedReason = reason;
    } else this.#fail(reason);
  }

  connectionWritable(): void {
    const stream = this.#stream;
    if (stream !== undefined && !stream.requestEnded) stream.handler.onRequestWritable();
  }

  detach(): Buffer | undefined {
    if (this.#state !== idle || this.#decoding) return undefined;
    this.#state = stopped;
    this.#retired = true;
    return noData;
  }

  // ── called by the stream ──────────────────────────────────────────────────────────────────────────────────────

  streamReset(stream: Http1ClientStream): void {
    if (stream !== this.#stream) return;
    this.#stop();
    stream.ended = true;
    this.#connection.close('now');
    this.#host.onStreamEnd();
  }

  requestBroken(stream: Http1ClientStream): void {
    if (stream === this.#stream) this.#fail('protocol-error');
  }

  tunnelEnded(): void {
    if (this.#state !== inTunnel) return;
    if (this.#tunnelHalfClosed) this.#endTunnel(false);
    else this.#connection.end();
  }

  responsePaused(stream: Http1ClientStream): void {
    if (stream === this.#stream) this.#responsePaused = true;
  }

  responseResumed(stream: Http1ClientStream): void {
    if (stream !== this.#stream || !this.#responsePaused) return;
    this.#responsePaused = false;
    if (this.#wakeScheduled || this.#decoding || this.#rest === undefined) return;
    this.#wakeScheduled = true;
    queueMicrotask(this.#wake);
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

  #onWake(): void {
    this.#wakeScheduled = false;
    const rest = this.#rest;
    if (rest === undefined || this.#decoding || this.#state === stopped) return;
    this.#rest = undefined;
    this.#decode(rest);
  }

  #decode(bytes: Buffer): void {
    this.#decoding = true;
    let at = 0;
    while (at < bytes.length) {
      const next = this.#step(bytes, at);
      if (next < 0) break;
      at = next;
    }
    this.#decoding = false;
    if (this.#state === stopped) {
      this.#rest = undefined;
      return;
    }
    const later = this.#rest;
    if (at < bytes.length) {
      const rest = at === 0 ? bytes : bytes.subarray(at);
      this.#rest = later === undefined ? rest : Buffer.concat([rest, later]);
    } else if (later !== undefined) {
      this.#rest = undefined;
      this.#decode(later);
      return;
    }
    this.#afterDecoding();
  }

  #afterDecoding(): void {
    if (this.#rest !== undefined) {
      if (!this.#readingPaused) {
        this.#readingPaused = true;
        this.#connection.pauseReading();
      }
      return;
    }
    if (this.#readingPaused) {
      this.#readingPaused = false;
      this.#connection.resumeReading();
    }
    if (this.#peerEnded) this.#onPeerEnd();
    if (this.#closedReason !== undefined) this.#fail(this.#closedReason);
  }

  /** Handles what begins at `at`: where to go on, or -1 when nothing more can be decoded now. */
  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case inHead:
        return this.#responsePaused ? -1 : this.#readHead(bytes, at);
      case inBody:
        return this.#responsePaused ? -1 : this.#readBody(bytes, at);
      case inTunnel:
        if (this.#responsePaused) return -1;
        this.#stream!.handler.onResponseData(at === 0 ? bytes : bytes.subarray(at), false);
        return bytes.length;
      case idle:
        this.#unsolicited();
        return -1;
      default:
        return -1;
    }
  }

  #readHead(bytes: Buffer, at: number): number {
    const stream = this.#stream!;
    const reader = this.#head;
    if (reader.held === 0 && this.#nothingHasLeft(stream)) {
      this.#unsolicited();
      return -1;
    }
    const outcome = reader.read(bytes, at);
    if (outcome === headIncomplete) return reader.position;
    if (outcome !== headComplete) return this.#refuse(reader.fault!);
    const framing = this.#framing;
    const head = readResponse(reader, framing, stream.method, stream.upgrade);
    if (!(head instanceof Http1ResponseHead)) return this.#refuse(head);
    const position = reader.position;
    const status = head.status;
    if (status === 101 || (framing.body === bodyUntilClose && stream.method === 'CONNECT' && status < 300)) {
      this.#state = inTunnel;
      if (stream.requestEnded) this.#connection.end();
      stream.handler.onResponseHead(head, false);
      return position;
    }
    if (status < 200) {
      if (++this.#informational > this.#settings.informationalMax) {
        return this.#refuse(overLimit('too_many_informational', 'too many interim responses', 502));
      }
      stream.handler.onInformational(head);
      return position;
    }
    // Refused: what was to be a tunnel is a request without a body.
    if (stream.asksForTunnel && stream.bodyIsEmpty) stream.requestEnded = true;
    if (framing.body === noBody) {
      const surplus = position < bytes.length;
      this.#finish(!surplus);
      stream.handler.onResponseHead(head, true);
      this.#afterFinish(stream, surplus);
      return position;
    }
    this.#body.start(framing.body, framing.contentLength);
    this.#state = inBody;
    stream.handler.onResponseHead(head, false);
    return position;
  }

  /**
   * Bytes that arrive while all of the request is still on this side answer another one, or nobody's. Of a longer
   * request the system may have taken a part without saying so.
   */
  #nothingHasLeft(stream: Http1ClientStream): boolean {
    return stream.bytesWritten <= takenAtOnceBytes && this.#connection.bufferedBytes >= stream.bytesWritten;
  }

  #readBody(bytes: Buffer, at: number): number {
    const body = this.#body;
    const step = body.next(bytes, at);
    const stream = this.#stream!;
    const handler = stream.handler;
    const position = body.position;
    if (step === bodyNeedsMore) return position;
    if (step === bodyRefused) return this.#refuse(body.fault!);
    if (step === bodyData) {
      handler.onResponseData(slice(bytes, body.dataStart, body.dataEnd), false);
      return position;
    }
    const surplus = position < bytes.length;
    const { dataStart, dataEnd } = body;
    const trailers = step === bodyTrailers ? readTrailers(body.trailers!) : undefined;
    this.#finish(!surplus);
    if (step === bodyLastData) handler.onResponseData(slice(bytes, dataStart, dataEnd), true);
    else if (trailers === undefined) handler.onResponseData(noData, true);
    else handler.onResponseTrailers(trailers);
    this.#afterFinish(stream, surplus);
    return position;
  }

  /**
   * The response is complete. Before anybody is told, it is settled whether the connection can be used again: not with
   * bytes behind the response, which would be taken for the next one.
   */
  #finish(clean: boolean): void {
    const stream = this.#stream!;
    const reusable =
      clean &&
      this.#framing.keepAlive &&
      stream.requestEnded &&
      this.#rest === undefined &&
      !this.#peerEnded &&
      this.#closedReason === undefined;
    stream.ended = true;
    this.#stream = undefined;
    this.#state = reusable ? idle : stopped;
    if (!reusable) this.#retired = true;
  }

  #afterFinish(stream: Http1ClientStream, surplus: boolean): void {
    if (this.#retired) {
      this.#connection.close(surplus || !stream.requestEnded ? 'now' : 'flush');
      if (surplus) this.#host.onUnsolicited();
    }
    this.#host.onStreamEnd();
  }

  // ── ends ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #onPeerEnd(): void {
    switch (this.#state) {
      case idle:
        this.#stop();
        this.#connection.close('flush');
        this.#host.onAvailabilityChange();
        break;
      case inTunnel: {
        if (this.#tunnelHalfClosed) break;
        this.#tunnelHalfClosed = true;
        const stream = this.#stream!;
        if (stream.requestEnded) this.#endTunnel(true);
        else stream.handler.onResponseData(noData, true);
        break;
      }
      case inBody:
        if (this.#body.kind === bodyUntilClose) {
          const stream = this.#stream!;
          this.#finish(false);
          stream.handler.onResponseData(noData, true);
          this.#afterFinish(stream, false);
        } else this.#fail('connection-termination');
        break;
      case inHead:
        this.#fail('connection-termination');
        break;
      default:
        break;
    }
  }

  /** Both directions have ended; `tell`: the peer's did just now. */
  #endTunnel(tell: boolean): void {
    const stream = this.#stream!;
    this.#stop();
    stream.ended = true;
    this.#connection.close('flush');
    if (tell) stream.handler.onResponseData(noData, true);
    this.#host.onStreamEnd();
  }

  #unsolicited(): void {
    const stream = this.#stream;
    this.#stop();
    this.#connection.close('now');
    this.#host.onUnsolicited();
    if (stream === undefined) return;
    stream.ended = true;
    stream.handler.onResponseReset('refused');
    this.#host.onStreamEnd();
  }

  #refuse(fault: Http1Fault): -1 {
    this.#host.onFault(fault);
    this.#fail(fault.limit ? 'overflow' : 'protocol-error');
    return -1;
  }

  #fail(reason: ResetReason): void {
    const stream = this.#stream;
    this.#stop();
    this.#connection.close('now');
    if (stream === undefined) return;
    stream.ended = true;
    stream.handler.onResponseReset(reason);
    this.#host.onStreamEnd();
  }

  #stop(): void {
    this.#state = stopped;
    this.#retired = true;
    this.#stream = undefined;
    if (!this.#decoding) this.#rest = undefined;
  }
}

function slice(bytes: Buffer, start: number, end: number): Buffer {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}
