import type { Headers, LocalReply, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type { ServerStream, ServerStreamHandler } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import type { BodyWriter } from './body-writer.ts';
import { type BodyKind, bodyUntilClose, bodyWithLength, chunkedBody, type Framing, noBody } from './framing.ts';
import { encodeLocalReply, encodeResponseHead } from './head-writer.ts';
import type { Http1RequestHead } from './request-head.ts';
import { Http1ResponseHead } from './response-head.ts';
import type { HeaderKeyFormat } from './settings.ts';

/** The reading half of the connection, as a stream sees it. */
export interface RequestSide {
  /** The connection must not be used again after this response. */
  readonly closesAfterResponse: boolean;
  /** What is left of the request is more, or may be more, than is read once the answer has ended. */
  readonly wouldAbandonRequest: boolean;
  /** The response is complete. */
  responseEnded(stream: Http1ServerStream): void;
  /** The response cannot be completed; the client must see that. */
  responseBroken(stream: Http1ServerStream): void;
  /** 101, or 2xx to CONNECT, was written: from now on bytes are data both ways. */
  tunnelBegan(): void;
  requestPaused(stream: Http1ServerStream): void;
  requestResumed(stream: Http1ServerStream): void;
}

const continueHead = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');
const noData = Buffer.alloc(0);

/** The response to one request. The codec makes one for each and forgets it when the response has ended. */
export class Http1ServerStream implements ServerStream {
  readonly #side: RequestSide;
  readonly #connection: Connection;
  readonly #body: BodyWriter;
  readonly #format: HeaderKeyFormat;
  readonly #isHead: boolean;
  readonly #isConnect: boolean;
  readonly #upgrades: boolean;
  readonly #http10: boolean;
  readonly #keepAlive: boolean;
  handler: ServerStreamHandler | undefined = undefined;
  headSent = false;
  /** Over: every call does nothing. */
  ended = false;
  /** The client waits for `100 Continue` before it sends the body. */
  continuePending: boolean;
  /** `Connection: close` was sent, or would have been. */
  closes = false;
  /** A tunnel lives on when this direction has ended. */
  #tunnels = false;
  /** The answer may turn the connection into a tunnel. */
  mayTunnel: boolean;

  constructor(
    side: RequestSide,
    connection: Connection,
    body: BodyWriter,
    format: HeaderKeyFormat,
    head: Http1RequestHead,
    framing: Framing,
  ) {
    this.#side = side;
    this.#connection = connection;
    this.#body = body;
    this.#format = format;
    this.#isHead = head.method === 'HEAD';
    this.#isConnect = head.method === 'CONNECT';
    this.#upgrades = head.upgrade !== undefined;
    this.#http10 = head.protocol === 'HTTP/1.0';
    this.#keepAlive = framing.keepAlive;
    this.continuePending = framing.expectContinue;
    this.mayTunnel = this.#isConnect || this.#upgrades;
  }

  get writable(): boolean {
    return !this.ended && this.#connection.writable;
  }

  /** The body that is being read is wanted. */
  sendContinue(): void {
    this.continuePending = false;
    this.#connection.write(continueHead);
  }

  /** 100 is sent once, and only to a client that waits for it. */
  sendInformational(head: ResponseHead): void {
    if (this.ended || this.headSent || this.#http10 || head.status < 100 || head.status > 199) return;
    if (head.status === 101 || (head.status === 100 && !this.continuePending)) return;
    if (head.status === 100) this.continuePending = false;
    this.#connection.write(encodeResponseHead(head, '', true, false, this.#format));
  }

  sendHead(head: ResponseHead, end: boolean): void {
    if (this.ended || this.headSent) return;
    const status = head.status;
    if (this.mayTunnel && (status === 101 ? this.#upgrades : this.#isConnect && status >= 200 && status < 300)) {
      this.#sendTunnelHead(head, end);
      return;
    }
    if (status < 200) {
      // An interim status cannot be the answer; whoever made it has lost the real one.
      this.#breakByItself();
      return;
    }
    this.headSent = true;
    this.mayTunnel = false;
    const http11 = !this.#http10;
    const announced = head instanceof Http1ResponseHead ? head.contentLength : announcedLength(head);
    let kind: BodyKind = noBody;
    let tail = '';
    let dropLength = false;
    if (status === 204) dropLength = true;
    else if (this.#isHead || status === 304) dropLength = announced < 0;
    else if (end) {
      dropLength = announced !== 0;
      if (dropLength) tail = 'content-length: 0\r\n';
    } else if (announced >= 0) kind = bodyWithLength;
    else {
      dropLength = true;
      kind = http11 ? chunkedBody : bodyUntilClose;
      if (http11) tail = 'transfer-encoding: chunked\r\n';
    }
    this.closes = this.#mustClose || kind === bodyUntilClose || asksToClose(head);
    const ours = tail + (status === 426 ? this.#upgradeRequiredLine(head) : this.#connectionLine());
    this.#connection.write(encodeResponseHead(head, ours, dropLength, this.#http10, this.#format));
    this.#body.start(kind, announced);
    if (end) this.#finish();
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (this.ended || !this.headSent) return;
    if (!this.#body.write(chunk, end)) this.#breakByItself();
    else if (end) this.#finish();
  }

  sendTrailers(trailers: Headers): void {
    if (this.ended || !this.headSent) return;
    if (this.#body.writeTrailers(trailers)) this.#finish();
    else this.#breakByItself();
  }

  sendReply(reply: LocalReply): void {
    if (this.ended || this.headSent) return;
    this.headSent = true;
    this.mayTunnel = false;
    this.closes = this.#mustClose || repliesClose(reply);
    this.#connection.write(encodeLocalReply(reply, this.#connectionLine(), this.#isHead, this.#http10, this.#format));
    this.#finish();
  }

  reset(_reason: ResetReason): void {
    if (!this.ended || this.#tunnels) this.#break();
  }

  pauseRequest(): void {
    this.#side.requestPaused(this);
  }

  resumeRequest(): void {
    this.#side.requestResumed(this);
  }

  /** The body that was begun ends with the connection: only a reset shows that it is cut. */
  get endsWithConnection(): boolean {
    return this.headSent && this.#body.kind === bodyUntilClose;
  }

  #sendTunnelHead(head: ResponseHead, end: boolean): void {
    this.headSent = true;
    this.closes = true;
    this.#tunnels = true;
    let tail = '';
    if (head.status === 101) {
      tail = 'connection: upgrade\r\n';
      if (!(head instanceof Http1ResponseHead)) tail += `upgrade: ${head.get('upgrade') ?? ''}\r\n`;
    }
    this.#connection.write(encodeResponseHead(head, tail, true, this.#http10, this.#format));
    this.#body.start(bodyUntilClose, -1);
    this.#side.tunnelBegan();
    if (end) this.sendData(noData, true);
  }

  get #mustClose(): boolean {
    // A client that still waits for 100 may or may not send its body after a final answer: nobody can tell what follows.
    if (!this.#keepAlive || this.#side.closesAfterResponse || this.continuePending) return true;
    // Whether the answer will end before the request does is not known yet, and later it cannot be said.
    return this.#side.wouldAbandonRequest;
  }

  #connectionLine(): string {
    if (this.closes) return 'connection: close\r\n';
    return this.#http10 ? 'connection: keep-alive\r\n' : '';
  }

  /** Who says what to upgrade to says by Connection that it is for this hop (RFC 9110 §7.8). */
  #upgradeRequiredLine(head: ResponseHead): string {
    if (head.get('upgrade') === undefined || !(head instanceof Http1ResponseHead)) return this.#connectionLine();
    return this.closes ? 'connection: upgrade, close\r\n' : 'connection: upgrade\r\n';
  }

  #finish(): void {
    this.ended = true;
    this.#side.responseEnded(this);
  }

  /** What the engine sends cannot be said in HTTP/1 after what it sent before: it is told, for nobody takes the rest. */
  #breakByItself(): void {
    this.#break();
    this.handler?.onRequestReset('protocol-error');
  }

  #break(): void {
    this.ended = true;
    this.#tunnels = false;
    this.#side.responseBroken(this);
  }
}

function announcedLength(head: ResponseHead): number {
  const value = head.get('content-length');
  return value !== undefined && /^(0|[1-9][0-9]{0,14})$/.test(value) ? Number(value) : -1;
}

/** A filter may ask for the end of the connection by the header; what an upstream said is not in the head any more. */
function asksToClose(head: ResponseHead): boolean {
  if (head instanceof Http1ResponseHead && head.added === undefined) return false;
  return head.get('connection')?.toLowerCase() === 'close';
}

function repliesClose(reply: LocalReply): boolean {
  return reply.headers?.some(([name, value]) => name === 'connection' && value.toLowerCase() === 'close') ?? false;
}
