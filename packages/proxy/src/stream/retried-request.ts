import { type RequestHead, type ResetReason, ResponseFlag } from '@sofamesh/contract/message';
import type { UpstreamCluster } from '../cluster/upstream.ts';
import type { InternalRedirectConfig } from '../config/route.ts';
import { askedRetry } from '../route/asked-retry.ts';
import type { Route } from '../route/route.ts';
import type { ActiveExchange } from './exchange.ts';
import { KeptRequest } from './kept-request.ts';
import { isWorthKeeping, mayResend, resendBytesMax } from './resend.ts';
import { RetryState } from './retry-state.ts';
import type { Attempt } from './upstream-attempt.ts';

/**
 * The part of a call that decides whether its request is sent once more: by the route's policy, or because the connection
 * was found closed.
 */
export abstract class RetriedRequest extends KeptRequest {
  protected readonly exchange: ActiveExchange;
  protected readonly cluster: UpstreamCluster;
  /** Undefined: there is no policy. */
  protected readonly retry: RetryState | undefined;
  /** Undefined: an upstream's redirects are for the client. */
  protected readonly redirects: InternalRedirectConfig | undefined;
  #resent = false;

  constructor(exchange: ActiveExchange, route: Route, cluster: UpstreamCluster) {
    super();
    this.exchange = exchange;
    this.cluster = cluster;
    const policy = exchange.internal ? askedRetry(route, exchange.request) : route.retry;
    this.retry = policy && new RetryState(this, policy, exchange.proxy, cluster);
    this.redirects = redirectsOf(exchange, route);
    const { bufferBytesMax } = exchange.proxy;
    this.keptBytesMax = this.#isKept ? bufferBytesMax : Math.min(bufferBytesMax, resendBytesMax);
  }

  /** Another try may follow for more than a connection that was found closed. */
  get #isKept(): boolean {
    return this.retry !== undefined || this.redirects !== undefined;
  }

  get request(): RequestHead {
    return this.exchange.request;
  }

  /** The back-off is over. */
  abstract tryAgain(): void;

  /** There is a stream, and there may be another one. */
  protected mayWantAgain(attempt: Attempt): boolean {
    return !this.bodyLost && (this.#isKept || isWorthKeeping(attempt, this.request));
  }

  /** True, once, when the request goes to the same host on a fresh connection. */
  protected resends(attempt: Attempt, reason: ResetReason): boolean {
    const { request } = this;
    // What follows the head of a request for an upgrade is no body.
    if (this.#resent || this.bodyLost || (request.upgrade !== undefined && this.bodyBegan)) return false;
    this.#resent = mayResend(attempt, reason, request);
    return this.#resent;
  }

  /** True when another try follows. */
  protected retriesAfterReset(reason: ResetReason, sent: boolean): boolean {
    const { retry } = this;
    if (retry === undefined || !retry.policy.retriesReset(reason, sent)) return false;
    return this.mayRetry(retry, sent);
  }

  protected mayRetry(retry: RetryState, sent: boolean): boolean {
    const { exchange, request } = this;
    if (this.bodyLost || exchange.tunnel || (sent && request.oneWay)) return false;
    // An upgrade's first bytes are not kept.
    if (sent && request.upgrade !== undefined) return false;
    const allowed = retry.begin();
    if (!allowed && retry.exhausted) exchange.flags |= ResponseFlag.upstreamRetryLimitExceeded;
    return allowed;
  }
}

/** A request that becomes a tunnel never ends, and RPC has no redirects. */
function redirectsOf({ proxy, request }: ActiveExchange, { config }: Route): InternalRedirectConfig | undefined {
  if (proxy.edge === undefined || request.upgrade !== undefined || request.method === 'CONNECT') return undefined;
  return config.action.kind === 'forward' ? config.action.internalRedirect : undefined;
}
