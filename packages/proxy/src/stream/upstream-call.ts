import type { Host, PickContext } from '@sofamesh/contract/balancer';
import type { Headers, LocalReply, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type { ClientStream } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import type { UpstreamCluster, UpstreamProtocol } from '../cluster/upstream.ts';
import { serverNameOf } from '../cluster/upstream-tls.ts';
import { isGrpc, statusOfGrpcAnswer } from '../route/grpc.ts';
import type { Route, WeightedCluster } from '../route/route.ts';
import type { ActiveExchange } from './exchange.ts';
import { heldByPeer } from './exchange.ts';
import { redirects, startAgain } from './internal-redirect.ts';
import {
  noHealthyUpstream,
  perTryTimeout,
  upstreamFailed,
  upstreamRequestTooLong,
  upstreamResponseTooLong,
  upstreamTimeout,
} from './replies.ts';
import { expectedTimeoutMs, passOnGrpcTimeout, requestTimeoutMs, timeoutReply } from './request-timeout.ts';
import { RetriedRequest } from './retried-request.ts';
import { Attempt } from './upstream-attempt.ts';

/**
 * The call of one exchange to its cluster: timeouts, tries, and the request's body as long as another try may need it.
 * At most one attempt is under way. As a deadline it is the route's timeout; it counts from the end of the request.
 */
export class UpstreamCall extends RetriedRequest implements PickContext {
  readonly hash: number | undefined;
  avoid: Host | undefined = undefined;
  /** See `UpstreamAttempt.serverName`. */
  serverName: string | undefined = undefined;
  /** Undefined: the listener's. */
  readonly idleTimeoutMs: number | undefined;
  readonly #route: Route;
  readonly #target: WeightedCluster;
  readonly #protocol: UpstreamProtocol;
  /** Envoy's own headers are added: not for RPC, whose bytes stay as they came. */
  readonly #addsHeaders: boolean;
  readonly #timeoutMs: number;
  #attempt: Attempt | undefined = undefined;
  #requestEnded = false;
  /** When the route's timeout began. */
  #requestEndedMs = 0;
  #tunnelResponseEnded = false;
  #closed = false;

  constructor(
    exchange: ActiveExchange,
    route: Route,
    target: WeightedCluster,
    cluster: UpstreamCluster,
    protocol: UpstreamProtocol,
    suppressHeaders: boolean,
  ) {
    super(exchange, route, cluster);
    const { action } = route.config;
    this.#route = route;
    this.#target = target;
    this.#protocol = protocol;
    this.#addsHeaders = exchange.proxy.edge !== undefined && !suppressHeaders;
    this.#timeoutMs = requestTimeoutMs(route.timeoutMs, exchange);
    this.idleTimeoutMs = action.kind === 'forward' ? action.idleTimeoutMs : undefined;
    this.hash = route.hashPolicy?.hash(exchange.request, exchange);
  }

  get downstream(): Connection {
    return this.exchange.downstream;
  }

  get dialect(): number {
    return this.exchange.request.dialect ?? 0;
  }

  begin(end: boolean): void {
    const exchange = this.exchange;
    const { request } = exchange;
    if (this.idleTimeoutMs !== undefined) exchange.useIdleTimeout(this.idleTimeoutMs);
    this.#tellTimeout(0);
    if (exchange.proxy.edge?.schemeOfUpstream)
      request.scheme = this.cluster.config.tls === undefined ? 'http' : 'https';
    this.#route.applyRequest(request, this.#target, exchange, this.#addsHeaders);
    exchange.trace?.onCall(exchange);
    const { autoServerName } = this.cluster.config;
    if (autoServerName !== undefined) this.serverName = serverNameOf(autoServerName, request);
    if (end) this.#onRequestEnd();
    if (!this.#closed) this.#try();
  }

  /** `spentMs`: of the route's time, by the tries before. */
  #tellTimeout(spentMs: number): void {
    if (this.exchange.proxy.edge === undefined) return;
    const expectedMs = expectedTimeoutMs(this.#timeoutMs, this.retry?.policy.perTryTimeoutMs ?? 0, spentMs);
    passOnGrpcTimeout(this.request, this.#route.config.action, expectedMs);
    if (expectedMs > 0 && this.#addsHeaders) this.request.set('x-envoy-expected-rq-timeout-ms', String(expectedMs));
  }

  // ── the request ───────────────────────────────────────────────────────────────────────────────────────────────

  sendData(chunk: Buffer, end: boolean): void {
    if (this.#closed) return;
    const stream = this.#attempt?.stream;
    if (stream !== undefined) {
      if (this.mayWantAgain(this.#attempt!)) this.keep(chunk, end);
      else this.letGo();
    } else if (!this.bodyLost) {
      this.keepUnsent(chunk, end);
      // More than may be kept: the client waits as long as there is no stream.
      if (this.keptBytes > this.exchange.proxy.bufferBytesMax) this.exchange.holdRequest(heldByPeer);
    }
    if (end) this.#onRequestEnd();
    if (stream === undefined) return;
    if (this.exchange.passesOn && !end) stream.passOn!(chunk);
    else stream.sendData(chunk, end);
    this.#afterSend(stream, end);
  }

  sendTrailers(trailers: Headers): void {
    if (this.#closed) return;
    const stream = this.#attempt?.stream;
    if (stream === undefined || this.mayWantAgain(this.#attempt!)) this.keepTrailers(trailers);
    else this.letGo();
    this.#onRequestEnd();
    if (stream === undefined) return;
    stream.sendTrailers(trailers);
    this.#afterSend(stream, true);
  }

  #afterSend(stream: ClientStream, end: boolean): void {
    if (this.#closed) return;
    const exchange = this.exchange;
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
    const { proxy, lastActivityMs, tunnel } = this.exchange;
    this.#requestEndedMs = lastActivityMs;
    if (tunnel) return;
    if (this.#timeoutMs > 0) proxy.wheel.start(this.deadline, this.#timeoutMs, lastActivityMs);
    else if (this.#timeoutMs < 0) {
      this.onDeadline();
      return;
    }
    const attempt = this.#attempt;
    if (attempt !== undefined) this.#startPerTry(attempt, lastActivityMs);
  }

  onWritable(): void {
    this.exchange.releaseRequest(heldByPeer);
  }

  // ── tries ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The back-off is over. */
  tryAgain(): void {
    const { exchange } = this;
    exchange.touch();
    if (this.#requestEnded) this.#tellTimeout(exchange.lastActivityMs - this.#requestEndedMs);
    this.#try();
  }

  #try(): void {
    const exchange = this.exchange;
    const cluster = this.cluster;
    const host = cluster.pick(this);
    if (host === undefined) {
      cluster.stats.cxNoneHealthy.increment();
      exchange.reply(noHealthyUpstream);
      return;
    }
    this.#askFor(host, false);
  }

  #askFor(host: Host, fresh: boolean): void {
    const exchange = this.exchange;
    const cluster = this.cluster;
    const attempt = new Attempt(this, host, fresh);
    if (!cluster.acquireRequest()) {
      attempt.over = true;
      this.#failed('overflow', undefined);
      return;
    }
    this.#attempt = attempt;
    exchange.attempts++;
    exchange.upstreamHost = host.name;
    exchange.upstreamFailure = '';
    exchange.trace?.onTry(exchange, host);
    if (this.#requestEnded) this.#startPerTry(attempt, exchange.lastActivityMs);
    const pending = cluster.newStream(host, this.#protocol, exchange.downstream, attempt);
    attempt.asking = false;
    if (pending !== undefined && !attempt.over) attempt.pending = pending;
  }

  #startPerTry(attempt: Attempt, nowMs: number): void {
    const perTryMs = this.retry?.policy.perTryTimeoutMs ?? 0;
    if (perTryMs > 0) attempt.limitTry(this.exchange.proxy.wheel, perTryMs, nowMs);
  }

  onReady(attempt: Attempt, stream: ClientStream, connection: Connection): void {
    const { proxy } = this.exchange;
    const { streamDurationMs } = this.cluster.config;
    this.exchange.upstreamConnection = connection;
    if (streamDurationMs > 0 && proxy.edge !== undefined) attempt.limitDuration(proxy.wheel, streamDurationMs);
    try {
      this.#send(attempt, stream);
    } catch (thrown) {
      // The head has something that this protocol cannot say.
      this.exchange.fail(thrown);
    }
  }

  #send(attempt: Attempt, stream: ClientStream): void {
    const exchange = this.exchange;
    const { request } = exchange;
    attempt.editHead(request, this.#route, exchange.attempts, this.#addsHeaders);
    exchange.trace?.onSend(request);
    const { holdsBody } = this;
    stream.sendHead(request, this.#requestEnded && !holdsBody);
    if (attempt.over) return;
    if (holdsBody) {
      this.sendKept(stream);
      if (attempt.over) return;
      if (this.keptBytes > this.keptBytesMax || !this.mayWantAgain(attempt)) this.letGo();
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
    const exchange = this.exchange;
    const { stats } = this.cluster;
    const sent = attempt.stream !== undefined;
    if (sent) stats.rqRxReset.increment();
    const resends = sent && this.resends(attempt, reason);
    const awaitsGrpc = attempt.statusOfGrpc !== 0;
    if (awaitsGrpc) attempt.statusOfGrpc = 503;
    this.#settle(attempt);
    if (resends) {
      stats.rqResent.increment();
      exchange.touch();
      this.#askFor(attempt.host, true);
      return;
    }
    if (detail !== '') exchange.upstreamFailure = detail;
    if (exchange.responseBegan) {
      if (!awaitsGrpc) stats.recordFailure(attempt.host);
      exchange.breakResponse(reason, `upstream_reset_after_response_started{${reason.replaceAll('-', '_')}}`);
      return;
    }
    if (!this.retriesAfterReset(reason, sent)) {
      this.#failed(reason, attempt.host);
      return;
    }
    stats.recordFailure(attempt.host);
    this.avoid = attempt.host;
  }

  #failed(reason: ResetReason, host: Host | undefined): void {
    const exchange = this.exchange;
    const reply = upstreamFailed(reason, exchange.upstreamFailure, (this.retry?.retries ?? 0) > 0);
    this.cluster.stats.recordFailure(host, reply.status);
    exchange.reply(reply);
  }

  // ── the response ──────────────────────────────────────────────────────────────────────────────────────────────

  onInformational(head: ResponseHead): void {
    this.exchange.respondInformational(head);
  }

  onHead(attempt: Attempt, head: ResponseHead, end: boolean): void {
    const exchange = this.exchange;
    const { proxy, request } = exchange;
    const nowMs = attempt.carrier!.now();
    exchange.lastActivityMs = nowMs;
    exchange.trace?.onAnswer(head.status);
    this.#countAnswer(attempt, head, end);
    const retry = this.retry;
    if (retry?.policy.retriesResponse(head) && this.mayRetry(retry, true)) {
      this.avoid = attempt.host;
      if (end && attempt.requestSent) this.#settle(attempt);
      else this.#giveUp(attempt);
      return;
    }
    retry?.settled(head.status < 500);
    if (this.redirects !== undefined) {
      const whole = attempt.requestSent && !this.bodyLost;
      if (redirects(exchange, this.redirects, head, whole, this.cluster.stats)) {
        if (end) this.#settle(attempt);
        const body = this.takeBody();
        this.close();
        startAgain(exchange, head, body);
        return;
      }
    }
    attempt.stopPerTry(proxy.wheel);
    if (attempt.requestSent) exchange.upstreamServiceMs = nowMs - attempt.sentMs;
    if (head.status === 101 || (request.method === 'CONNECT' && head.status < 300 && head.status >= 200)) {
      proxy.wheel.stop(this.deadline);
      exchange.becomeTunnel(attempt.stream?.passOn !== undefined);
    }
    // Nothing is tried again from here on.
    this.letGo();
    if (end) this.#onResponseEnd(attempt);
    try {
      if (this.#addsHeaders && exchange.upstreamServiceMs >= 0) {
        head.set('x-envoy-upstream-service-time', String(Math.floor(exchange.upstreamServiceMs)));
      }
      if (this.#route.tellsAttempts) head.set('x-envoy-attempt-count', String(exchange.attempts));
      exchange.showResponse(head);
      this.#route.applyResponse(head, this.#target, exchange);
      exchange.respond(head, end);
    } catch (thrown) {
      exchange.fail(thrown);
    }
  }

  /** A gRPC call that failed counts as its equivalent in HTTP, which only its trailers tell. */
  #countAnswer(attempt: Attempt, head: ResponseHead, end: boolean): void {
    const { stats } = this.cluster;
    if (this.exchange.proxy.edge === undefined || head.protocol === 'HTTP/1.1' || !isGrpc(head)) {
      stats.recordResponse(attempt.host, head.status);
    } else if (end) stats.recordResponse(attempt.host, statusOfGrpcAnswer(head, head.status));
    else attempt.statusOfGrpc = head.status;
  }

  onData(attempt: Attempt, chunk: Buffer, end: boolean): void {
    const exchange = this.exchange;
    exchange.lastActivityMs = attempt.carrier!.now();
    if (end) this.#onResponseEnd(attempt);
    try {
      exchange.respondData(chunk, end);
    } catch (thrown) {
      exchange.fail(thrown);
    }
  }

  onTrailers(attempt: Attempt, trailers: Headers): void {
    const exchange = this.exchange;
    exchange.lastActivityMs = attempt.carrier!.now();
    if (attempt.statusOfGrpc !== 0) attempt.statusOfGrpc = statusOfGrpcAnswer(trailers, attempt.statusOfGrpc);
    this.#onResponseEnd(attempt);
    try {
      exchange.respondTrailers(trailers);
    } catch (thrown) {
      exchange.fail(thrown);
    }
  }

  /** The upstream has said all. A tunnel's other direction may go on. */
  #onResponseEnd(attempt: Attempt): void {
    const exchange = this.exchange;
    if (exchange.tunnel && !this.#requestEnded) {
      this.#tunnelResponseEnded = true;
      return;
    }
    if (attempt.requestSent) this.cluster.stats.recordTime(exchange.lastActivityMs - attempt.sentMs);
    exchange.proxy.wheel.stop(this.deadline);
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
    if (this.#closed) return;
    const attempt = this.#attempt;
    this.cluster.stats.recordTimeout(attempt?.host);
    if (attempt !== undefined) this.#giveUp(attempt);
    this.exchange.expire(timeoutReply(this.exchange, upstreamTimeout));
  }

  onPerTryTimeout(attempt: Attempt): void {
    this.cluster.stats.rqPerTryTimeout.increment();
    this.#expireTry(attempt, timeoutReply(this.exchange, perTryTimeout));
  }

  /** The cluster's limit on the time of one stream. */
  onTooLong(attempt: Attempt): void {
    this.cluster.stats.rqMaxDurationReached.increment();
    this.#expireTry(attempt, this.#requestEnded ? upstreamResponseTooLong : upstreamRequestTooLong);
  }

  #expireTry(attempt: Attempt, reply: LocalReply): void {
    const sent = attempt.stream !== undefined;
    this.#giveUp(attempt);
    const again = !this.exchange.responseBegan && this.retriesAfterReset('local-reset', sent);
    this.cluster.stats.recordFailure(attempt.host, again ? undefined : reply.status);
    if (again) this.avoid = attempt.host;
    else this.exchange.expire(reply);
  }

  /** The exchange is over, or answered otherwise: nothing of the upstream is wanted any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.exchange.proxy.wheel.stop(this.deadline);
    if (this.#attempt !== undefined) this.#giveUp(this.#attempt);
    this.retry?.close();
    this.letGo();
  }

  /** Ends a try that is under way. */
  #giveUp(attempt: Attempt): void {
    if (attempt.over) return;
    this.#settle(attempt);
    if (attempt.pending !== undefined) attempt.pending.cancel();
    else if (attempt.stream !== undefined) {
      this.cluster.stats.rqTxReset.increment();
      attempt.stream.reset('local-reset');
    }
  }

  /** Nothing that still comes for this try is looked at. */
  #settle(attempt: Attempt): void {
    if (attempt.over) return;
    attempt.over = true;
    this.exchange.trace?.onTryEnd(this.exchange);
    if (attempt.statusOfGrpc !== 0) this.cluster.stats.recordResponse(attempt.host, attempt.statusOfGrpc);
    attempt.stopTimers(this.exchange.proxy.wheel);
    if (this.#attempt === attempt) this.#attempt = undefined;
    this.cluster.releaseRequest();
  }
}
