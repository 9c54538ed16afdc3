import type { Headers, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type { ClientStream, ClientStreamHandler } from '@sofamesh/contract/protocol';
import type { Http2ClientCodec } from './client-codec.ts';
import { endedStream, ownResetStream } from './closed-streams.ts';
import { errorCodeOf } from './error-code.ts';
import { canEncode } from './head-writer.ts';
import { Http2Stream } from './stream.ts';
import { acceptKey } from './websocket.ts';

const nothing = Buffer.alloc(0);

/** One request to an upstream. It has an id from its head on. */
export class Http2ClientStream extends Http2Stream<RequestHead> implements ClientStream {
  readonly #codec: Http2ClientCodec;
  readonly handler: ClientStreamHandler;
  method = '';
  upgrade: string | undefined = undefined;
  headReceived = false;
  informational = 0;
  #headSent = false;
  /** A head that waits for the peer's settings, and whether it is all of the request. */
  #waitingHead: RequestHead | undefined = undefined;
  #waitingEnd = false;
  #key: string | undefined = undefined;
  #tunnels = false;
  /** The engine has seen the end of the response. */
  #delivered = false;
  /** Why nothing more comes, while there is still something to deliver. */
  #lostReason: ResetReason | undefined = undefined;
  #released = false;

  constructor(codec: Http2ClientCodec, handler: ClientStreamHandler) {
    super(codec);
    this.#codec = codec;
    this.handler = handler;
  }

  /** The data that is waiting belongs to a head that has not been sent. */
  protected override get nothingWaits(): boolean {
    return this.id !== 0 && super.nothingWaits;
  }

  // ── the request ───────────────────────────────────────────────────────────────────────────────────────────────

  sendHead(head: RequestHead, end: boolean): void {
    if (this.over || this.#headSent) return;
    this.#headSent = true;
    this.method = head.method;
    this.upgrade = head.upgrade?.toLowerCase();
    const readiness = this.upgrade === undefined ? 'yes' : this.#codec.extendedConnect;
    if (readiness === 'unknown') {
      this.#waitingHead = head;
      this.#waitingEnd = end;
    } else if (readiness === 'no' || !canEncode(head)) this.#giveUp('protocol-error');
    else this.#write(head, end);
    this.core.flush();
  }

  /** @internal The peer's settings have come. */
  settingsCame(): void {
    const head = this.#waitingHead;
    if (head === undefined || this.over) return;
    this.#waitingHead = undefined;
    if (this.#codec.extendedConnect !== 'yes' || !canEncode(head)) {
      this.#giveUp('protocol-error');
      return;
    }
    this.#write(head, this.#waitingEnd);
    if (this.over) return;
    if (this.hasOutbox) this.core.sender.wait(this);
    else if (this.outbox.onlyEnds) this.core.sender.send(this, nothing, true);
    else this.sendWaitingTrailers();
  }

  #write(head: RequestHead, end: boolean): void {
    if (!this.#codec.number(this)) {
      this.#giveUp('refused');
      return;
    }
    this.#key = this.upgrade === 'websocket' ? head.get('sec-websocket-key') : undefined;
    this.core.writer.headers(this.id, this.core.heads.request(head), end);
    if (!end) return;
    this.said = true;
    this.localEnd();
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (!this.over && this.#headSent && !this.said) this.send(chunk, end);
  }

  sendTrailers(trailers: Headers): void {
    if (!this.over && this.#headSent && !this.said) this.sendLast(trailers);
  }

  reset(reason: ResetReason): void {
    if (this.#released) return;
    if (!this.over) {
      if (this.id !== 0 && !(this.remoteEnded && this.localEnded)) {
        this.core.writer.reset(this.id, errorCodeOf(reason));
      }
      this.#leave(ownResetStream);
    }
    this.dropArrivals();
    this.#finish();
    this.core.flush();
  }

  localEnd(): void {
    this.localEnded = true;
    if (!this.#delivered || this.over) return;
    this.#leave(endedStream);
    this.#finish();
  }

  onWritable(): void {
    this.handler.onRequestWritable();
  }

  /** The request cannot be sent, or is not wanted. */
  #giveUp(reason: ResetReason): void {
    this.#leave(ownResetStream);
    this.#fail(reason);
  }

  // ── the response ──────────────────────────────────────────────────────────────────────────────────────────────

  pauseResponse(): void {
    this.pause();
  }

  resumeResponse(): void {
    this.resume();
  }

  /** The final head as the engine sees it: an upgrade in HTTP/1's form, and what the body may be. */
  accept(head: ResponseHead, contentLength: number): void {
    const { status } = head;
    this.headReceived = true;
    const succeeded = status >= 200 && status < 300;
    if (succeeded && (this.upgrade !== undefined || this.method === 'CONNECT')) {
      this.#tunnels = true;
      if (this.upgrade === undefined) return;
      head.status = 101;
      head.set('upgrade', this.upgrade);
      acceptKey(head, this.#key);
    } else if (this.method === 'HEAD' || status === 204 || status === 304) this.bodyLeft = 0;
    else this.bodyLeft = contentLength;
  }

  protected deliverHead(head: ResponseHead, end: boolean): void {
    if (head.status < 200 && head.status !== 101) {
      this.handler.onInformational(head);
      return;
    }
    const ended = end && this.#settle();
    this.handler.onResponseHead(head, end);
    if (ended) this.#codec.streamEnded();
  }

  protected deliverData(chunk: Buffer, end: boolean): void {
    const ended = end && this.#settle();
    this.handler.onResponseData(chunk, end);
    if (ended) this.#codec.streamEnded();
  }

  protected deliverTrailers(trailers: Headers): void {
    const ended = this.#settle();
    this.handler.onResponseTrailers(trailers);
    if (ended) this.#codec.streamEnded();
  }

  protected allDelivered(): void {
    if (this.#lostReason !== undefined && !this.#released) this.#fail(this.#lostReason);
  }

  /** The stream is off the books. What has come and is held is delivered all the same. */
  wasReset(reason: ResetReason): void {
    if (this.hasArrivals) this.#lostReason = reason;
    else this.#fail(reason);
  }

  /** The end of the response goes to the engine. True: that is the end of the stream, too. */
  #settle(): boolean {
    this.#delivered = true;
    if (this.#released || (!this.localEnded && this.#lostReason === undefined)) return false;
    if (!this.over) this.#leave(endedStream);
    this.#release();
    return true;
  }

  #fail(reason: ResetReason): void {
    if (this.#released) return;
    const tell = !this.#delivered || (this.#tunnels && !this.said);
    this.#release();
    if (tell) this.handler.onResponseReset(reason);
    this.#codec.streamEnded();
  }

  #finish(): void {
    if (this.#released) return;
    this.#release();
    this.#codec.streamEnded();
  }

  #release(): void {
    this.#released = true;
    this.#codec.release(this);
  }

  #leave(end: typeof endedStream | typeof ownResetStream): void {
    if (this.id === 0) this.over = true;
    else this.core.remove(this, end);
  }
}
