import { Deadline } from '@sofamesh/base/timer-wheel';
import type { Host, PickContext } from '@sofamesh/contract/balancer';
import {
  type Headers,
  type LocalReply,
  type ResetReason,
  ResponseFlag,
  type ResponseHead,
} from '@sofamesh/contract/message';
import type { ClientStream, Protocol } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import type { UpstreamCluster } from '../cluster/upstream.ts';
import { UpstreamHost } from '../cluster/upstream-host.ts';
import { hashRequest } from '../route/hash-policy.ts';
import type { Route, WeightedCluster } from '../route/route.ts';
import type { ActiveExchange } from './exchange.ts';
import { heldByPeer } from './exchange.ts';
import { noHealthyUpstream, perTryTimeout, upstreamFailed, upstreamTimeout } from './replies.ts';
import { RequestBody } from './request-body.ts';
import { requestTimeoutMs } from './request-timeout.ts';
import { RetryState } from './retry-state.ts';
import { Attempt } from './upstream-attempt.ts';

/**
 * The call of one exchange to its cluster: timeouts, tries, and the request's body as long as another try may need it.
 * At most one attempt is under way. As a deadline it is the route's timeout; it counts from the end of the request.
 */
export class UpstreamCall extends Deadline implements PickContext {
  readonly hash: number | undefined;
  avoid: Host | undefined = undefined;
  /** Undefined: the listener's. */
  readonly idleTimeoutMs: number | undefined;
  readonly #exchange: ActiveExchange;
  readonly #route: Route;
  readonly #target: WeightedCluster;
  readonly #cluster: UpstreamCluster;
  readonly #protocol: Protocol;
  /** Envoy's own headers are added: not for RPC, whose bytes stay as they came. */
  readonly #addsHeaders: boolean;
  readonly #timeoutMs: number;
  #attempt: Attempt | undefined = undefined;
  #retry: RetryState | undefined;
  #body: RequestBody | undefined = undefined;
  #requestEnded = false;
  /** The request cannot be sent once more: its body was let go. */
  #bodyLost = false;
  #tunnelResponseEnded = false;
  #closed = false;

  constructor(
    exchange: ActiveExchange,
    route: Route,
    target: WeightedCluster,
    cluster: UpstreamCluster,
    protocol: Protocol,
    suppressHeaders: boolean,
  ) {
    super();
    const { action } = route.config;
    this.#exchange = exchange;
    this.#route = route;
    this.#target = target;
    this.#cluster = cluster;
    this.#protocol = protocol;
    this.#addsHeaders = exchange.proxy.edge !== undefined && !suppressHeaders;
    this.#timeoutMs = requestTimeoutMs(route.timeoutMs, exchange);
    this.#retry = route.retry && new RetryState(this, route.retry, exchange.proxy, cluster);
    const forward = action.kind === 'forward' ? action : undefined;
    this.idleTimeoutMs = forward?.idleTimeoutMs;
    this.hash =
      forward === undefined || forward.hashPolicy.length === 0
        ? undefined
        : hashRequest(forward.hashPolicy, exchange.request);
  }

  get dialect(): number {
    return this.#exchange.request.dialect ?? 0;
  }

  begin(end: boolean): void {
    const exchange = this.#exchange;
    const { request } = exchange;
    if (this.idleTimeoutMs !== undefined) exchange.useIdleTimeout(this.idleTimeoutMs);
    if (this.#addsHeaders && this.#timeoutMs > 0) {
      request.set('x-envoy-expected-rq-timeout-ms', String(Math.ceil(this.#timeoutMs)));
    }
    this.#route.applyRequest(request, this.#target, exchange);
    if (end) this.#onRequestEnd();
    if (!this.#closed) this.#try();
  }

  // ── the request ───────────────────────────────────────────────────────────────────────────────────────────────

  sendData(chunk: Buffer, end: boolean): void {
    if (this.#closed) return;
    const stream = this.#attempt?.stream;
    if (this.#keeps(stream)) this.#keep(chunk.length).add(chunk, end);
    if (end) this.#onRequestEnd();
    if (stream === undefined) return;
    stream.sendData(chunk, end);
    this.#afterSend(stream, end);
  }

  sendTrailers(trailers: Headers): void {
    if (this.#closed) return;
    const stream = this.#attempt?.stream;
    if (this.#keeps(stream)) this.#keep(0).addTrailers(trailers);
    this.#onRequestEnd();
    if (stream === undefined) return;
    stream.sendTrailers(trailers);
    this.#afterSend(stream, true);
  }

  /** There is no stream yet, or there may be another one. */
  #keeps(stream: ClientStream | undefined): boolean {
    return stream === undefined || (this.#retry !== undefined && !this.#bodyLost);
  }

  #keep(bytes: number): RequestBody {
    const { bufferBytesMax } = this.#exchange.proxy;
    const body = (this.#body ??= new RequestBody());
    if (body.bytes + bytes <= bufferBytesMax) return body;
    // More than may be kept: no other try, and the client waits as long as there is no stream.
    if (this.#attempt?.stream === undefined) this.#exchange.holdRequest(heldByPeer);
    else {
      this.#bodyLost = true;
      body.drop();
    }
    return body;
  }

  #afterSend(stream: ClientStream, end: boolean): void {
    if (this.#closed) return;
    const exchange = this.#exchange;
    if (end) {
      this.#attempt!.requestSent = true;
      this.#attempt!.sentMs = exchange.lastActivityMs;
      if (!exchange.tunnel) return;
      if (this.#tunnelResponseEnded) this.#settle(this.#attempt!);
      exchange.onTunnelRequestEnded();
    } else if (!stream.writable) exchange.holdRequest(heldByPeer);
  }

  #onRequestEnd(): void {
    this.#requestEnded = true;
    const { proxy, lastActivityMs, tunnel } = this.#exchange;
    if (tunnel) return;
    if (this.#timeoutMs > 0) proxy.wheel.start(this, this.#timeoutMs, lastActivityMs);
    else if (this.#timeoutMs < 0) {
      this.onDeadline();
      return;
    }
    const attempt = this.#attempt;
    if (attempt !== undefined) this.#startPerTry(attempt, lastActivityMs);
  }

  onWritable(): void {
    this.#exchange.releaseRequest(heldByPeer);
  }

  // ── tries ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The back-off is over. */
  tryAgain(): void {
    this.#exchange.touch();
    this.#try();
  }

  #try(): void {
    const exchange = this.#exchange;
    const cluster = this.#cluster;
    const host = cluster.pick(this);
    if (host === undefined) {
      cluster.stats.cxNoneHealthy.increment();
      exchange.reply(noHealthyUpstream);
      return;
    }
    const attempt = new Attempt(this, host);
    if (!cluster.acquireRequest()) {
      attempt.over = true;
      this.#failed('overflow', undefined);
      return;
    }
    this.#attempt = attempt;
    exchange.attempts++;
    exchange.upstreamHost = host.name;
    exchange.upstreamFailure = '';
    if (this.#requestEnded) this.#startPerTry(attempt, exchange.lastActivityMs);
    const pending = cluster.newStream(host, this.#protocol, exchange.downstream, attempt);
    attempt.asking = false;
    if (pending !== undefined && !attempt.over) attempt.pending = pending;
  }

  #startPerTry(attempt: Attempt, nowMs: number): void {
    const perTryMs = this.#route.retry?.perTryTimeoutMs ?? 0;
    if (perTryMs > 0) this.#exchange.proxy.wheel.start(attempt, perTryMs, nowMs);
  }

  onReady(attempt: Attempt, stream: ClientStream, connection: Connection): void {
    this.#exchange.upstreamConnection = connection;
    try {
      this.#send(attempt, stream);
    } catch (thrown) {
      // The head has something that this protocol cannot say.
      this.#exchange.fail(thrown);
    }
  }

  #send(attempt: Attempt, stream: ClientStream): void {
    const exchange = this.#exchange;
    const { request } = exchange;
    if (this.#route.rewritesHostToUpstream) {
      const { host } = attempt;
      request.authority = (host instanceof UpstreamHost && host.hostname) || host.name;
    }
    const body = this.#body;
    const end = this.#requestEnded && (body === undefined || body.empty);
    stream.sendHead(request, end);
    if (attempt.over) return;
    if (body !== undefined && !body.empty) {
      body.sendTo(stream);
      if (attempt.over) return;
      if (this.#retry === undefined) body.drop();
    }
    if (this.#requestEnded) {
      attempt.requestSent = true;
      attempt.sentMs = attempt.asking ? exchange.lastActivityMs : exchange.proxy.clock.now();
    }
    if (request.oneWay) {
      this.#settle(attempt);
      exchange.finishOneWay();
    } else if (stream.writable) exchange.releaseRequest(heldByPeer);
    else exchange.holdRequest(heldByPeer);
  }

  /** No connection, or the stream was reset. */
  onFailure(attempt: Attempt, reason: ResetReason, detail: string): void {
    const exchange = this.#exchange;
    const { stats } = this.#cluster;
    const sent = attempt.stream !== undefined;
    if (sent) stats.rqRxReset.increment();
    this.#settle(attempt);
    if (detail !== '') exchange.upstreamFailure = detail;
    if (exchange.responseBegan) {
      stats.recordFailure(attempt.host);
      exchange.breakResponse(reason, `upstream_reset_after_response_started{${reason.replaceAll('-', '_')}}`);
      return;
    }
    if (this.#retriesAfterReset(reason, sent)) {
      stats.recordFailure(attempt.host);
      this.avoid = attempt.host;
      return;
    }
    this.#failed(reason, attempt.host);
  }

  #failed(reason: ResetReason, host: Host | undefined): void {
    const exchange = this.#exchange;
    const reply = upstreamFailed(reason, exchange.upstreamFailure, (this.#retry?.retries ?? 0) > 0);
    this.#cluster.stats.recordFailure(host, reply.status);
    exchange.reply(reply);
  }

  /** True when another try follows. */
  #retriesAfterReset(reason: ResetReason, sent: boolean): boolean {
    const retry = this.#retry;
    if (retry === undefined || !retry.policy.retriesReset(reason, sent)) return false;
    return this.#mayRetry(retry, sent);
  }

  #mayRetry(retry: RetryState, sent: boolean): boolean {
    const exchange = this.#exchange;
    if (this.#bodyLost || exchange.tunnel || (sent && exchange.request.oneWay)) return false;
    // An upgrade's first bytes are not kept.
    if (sent && exchange.request.upgrade !== undefined) return false;
    const allowed = retry.begin();
    if (!allowed && retry.exhausted) exchange.flags |= ResponseFlag.upstreamRetryLimitExceeded;
    return allowed;
  }

  // ── the response ──────────────────────────────────────────────────────────────────────────────────────────────

  onInformational(head: ResponseHead): void {
    this.#exchange.respondInformational(head);
  }

  onHead(attempt: Attempt, head: ResponseHead, end: boolean): void {
    const exchange = this.#exchange;
    const { proxy, request } = exchange;
    const nowMs = proxy.clock.now();
    exchange.lastActivityMs = nowMs;
    attempt.headReceived = true;
    this.#cluster.stats.recordResponse(attempt.host, head.status);
    const retry = this.#retry;
    if (retry?.policy.retriesResponse(head) && this.#mayRetry(retry, true)) {
      this.avoid = attempt.host;
      if (end && attempt.requestSent) this.#settle(attempt);
      else this.#giveUp(attempt);
      return;
    }
    retry?.settled(head.status < 500);
    if (attempt.waiting) proxy.wheel.stop(attempt);
    if (attempt.requestSent) exchange.upstreamServiceMs = nowMs - attempt.sentMs;
    if (head.status === 101 || (request.method === 'CONNECT' && head.status < 300 && head.status >= 200)) {
      proxy.wheel.stop(this);
      exchange.becomeTunnel();
    }
    // Nothing is tried again from here on.
    this.#bodyLost = true;
    this.#body?.drop();
    if (end) this.#onResponseEnd(attempt);
    try {
      if (this.#addsHeaders && exchange.upstreamServiceMs >= 0) {
        head.set('x-envoy-upstream-service-time', String(Math.floor(exchange.upstreamServiceMs)));
      }
      this.#route.applyResponse(head, this.#target, exchange);
      exchange.respond(head, end);
    } catch (thrown) {
      exchange.fail(thrown);
    }
  }

  onData(attempt: Attempt, chunk: Buffer, end: boolean): void {
    const exchange = this.#exchange;
    exchange.lastActivityMs = exchange.proxy.clock.now();
    if (end) this.#onResponseEnd(attempt);
    try {
      exchange.respondData(chunk, end);
    } catch (thrown) {
      exchange.fail(thrown);
    }
  }

  onTrailers(attempt: Attempt, trailers: Headers): void {
    const exchange = this.#exchange;
    exchange.lastActivityMs = exchange.proxy.clock.now();
    this.#onResponseEnd(attempt);
    try {
      exchange.respondTrailers(trailers);
    } catch (thrown) {
      exchange.fail(thrown);
    }
  }

  /** The upstream has said all. A tunnel's other direction may go on. */
  #onResponseEnd(attempt: Attempt): void {
    const exchange = this.#exchange;
    if (exchange.tunnel && !this.#requestEnded) {
      this.#tunnelResponseEnded = true;
      return;
    }
    if (attempt.requestSent) this.#cluster.stats.recordTime(exchange.lastActivityMs - attempt.sentMs);
    exchange.proxy.wheel.stop(this);
    if (attempt.requestSent) this.#settle(attempt);
    else this.#giveUp(attempt);
  }

  pauseResponse(): void {
    this.#attempt?.stream?.pauseResponse();
  }

  resumeResponse(): void {
    this.#attempt?.stream?.resumeResponse();
  }

  // ── timeouts and ends ─────────────────────────────────────────────────────────────────────────────────────────

  /** Route timeout. */
  onDeadline(): void {
    this.#timedOut(upstreamTimeout);
  }

  onPerTryTimeout(attempt: Attempt): void {
    const { stats } = this.#cluster;
    stats.rqPerTryTimeout.increment();
    const sent = attempt.stream !== undefined;
    this.#giveUp(attempt);
    if (this.#retriesAfterReset('local-reset', sent)) {
      stats.recordFailure(attempt.host);
      this.avoid = attempt.host;
      return;
    }
    stats.recordFailure(attempt.host, perTryTimeout.status);
    this.#exchange.expire(perTryTimeout);
  }

  #timedOut(reply: LocalReply): void {
    if (this.#closed) return;
    const attempt = this.#attempt;
    this.#cluster.stats.recordTimeout(attempt?.host);
    if (attempt !== undefined) this.#giveUp(attempt);
    this.#exchange.expire(reply);
  }

  /** The exchange is over, or answered otherwise: nothing of the upstream is wanted any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#exchange.proxy.wheel.stop(this);
    if (this.#attempt !== undefined) this.#giveUp(this.#attempt);
    this.#retry?.close();
    this.#body = undefined;
  }

  /** Ends a try that is under way. */
  #giveUp(attempt: Attempt): void {
    if (attempt.over) return;
    this.#settle(attempt);
    if (attempt.pending !== undefined) attempt.pending.cancel();
    else if (attempt.stream !== undefined) {
      this.#cluster.stats.rqTxReset.increment();
      attempt.stream.reset('local-reset');
    }
  }

  /** Nothing that still comes for this try is looked at. */
  #settle(attempt: Attempt): void {
    if (attempt.over) return;
    attempt.over = true;
    if (attempt.waiting) this.#exchange.proxy.wheel.stop(attempt);
    if (this.#attempt === attempt) this.#attempt = undefined;
    this.#cluster.releaseRequest();
  }
}
