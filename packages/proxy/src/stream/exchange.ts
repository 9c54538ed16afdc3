import { messageOf } from '@sofamesh/base/errors';
import type { Exchange, Filter, ForwardOptions } from '@sofamesh/contract/filter';
import {
  type Headers,
  type LocalReply,
  type RequestHead,
  type ResetReason,
  ResponseFlag,
  type ResponseHead,
} from '@sofamesh/contract/message';
import type { ServerStream, ServerStreamHandler } from '@sofamesh/contract/protocol';
import { FilterWalk } from '../chain/filter-walk.ts';
import type { DownstreamConnection } from './downstream-connection.ts';
import { admit } from './exchange-entry.ts';
import { ExchangeRecord } from './exchange-record.ts';
import { prepareReply } from './exchange-reply.ts';
import { RequestDeadline, Sleeps, StreamDeadline } from './exchange-timers.ts';
import { Mirrors } from './mirror.ts';
import { bodyTooLarge, filterFailed, flagOfReset, requestIdle, responseIdle, upstreamFailed } from './replies.ts';
import { routeToUpstream } from './router.ts';
import type { StreamProxy } from './stream-proxy.ts';
import type { UpstreamCall } from './upstream-call.ts';

/** Why one direction of an exchange stands still. Bits: it goes on when none is left. */
export const heldByFilter = 1;
/** The other side does not take what was passed on. */
export const heldByPeer = 2;

/**
 * One request of a client and its response: between the codec of the client's connection, the filters, and the call to
 * the upstream. It is also what an access log prints, so that nothing is copied for the log.
 *
 * As a deadline it is the stream's idle timeout. Whatever happens, an exchange ends once, in {@link #finish}.
 */
export class ActiveExchange extends ExchangeRecord implements Exchange, ServerStreamHandler {
  readonly stream: ServerStream;
  /** The chain, unless it is straight. */
  walk: FilterWalk | undefined = undefined;
  call: UpstreamCall | undefined = undefined;

  /** The client has sent all of its request. */
  requestEnded: boolean;
  /** A response, or an answer of our own, is on its way. */
  responseBegan = false;
  headSent = false;
  /** The answer is one of our own. */
  answered = false;
  /** Bytes both ways, after 101 or 2xx to CONNECT. */
  tunnel = false;
  /** A tunnel that is two connections and nothing between them: each chunk has one owner, see `ServerStream.passOn`. */
  passesOn = false;
  over = false;

  readonly #owner: DownstreamConnection;
  /** The head was the whole request, or a filter has been told so. */
  headOnly: boolean;
  #terminal: Filter | undefined = undefined;
  #requestHolds = 0;
  #requestPaused = false;
  #responseHolds = 0;
  /** All of a response has been passed to the client's codec. */
  #responseSent = false;
  #requestDeadline: RequestDeadline | undefined = undefined;
  #streamDeadline: StreamDeadline | undefined = undefined;
  #mirrors: Mirrors | undefined = undefined;
  #sleeps: Sleeps | undefined = undefined;

  constructor(
    proxy: StreamProxy,
    owner: DownstreamConnection,
    stream: ServerStream,
    request: RequestHead,
    end: boolean,
    nowMs: number,
  ) {
    super(proxy, request, owner.connection, nowMs);
    this.#owner = owner;
    this.stream = stream;
    this.headOnly = end;
    this.requestEnded = end;
  }

  /** `headMs`: how long its head took to come. */
  begin(headMs: number): void {
    const { proxy, request, startMs } = this;
    if (proxy.streamIdleTimeoutMs > 0) proxy.wheel.start(this.deadline, proxy.streamIdleTimeoutMs, startMs);
    if (proxy.requestTimeoutMs > 0 && !this.requestEnded && request.upgrade === undefined) {
      this.#requestDeadline = new RequestDeadline(this);
      proxy.wheel.start(this.#requestDeadline.deadline, Math.max(proxy.requestTimeoutMs - headMs, 0), startMs);
    }
    if (proxy.maxStreamDurationMs > 0) this.#limitDuration(proxy.maxStreamDurationMs);
    try {
      const filters = admit(this);
      if (filters === undefined) return;
      if (proxy.tracer !== undefined) this.trace = proxy.tracer.begin(this);
      const { straight } = filters;
      if (straight === undefined) {
        this.walk = new FilterWalk(this, filters.create());
        this.walk.requestHead(0, this.headOnly);
        return;
      }
      this.#terminal = straight();
      const waits = this.#terminal.onRequestHead!(request, this, this.headOnly);
      if (waits !== undefined) this.#walkOfTerminal().awaitHead(waits, 0, this.headOnly);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  /** A straight chain's filter wants more than its straight way offers. */
  #walkOfTerminal(): FilterWalk {
    this.walk ??= new FilterWalk(this, [this.#terminal!]);
    return this.walk;
  }

  // ── for filters ───────────────────────────────────────────────────────────────────────────────────────────────

  reply(reply: LocalReply): void {
    if (this.over || this.responseBegan) return;
    this.responseBegan = true;
    this.answered = true;
    this.flags |= reply.flags;
    this.details = reply.details;
    this.call?.close();
    const answer = prepareReply(this, reply);
    if (this.walk === undefined) this.sendReply(answer);
    else this.walk.localReply(answer);
  }

  bufferRequest(bytesMax: number): Promise<Buffer> {
    return this.#walkOfTerminal().gather(bytesMax);
  }

  sleep(delayMs: number): Promise<void> {
    this.#sleeps ??= new Sleeps(this.proxy.wheel);
    return this.#sleeps.start(delayMs, this.over);
  }

  forward(options?: ForwardOptions): void {
    if (this.over || this.responseBegan || this.call !== undefined) return;
    const durationMs = this.route?.streamDurationMs(this.request);
    if (durationMs !== undefined) this.#limitDuration(durationMs);
    routeToUpstream(this, this.headOnly, options?.suppressEnvoyHeaders === true);
    if (this.call !== undefined) this.#mirrors = Mirrors.begin(this, this.headOnly);
  }

  // ── from the client ───────────────────────────────────────────────────────────────────────────────────────────

  onRequestData(chunk: Buffer, end: boolean): void {
    if (this.over) return;
    this.bytesReceived += chunk.length;
    this.#onRequestPart(end);
    if (this.answered) return;
    try {
      if (this.walk === undefined) this.forwardData(chunk, end);
      else this.walk.requestData(chunk, end);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  onRequestTrailers(trailers: Headers): void {
    if (this.over) return;
    this.#onRequestPart(true);
    if (this.answered) return;
    try {
      if (this.walk === undefined) this.forwardTrailers(trailers);
      else this.walk.requestTrailers(trailers);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  #onRequestPart(end: boolean): void {
    this.lastActivityMs = this.proxy.clock.now();
    this.#owner.progressed();
    if (!end) return;
    this.requestEnded = true;
    if (this.#requestDeadline !== undefined) this.proxy.wheel.stop(this.#requestDeadline.deadline);
  }

  onRequestReset(reason: ResetReason): void {
    if (this.over) return;
    const protocolError = reason === 'protocol-error';
    this.flags |= protocolError ? ResponseFlag.downstreamProtocolError : ResponseFlag.downstreamConnectionTermination;
    if (this.details === '')
      this.details = protocolError ? 'downstream_protocol_error' : 'downstream_remote_disconnect';
    this.proxy.stats.rqRxReset.increment();
    this.#finish();
  }

  onResponseWritable(): void {
    if (!this.over) this.releaseResponse(heldByPeer);
  }

  // ── towards the upstream ──────────────────────────────────────────────────────────────────────────────────────

  /** What the filters have let pass. */
  forwardData(chunk: Buffer, end: boolean): void {
    this.call?.sendData(chunk, end);
    this.#mirrors?.sendData(chunk, end);
  }

  forwardTrailers(trailers: Headers): void {
    this.call?.sendTrailers(trailers);
    this.#mirrors?.sendTrailers(trailers);
  }

  holdRequest(by: number): void {
    this.#requestHolds |= by;
    if (this.#requestPaused || (this.requestEnded && !this.tunnel) || this.over) return;
    this.#requestPaused = true;
    this.stream.pauseRequest();
  }

  /** `next` runs before more arrives, and may hold again. */
  releaseRequest(by: number, next?: () => void): void {
    this.#requestHolds &= ~by;
    next?.();
    if (this.#requestHolds !== 0 || !this.#requestPaused || this.over) return;
    this.#requestPaused = false;
    this.stream.resumeRequest();
  }

  holdResponse(by: number): void {
    if (this.#responseHolds === 0) this.call?.pauseResponse();
    this.#responseHolds |= by;
  }

  releaseResponse(by: number, next?: () => void): void {
    const held = this.#responseHolds !== 0;
    this.#responseHolds &= ~by;
    next?.();
    if (held && this.#responseHolds === 0 && !this.over) this.call?.resumeResponse();
  }

  /** The body is longer than a filter takes: answers 413. Returns the error for that filter. */
  refuseBody(bytesMax: number): Error {
    this.reply(bodyTooLarge);
    return new Error(`request body of more than ${bytesMax} bytes`);
  }

  // ── from the upstream ─────────────────────────────────────────────────────────────────────────────────────────

  respondInformational(head: ResponseHead): void {
    if (!this.responseBegan) this.stream.sendInformational(head);
  }

  respond(head: ResponseHead, end: boolean): void {
    this.responseBegan = true;
    if (this.walk === undefined) this.sendHead(head, end);
    else this.walk.responseHead(head, end);
  }

  respondData(chunk: Buffer, end: boolean): void {
    if (this.walk === undefined) this.sendData(chunk, end);
    else this.walk.responseData(chunk, end);
  }

  respondTrailers(trailers: Headers): void {
    this.responseTrailers = trailers;
    if (this.walk === undefined) this.sendTrailers(trailers);
    else this.walk.responseTrailers(trailers);
  }

  /** The answer that had begun will not be completed: the client must see that. */
  breakResponse(reason: ResetReason, details: string): void {
    if (this.over) return;
    this.flags |= flagOfReset(reason);
    if (!this.headSent) {
      // A filter still holds the head.
      this.#replaceResponse(upstreamFailed(reason, '', false));
      return;
    }
    this.details = details;
    this.proxy.stats.resetAfterResponseStarted.increment();
    this.resetClient(reason);
  }

  // ── towards the client ────────────────────────────────────────────────────────────────────────────────────────

  sendHead(head: ResponseHead, end: boolean): void {
    if (this.over) return;
    this.headSent = true;
    if (this.cookies !== undefined) for (const cookie of this.cookies) head.add('set-cookie', cookie);
    this.proxy.edge?.onResponse(head, this.request, this.flags, this.details);
    // It may have been changed.
    this.status = head.status;
    this.bytesSent += head.wholeBytes;
    this.stream.sendHead(head, end);
    if (end) this.#onResponseSent(this.#passedOnMs());
    else if (!this.stream.writable) this.holdResponse(heldByPeer);
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (this.over) return;
    this.bytesSent += chunk.length;
    if (this.passesOn && !end) this.stream.passOn!(chunk);
    else this.stream.sendData(chunk, end);
    if (end) this.#onResponseSent(this.#passedOnMs());
    else if (!this.stream.writable) this.holdResponse(heldByPeer);
  }

  sendTrailers(trailers: Headers): void {
    if (this.over) return;
    this.stream.sendTrailers(trailers);
    this.#onResponseSent(this.#passedOnMs());
  }

  /** When what came from the upstream was passed on: with no filter between, in the very call that brought it. */
  #passedOnMs(): number {
    return this.walk === undefined ? this.lastActivityMs : this.proxy.clock.now();
  }

  sendReply(reply: LocalReply): void {
    if (this.over) return;
    this.headSent = true;
    const answer = this.proxy.edge?.onReply(reply, this.request) ?? reply;
    this.status = answer.status;
    this.bytesSent += answer.body.length;
    this.stream.sendReply(answer);
    this.#onResponseSent(this.proxy.clock.now());
  }

  #onResponseSent(nowMs: number): void {
    if (this.over) return;
    this.#responseSent = true;
    if (this.tunnel && !this.requestEnded) return;
    this.proxy.stats.recordResponse(this.status);
    this.#finish(nowMs);
  }

  /** From here on bytes go both ways, until both sides have ended. `passesOn`: of the upstream's side. */
  becomeTunnel(passesOn: boolean): void {
    this.tunnel = true;
    this.passesOn = passesOn && this.walk === undefined && this.stream.passOn !== undefined;
    this.proxy.stats.cxUpgradesTotal.increment();
    this.proxy.stats.cxUpgradesActive.add(1);
  }

  onTunnelRequestEnded(): void {
    if (this.#responseSent) this.#onResponseSent(this.proxy.clock.now());
  }

  /** No answer, or no more of the one that has begun. */
  resetClient(reason: ResetReason): void {
    this.proxy.stats.rqTxReset.increment();
    this.stream.reset(reason);
    this.#finish();
  }

  // ── ends ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Stream idle timeout. Looked at again when something has happened since it was started. */
  onDeadline(): void {
    const { proxy } = this;
    const nowMs = proxy.clock.now();
    const idleTimeoutMs = this.call?.idleTimeoutMs ?? proxy.streamIdleTimeoutMs;
    const leftMs = this.lastActivityMs + idleTimeoutMs - nowMs;
    if (leftMs > 0) {
      proxy.wheel.start(this.deadline, leftMs, nowMs);
      return;
    }
    proxy.stats.rqIdleTimeout.increment();
    this.expire(this.requestEnded ? responseIdle : requestIdle);
  }

  /** The route has an idle timeout of its own. 0: none. */
  useIdleTimeout(idleTimeoutMs: number): void {
    if (idleTimeoutMs > 0) this.proxy.wheel.start(this.deadline, idleTimeoutMs, this.lastActivityMs);
    else this.proxy.wheel.stop(this.deadline);
  }

  /** 0: no limit. Counts from the request's first byte. */
  #limitDuration(durationMs: number): void {
    this.#streamDeadline ??= new StreamDeadline(this);
    this.#streamDeadline.limit(durationMs);
  }

  /** Time is up: an answer if there was none, else the one that had begun is broken off. */
  expire(reply: LocalReply): void {
    if (this.over) return;
    if (!this.responseBegan) {
      this.reply(reply);
      return;
    }
    this.flags |= reply.flags;
    this.details = reply.details;
    this.proxy.stats.resetAfterResponseStarted.increment();
    this.resetClient('local-reset');
  }

  /** A filter threw, or what it waited for did. */
  fail(thrown: unknown): void {
    if (this.over) return;
    this.reportFailure(thrown);
    if (this.headSent) {
      this.details = filterFailed.details;
      this.resetClient('local-reset');
      return;
    }
    if (!this.responseBegan) {
      this.reply(filterFailed);
      return;
    }
    this.#replaceResponse(filterFailed);
  }

  /** What has come from the upstream, or was made of it by a filter, is not worth sending. */
  #replaceResponse(reply: LocalReply): void {
    this.flags |= reply.flags;
    this.details = reply.details;
    this.call?.close();
    this.sendReply(prepareReply(this, reply));
  }

  reportFailure(thrown: unknown): void {
    this.proxy.logger.warn('a request failed inside the proxy', { error: messageOf(thrown) });
  }

  /** A request that wants no answer was passed on, or could not be. */
  finishOneWay(): void {
    if (this.over) return;
    this.proxy.stats.rqOneWay.increment();
    this.#finish();
  }

  #finish(nowMs: number = this.proxy.clock.now()): void {
    const { proxy } = this;
    this.over = true;
    proxy.wheel.stop(this.deadline);
    if (this.#requestDeadline !== undefined) proxy.wheel.stop(this.#requestDeadline.deadline);
    if (this.#streamDeadline !== undefined) proxy.wheel.stop(this.#streamDeadline.deadline);
    this.durationMs = nowMs - this.startMs;
    this.#sleeps?.rejectAll();
    this.#mirrors?.exchangeEnded();
    this.call?.close();
    this.walk?.onEnd();
    if (this.tunnel) proxy.stats.cxUpgradesActive.add(-1);
    this.recordEnd(this.#responseSent, this.call !== undefined);
    this.trace?.end(this);
    const { accessLogs } = proxy;
    for (let at = 0; at < accessLogs.length; at++) accessLogs[at]!.log(this);
    this.#owner.exchangeEnded(this.stream, nowMs);
  }
}
