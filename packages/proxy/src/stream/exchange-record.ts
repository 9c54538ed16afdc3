import { type Address, formatAddress } from '@sofamesh/base/address';
import { Deadline, type Timed } from '@sofamesh/base/timer-wheel';
import type { LogRecord } from '@sofamesh/contract/access-log';
import {
  type Headers,
  type LocalReply,
  type RequestHead,
  ResponseFlag,
  type ResponseHead,
} from '@sofamesh/contract/message';
import type { Connection } from '@sofamesh/contract/transport';
import { grpcStatusOf, httpStatusOfGrpc } from '../route/grpc.ts';
import type { Route, WeightedCluster } from '../route/route.ts';
import type { ExchangeTrace } from '../tracing/exchange-trace.ts';
import { LocalResponseHead } from './local-response.ts';
import type { StreamProxy } from './stream-proxy.ts';

/** What is known of an exchange: request, route, response, how it went. An access log prints this very object. */
export abstract class ExchangeRecord implements Timed, LogRecord {
  readonly deadline = new Deadline(this);
  readonly proxy: StreamProxy;
  readonly request: RequestHead;
  readonly downstream: Connection;
  clientAddress: Address | undefined = undefined;
  /** The request comes from an internal address: what it says to the proxy itself counts. */
  internal = false;
  responseTrailers: Headers | undefined = undefined;
  /** `set-cookie` headers for the client; undefined until the first one. */
  protected cookies: string[] | undefined = undefined;
  metadata: Map<string, unknown> | undefined = undefined;
  /** Undefined: it is no part of a trace, or not of the sampled ones. */
  trace: ExchangeTrace | undefined = undefined;

  status = 0;
  flags: number = ResponseFlag.none;
  details = '';
  /** Of the body; of the whole frame for RPC. */
  bytesReceived: number;
  bytesSent = 0;
  durationMs = 0;
  upstreamServiceMs = -1;
  upstreamCluster = '';
  upstreamHost = '';
  upstreamFailure = '';
  upstreamConnection: Connection | undefined = undefined;
  attempts = 0;
  /** Redirects of upstreams that were followed here. */
  redirects = 0;
  readonly startMs: number;
  /** When something was last read or written: monotonic, and the time of this turn while the exchange begins. */
  lastActivityMs: number;

  #response: ResponseHead | undefined = undefined;
  #reply: LocalReply | undefined = undefined;
  #route: Route | undefined = undefined;
  #routeMatched = false;
  #target: WeightedCluster | undefined = undefined;

  constructor(proxy: StreamProxy, request: RequestHead, downstream: Connection, nowMs: number) {
    this.proxy = proxy;
    this.request = request;
    this.downstream = downstream;
    this.bytesReceived = request.wholeBytes;
    this.startMs = nowMs;
    this.lastActivityMs = nowMs;
  }

  abstract onDeadline(): void;

  get response(): ResponseHead | undefined {
    if (this.#response === undefined && this.#reply !== undefined) this.#response = new LocalResponseHead(this.#reply);
    return this.#response;
  }

  /** The upstream's answer, from now on also to what headers of the answer say of it. */
  showResponse(head: ResponseHead): void {
    this.#response = head;
    this.status = head.status;
    if (this.details === '') this.details = 'via_upstream';
  }

  /** An answer of the proxy's own, in place of any other. */
  showReply(reply: LocalReply): void {
    this.#reply = reply;
    this.#response = undefined;
  }

  get localReplyBody(): string | undefined {
    return this.#reply?.body;
  }

  get grpcStatus(): number | undefined {
    return grpcStatusOf(this.responseTrailers) ?? grpcStatusOf(this.response);
  }

  get traceId(): string | undefined {
    const { tracer, edge } = this.proxy;
    return this.trace?.traceId ?? tracer?.traceIdOf(this.request, edge === undefined);
  }

  get spanId(): string | undefined {
    return this.trace?.spanId;
  }

  /** The route, if somebody has asked for it. */
  get matchedRoute(): Route | undefined {
    return this.#route;
  }

  /** Matched when somebody asks for the first time, and again after {@link clearRoute}. */
  get route(): Route | undefined {
    if (!this.#routeMatched) {
      this.#routeMatched = true;
      this.#route = this.proxy.routes.table?.match(this.request, this.proxy.random);
      this.#target = this.#route?.pickCluster(this.request, this.proxy.random);
    }
    return this.#route;
  }

  /** The cluster that the route has chosen for this request. */
  get target(): WeightedCluster | undefined {
    return this.route === undefined ? undefined : this.#target;
  }

  routeConfig(filterName: string): unknown {
    return this.route?.filterConfig(filterName, this.#target);
  }

  clearRoute(): void {
    this.#routeMatched = false;
    this.#route = undefined;
    this.#target = undefined;
  }

  addCookie(text: string): void {
    (this.cookies ??= []).push(text);
  }

  addFlags(flags: number): void {
    this.flags |= flags;
  }

  /** Something has happened that took time. */
  touch(): void {
    this.lastActivityMs = this.proxy.clock.now();
  }

  get startWallMs(): number {
    const { clock } = this.proxy;
    // A look at a clock for each line of a log is a noticeable part of what a call costs.
    return clock.wallMs() - (this.durationMs > 0 ? this.durationMs : clock.now() - this.startMs);
  }

  get routeName(): string {
    return this.#route?.name ?? '';
  }

  get virtualHost(): string {
    return this.#route?.virtualHost ?? '';
  }

  get upstreamLocal(): string {
    return this.upstreamConnection === undefined ? '' : formatAddress(this.upstreamConnection.local);
  }

  /** Metrics of the proxy and of the route. `responseSent`: to its end; `called`: an upstream was chosen. */
  protected recordEnd(responseSent: boolean, called: boolean): void {
    const { stats } = this.proxy;
    stats.rqActive.add(-1);
    stats.rqTime.record(this.durationMs);
    this.proxy.methodStats?.record(this, this.#failed(responseSent));
    const route = this.#route?.stats;
    if (route === undefined) return;
    route.total.increment();
    route.time.record(this.durationMs);
    if (called) this.#target?.share?.increment();
    if (this.flags & (ResponseFlag.delayInjected | ResponseFlag.faultInjected)) route.injected.increment();
    else if (this.#failed(responseSent)) route.error.increment();
  }

  /** An error for whoever asked. A client that went away by itself has made none. */
  #failed(responseSent: boolean): boolean {
    if (this.status >= 500) return true;
    if (this.proxy.edge !== undefined) {
      const { grpcStatus } = this;
      if (grpcStatus !== undefined && httpStatusOfGrpc(grpcStatus) >= 500) return true;
    }
    if (responseSent || this.request.oneWay) return false;
    return (this.flags & ResponseFlag.downstreamConnectionTermination) === 0;
  }
}
