import type { Headers, RequestHead, ResetReason } from '@sofamesh/contract/message';
import type { ClientStream, ClientStreamHandler } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import type { BodyWriter } from './body-writer.ts';
import { type BodyKind, bodyUntilClose, bodyWithLength, chunkedBody, noBody } from './framing.ts';
import { canEncode, encodeRequestHead } from './head-writer.ts';
import { Http1RequestHead } from './request-head.ts';
import type { HeaderKeyFormat } from './settings.ts';

/** The reading half of the connection, as a stream sees it. */
export interface ResponseSide {
  /** The stream is given up; the connection cannot be used again. */
  streamReset(stream: Http1ClientStream): void;
  /** The request is impossible in HTTP/1, or its body does not have the length that was announced. */
  requestBroken(stream: Http1ClientStream): void;
  /** This direction of a tunnel has ended. */
  tunnelEnded(): void;
  responsePaused(stream: Http1ClientStream): void;
  responseResumed(stream: Http1ClientStream): void;
}

/** One request on an upstream connection. The codec makes one for each and forgets it when the response has ended. */
export class Http1ClientStream implements ClientStream {
  readonly #side: ResponseSide;
  readonly #connection: Connection;
  readonly #body: BodyWriter;
  readonly #format: HeaderKeyFormat;
  readonly handler: ClientStreamHandler;
  method = '';
  upgrade: string | undefined = undefined;
  /**
   * Of a WebSocket whose client has no key, for it speaks another protocol: this side of the handshake is ours, and its
   * answer for us to check (RFC 6455 §4.1). A client over HTTP/1 checks it by itself.
   */
  websocketKey: string | undefined = undefined;
  headSent = false;
  /** The request is complete. */
  requestEnded = false;
  /** Over in both directions: every call does nothing. */
  ended = false;
  #headBytes = 0;

  constructor(
    side: ResponseSide,
    connection: Connection,
    body: BodyWriter,
    format: HeaderKeyFormat,
    handler: ClientStreamHandler,
  ) {
    this.#side = side;
    this.#connection = connection;
    this.#body = body;
    this.#format = format;
    this.handler = handler;
  }

  get writable(): boolean {
    return !this.ended && this.#connection.writable;
  }

  sendHead(head: RequestHead, end: boolean): void {
    if (this.ended || this.headSent) return;
    if (!canEncode(head)) {
      this.#side.requestBroken(this);
      return;
    }
    this.headSent = true;
    this.method = head.method;
    this.upgrade = head.upgrade?.toLowerCase();
    const isForeign = !(head instanceof Http1RequestHead);
    if (isForeign && this.upgrade === 'websocket') this.websocketKey = head.get('sec-websocket-key');
    const announced = head instanceof Http1RequestHead ? head.contentLength : announcedLength(head);
    let kind: BodyKind = noBody;
    let tail = '';
    let dropLength = false;
    if (head.method === 'CONNECT') {
      kind = bodyUntilClose;
      dropLength = true;
    } else if (head.upgrade !== undefined) {
      kind = bodyUntilClose;
      tail = 'connection: upgrade\r\n';
      dropLength = announced !== 0;
    } else if (end) {
      dropLength = announced !== 0;
      if (dropLength && expectsLength(head.method)) tail = 'content-length: 0\r\n';
    } else if (announced >= 0) kind = bodyWithLength;
    else {
      kind = chunkedBody;
      dropLength = true;
      tail = 'transfer-encoding: chunked\r\n';
    }
    const bytes = encodeRequestHead(head, tail, dropLength, this.#format);
    this.#headBytes = bytes.length;
    this.#connection.write(bytes);
    this.#body.start(kind, announced);
    if (end) this.#endRequest();
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (this.ended || !this.headSent || this.requestEnded) return;
    if (!this.#body.write(chunk, end)) this.#side.requestBroken(this);
    else if (end) this.#endRequest();
  }

  sendTrailers(trailers: Headers): void {
    if (this.ended || !this.headSent || this.requestEnded) return;
    if (this.#body.writeTrailers(trailers)) this.#endRequest();
    else this.#side.requestBroken(this);
  }

  reset(_reason: ResetReason): void {
    if (!this.ended) this.#side.streamReset(this);
  }

  pauseResponse(): void {
    this.#side.responsePaused(this);
  }

  resumeResponse(): void {
    this.#side.responseResumed(this);
  }

  /** Octets passed to the connection for this request. */
  get bytesWritten(): number {
    return this.headSent ? this.#headBytes + this.#body.written : 0;
  }

  /** Nothing was sent behind the head. */
  get bodyIsEmpty(): boolean {
    return this.#body.written === 0;
  }

  /** The request has no body of its own; what follows its head is for the tunnel, should there be one. */
  get asksForTunnel(): boolean {
    return this.method === 'CONNECT' || this.upgrade !== undefined;
  }

  #endRequest(): void {
    this.requestEnded = true;
    if (this.asksForTunnel) this.#side.tunnelEnded();
  }
}

/** Methods whose requests may have a body: without one they say so (RFC 9110 §8.6; the list is Envoy's, negated). */
function expectsLength(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'DELETE' && method !== 'TRACE';
}

function announcedLength(head: RequestHead): number {
  const value = head.get('content-length');
  return value !== undefined && /^(0|[1-9][0-9]{0,14})$/.test(value) ? Number(value) : -1;
}
