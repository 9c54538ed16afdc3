import type { Headers, LocalReply, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type { ServerStream, ServerStreamHandler } from '@sofamesh/contract/protocol';
import { endedStream, ownResetStream } from './closed-streams.ts';
import { ErrorCode, errorCodeOf } from './error-code.ts';
import type { Http2RequestHead } from './request-head.ts';
import type { Http2ServerCodec } from './server-codec.ts';
import { Http2Stream } from './stream.ts';

const nothing = Buffer.alloc(0);

/** One request of a client, and the way back for its answer. */
export class Http2ServerStream extends Http2Stream<ResponseHead> implements ServerStream {
  readonly #codec: Http2ServerCodec;
  readonly #isHead: boolean;
  readonly #isConnect: boolean;
  readonly #upgrades: boolean;
  /** Bytes go both ways, and each way has its own end. */
  #tunnels = false;
  handler: ServerStreamHandler | undefined = undefined;
  headSent = false;
  /** The client waits for 100 before it sends the body. */
  wantsContinue = false;
  /** And this side sends it. */
  continuePending = false;

  constructor(codec: Http2ServerCodec, head: Http2RequestHead) {
    super(codec);
    this.#codec = codec;
    this.#isHead = head.method === 'HEAD';
    this.#isConnect = head.method === 'CONNECT';
    this.#upgrades = head.upgrade !== undefined;
  }

  /** Its request has no end that the engine could know before the answer. */
  get asksForTunnel(): boolean {
    return this.#isConnect || this.#upgrades;
  }

  // ── the answer ────────────────────────────────────────────────────────────────────────────────────────────────

  /** 100 is sent once, and only to a client that waits for it. */
  sendInformational(head: ResponseHead): void {
    const { status } = head;
    if (this.over || this.headSent || status < 100 || status > 199 || status === 101) return;
    if (status === 100) {
      if (!this.wantsContinue) return;
      this.wantsContinue = false;
      this.continuePending = false;
    }
    this.core.writer.headers(this.id, this.core.heads.response(head, status), false);
    this.core.flush();
  }

  sendHead(head: ResponseHead, end: boolean): void {
    if (this.over || this.headSent) return;
    const { status } = head;
    if (status === 101 ? this.#upgrades : this.#isConnect && status >= 200 && status < 300) this.#tunnels = true;
    else if (status < 200) {
      // An interim status cannot be the answer; whoever made it has lost the real one.
      this.reset('protocol-error');
      this.handler?.onRequestReset('protocol-error');
      return;
    }
    this.headSent = true;
    const bodiless = !this.#tunnels && (this.#isHead || status === 204 || status === 304);
    const { core } = this;
    const block = core.heads.response(head, status === 101 ? 200 : status);
    core.writer.headers(this.id, block, end || bodiless);
    if (end || bodiless) {
      this.said = true;
      this.localEnd();
    }
    core.flush();
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (!this.over && this.headSent && !this.said) this.send(chunk, end);
  }

  sendTrailers(trailers: Headers): void {
    if (!this.over && this.headSent && !this.said) this.sendLast(trailers);
  }

  sendReply(reply: LocalReply): void {
    if (this.over || this.headSent) return;
    this.headSent = true;
    const hasContent = reply.status >= 200 && reply.status !== 204 && reply.status !== 304;
    const body = hasContent && reply.body !== '' ? Buffer.from(reply.body, 'utf8') : nothing;
    const ends = body.length === 0 || this.#isHead;
    this.core.writer.headers(this.id, this.core.heads.reply(reply, body.length, hasContent), ends);
    if (ends) {
      this.said = true;
      this.localEnd();
      this.core.flush();
    } else this.send(body, true);
  }

  reset(reason: ResetReason): void {
    if (!this.over && (!this.said || this.#tunnels)) this.#reset(reason);
  }

  get unsent(): boolean {
    return this.said && !this.over && !this.localEnded;
  }

  abandon(): void {
    if (!this.over) this.#reset('local-reset');
  }

  #reset(reason: ResetReason): void {
    this.core.writer.reset(this.id, errorCodeOf(reason));
    this.core.remove(this, ownResetStream);
    this.dropArrivals();
    this.#codec.streamClosed();
    this.core.flush();
  }

  /** An answer that ends before its request ends that too (RFC 9113 §8.1). */
  localEnd(): void {
    this.localEnded = true;
    if (this.remoteEnded) this.core.remove(this, endedStream);
    else if (this.#tunnels) return;
    else {
      this.core.writer.reset(this.id, ErrorCode.noError);
      this.core.remove(this, ownResetStream);
    }
    this.dropArrivals();
    this.#codec.streamClosed();
  }

  onWritable(): void {
    this.handler?.onResponseWritable();
  }

  // ── the request ───────────────────────────────────────────────────────────────────────────────────────────────

  pauseRequest(): void {
    this.pause();
  }

  resumeRequest(): void {
    this.resume();
    this.offerContinue();
  }

  /** 100 as soon as the body is wanted. */
  offerContinue(): void {
    if (!this.continuePending || this.paused || this.over || this.headSent) return;
    this.wantsContinue = false;
    this.continuePending = false;
    this.core.writer.headers(this.id, this.core.heads.continue(), false);
    this.core.flush();
  }

  wasReset(reason: ResetReason): void {
    this.dropArrivals();
    this.handler?.onRequestReset(reason);
  }

  protected deliverHead(): void {}

  protected deliverData(chunk: Buffer, end: boolean): void {
    this.continuePending = false;
    this.handler?.onRequestData(chunk, end);
    if (end) this.#settle();
  }

  protected deliverTrailers(trailers: Headers): void {
    this.handler?.onRequestTrailers(trailers);
    this.#settle();
  }

  protected allDelivered(): void {}

  /** The client's direction of a tunnel has ended; this side's may have before. */
  #settle(): void {
    if (this.over || !this.localEnded) return;
    this.core.remove(this, endedStream);
    this.#codec.streamClosed();
  }
}
