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
import { acceptOf } from '../shared/websocket-accept.ts';
import { BodyReader, bodyData, bodyLastData, bodyNeedsMore, bodyRefused, bodyTrailers } from './body-reader.ts';
import { BodyWriter } from './body-writer.ts';
import { Http1ClientStream, type ResponseSide } from './client-stream.ts';
import { DecodingLoop, slice } from './decoding-loop.ts';
import { type Http1Fault, refused } from './fault.ts';
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
export class Http1ClientCodec extends DecodingLoop implements ClientCodec, ResponseSide {
  readonly #host: ClientHost;
  readonly #settings: ResolvedHttp1Settings;
  readonly #head: HeadReader;
  readonly #body: BodyReader;
  readonly #bodyOut: BodyWriter;
  readonly #framing = new Framing();
  #state = idle;
  #retired = false;
  #stream: Http1ClientStream | undefined = undefined;
  #responsePaused = false;
  /** The upstream's direction of the tunnel has ended. */
  #tunnelHalfClosed = false;
  /** The connection is gone, but a paused response has bytes left to deliver. */
  #closedReason: ResetReason | undefined = undefined;
  #informational = 0;

  constructor(connection: Connection, host: ClientHost, options: CodecOptions) {
    super(connection);
    this.#host = host;
    this.#settings = http1Settings(options.settings);
    const keepsCase = this.#settings.headerKeyFormat === 'preserve';
    const { limits } = options;
    const headBytesMax = limits.http1ResponseHeadBytesMax ?? limits.headBytesMax;
    this.#head = new HeadReader('response', { ...limits, headBytesMax }, keepsCase);
    this.#body = new BodyReader(options.limits, keepsCase);
    this.#bodyOut = new BodyWriter(connection, this.#settings);
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
    const stream = new Http1ClientStream(this, this.connection, this.#bodyOut, this.#settings.headerKeyFormat, handler);
    this.#stream = stream;
    this.#state = inHead;
    this.#responsePaused = false;
    this.#informational = 0;
    return stream;
  }

  sendHeartbeat(): boolean {
    return false;
  }

  connectionClosed(cause: CloseCause): void {
    if (this.#state === stopped) return;
    // A head that is cut is no answer and no silence: what was asked for may have been done.
    const reason = this.#state === inHead && this.#head.held > 0 ? 'protocol-error' : resetReasonOf(cause);
    if (this.rest !== undefined && this.#stream !== undefined) {
      this.#retired = true;
      this.#closedReason = reason;
    } else this.#fail(reason);
  }

  connectionWritable(): void {
    const stream = this.#stream;
    if (stream !== undefined && !stream.requestEnded) stream.handler.onRequestWritable();
  }

  detach(): Buffer | undefined {
    if (this.#state !== idle || this.decoding) return undefined;
    this.#state = stopped;
    this.#retired = true;
    return noData;
  }

  // ── called by the stream ──────────────────────────────────────────────────────────────────────────────────────

  streamReset(stream: Http1ClientStream): void {
    if (stream !== this.#stream) return;
    this.#stop();
    stream.ended = true;
    this.connection.close('now');
    this.#host.onStreamEnd();
  }

  requestBroken(stream: Http1ClientStream): void {
    if (stream === this.#stream) this.#fail('protocol-error');
  }

  tunnelEnded(): void {
    if (this.#state !== inTunnel) return;
    if (this.#tunnelHalfClosed) this.#endTunnel(false);
    else this.connection.end();
  }

  responsePaused(stream: Http1ClientStream): void {
    if (stream === this.#stream) this.#responsePaused = true;
  }

  responseResumed(stream: Http1ClientStream): void {
    if (stream !== this.#stream || !this.#responsePaused) return;
    this.#responsePaused = false;
    if (this.rest !== undefined) this.scheduleWake();
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────

  protected isStopped(): boolean {
    return this.#state === stopped;
  }

  protected onDecoded(): void {
    if (this.peerEnded) this.onPeerEnd();
    if (this.#closedReason !== undefined) this.#fail(this.#closedReason);
  }

  protected step(bytes: Buffer, at: number): number {
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
    const { allowChunkedLength, forwardReasonPhrase } = this.#settings;
    const { method, upgrade } = stream;
    const head = readResponse(reader, framing, method, upgrade, allowChunkedLength, forwardReasonPhrase);
    reader.forget();
    if (!(head instanceof Http1ResponseHead)) return this.#refuse(head);
    const position = reader.position;
    const status = head.status;
    if (status === 101 && !acceptsKey(head, stream.websocketKey)) {
      return this.#refuse(refused('unexpected_upgrade', '101 without the answer to the key of the WebSocket', 502));
    }
    if (status === 101 || (framing.body === bodyUntilClose && stream.method === 'CONNECT' && status < 300)) {
      this.#state = inTunnel;
      if (stream.requestEnded) this.connection.end();
      stream.handler.onResponseHead(head, false);
      return position;
    }
    if (status < 200) {
      if (++this.#informational > this.#settings.informationalMax) {
        return this.#refuse(refused('too_many_informational', 'too many interim responses', 502));
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
    // What was passed to TLS counts as waiting until a later turn, and the answer may be sooner than that.
    if (this.connection.tls !== undefined) return false;
    return stream.bytesWritten <= takenAtOnceBytes && this.connection.bufferedBytes >= stream.bytesWritten;
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
    const wanted = step === bodyTrailers && this.#settings.enableTrailers;
    const trailers = wanted ? readTrailers(body.trailers!) : undefined;
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
      this.rest === undefined &&
      !this.peerEnded &&
      this.#closedReason === undefined;
    stream.ended = true;
    this.#stream = undefined;
    this.#state = reusable ? idle : stopped;
    if (!reusable) this.#retired = true;
  }

  #afterFinish(stream: Http1ClientStream, surplus: boolean): void {
    if (this.#retired) {
      this.connection.close(surplus || !stream.requestEnded ? 'now' : 'flush');
      if (surplus) this.#host.onUnsolicited();
    }
    this.#host.onStreamEnd();
  }

  // ── ends ──────────────────────────────────────────────────────────────────────────────────────────────────────

  protected onPeerEnd(): void {
    switch (this.#state) {
      case idle:
        this.#stop();
        this.connection.close('flush');
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
        this.#fail(this.#head.held > 0 ? 'protocol-error' : 'connection-termination');
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
    this.connection.close('flush');
    if (tell) stream.handler.onResponseData(noData, true);
    this.#host.onStreamEnd();
  }

  #unsolicited(): void {
    const stream = this.#stream;
    this.#stop();
    this.connection.close('now');
    this.#host.onUnsolicited();
    if (stream === undefined) return;
    stream.ended = true;
    stream.handler.onResponseReset('refused');
    this.#host.onStreamEnd();
  }

  #refuse(fault: Http1Fault): -1 {
    this.#host.onFault(fault);
    this.#fail('protocol-error');
    return -1;
  }

  #fail(reason: ResetReason): void {
    const stream = this.#stream;
    this.#stop();
    this.connection.close('now');
    if (stream === undefined) return;
    stream.ended = true;
    stream.handler.onResponseReset(reason);
    this.#host.onStreamEnd();
  }

  #stop(): void {
    this.#state = stopped;
    this.#retired = true;
    this.#stream = undefined;
    if (!this.decoding) this.rest = undefined;
  }
}

function acceptsKey(head: Http1ResponseHead, key: string | undefined): boolean {
  return key === undefined || head.get('sec-websocket-accept') === acceptOf(key);
}
