import type { Random } from '@sofamesh/base/random';
import type { ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type { RetryConfig } from '../config/route.ts';
import { HeaderMatch } from './header-match.ts';

const statusOf: Readonly<Record<string, number>> = {
  cancelled: 1,
  'deadline-exceeded': 4,
  'resource-exhausted': 8,
  internal: 13,
  unavailable: 14,
};

/** When a route's requests are tried again: Envoy's `retry_on`, compiled. */
export class RetryPolicy {
  readonly retriesMax: number;
  /** 0: none. */
  readonly perTryTimeoutMs: number;
  readonly #baseMs: number;
  readonly #maxMs: number;
  readonly #on: ReadonlySet<string>;
  readonly #statuses: ReadonlySet<number>;
  readonly #grpcStatuses: ReadonlySet<string>;
  readonly #anyReset: boolean;
  readonly #onRateLimit: boolean;
  /** Undefined: no header of an answer counts. */
  readonly #headers: readonly HeaderMatch[] | undefined;

  /** Throws a CodedError that begins with `where`. */
  constructor(config: RetryConfig, where: string) {
    this.retriesMax = config.retriesMax;
    this.perTryTimeoutMs = config.perTryTimeoutMs;
    this.#baseMs = config.backOffBaseMs;
    this.#maxMs = config.backOffMaxMs;
    this.#on = new Set(config.on);
    const on = this.#on;
    const statuses = new Set<number>();
    if (on.has('gateway-error')) for (const status of [502, 503, 504]) statuses.add(status);
    if (on.has('retriable-4xx')) statuses.add(409);
    if (on.has('retriable-status-codes')) for (const status of config.retriableStatuses) statuses.add(status);
    this.#statuses = statuses;
    this.#grpcStatuses = new Set(config.on.flatMap((word) => (word in statusOf ? [String(statusOf[word])] : [])));
    this.#onRateLimit = on.has('envoy-ratelimited');
    const headers = on.has('retriable-headers') ? config.retriableHeaders : undefined;
    this.#headers = headers?.map((each, at) => new HeaderMatch(each, `${where}.retriable_headers[${at}]`));
    // A reset becomes a 5xx, which is why these two mean it as well.
    this.#anyReset = on.has('reset') || on.has('5xx') || on.has('gateway-error');
  }

  /** The answer is one to try again for. */
  retriesResponse(head: ResponseHead): boolean {
    const { status } = head;
    if (this.#onRateLimit && isRateLimited(head)) return true;
    // Who has limited its rate does not want the request again, unless the policy names just that.
    if (this.#statuses.has(status) || (status >= 500 && this.#on.has('5xx'))) return !isRateLimited(head);
    if (this.#headers?.some((each) => each.matchesAnswer(head))) return !isRateLimited(head);
    return this.#grpcStatuses.size > 0 && this.#grpcStatuses.has(head.get('grpc-status') ?? '');
  }

  /** No answer came. `requestSent`: some of the request may have reached the host. A limit of ours is never retried. */
  retriesReset(reason: ResetReason, requestSent: boolean): boolean {
    if (reason === 'overflow') return false;
    if (this.#anyReset) return true;
    if (!requestSent && this.#on.has('reset-before-request')) return true;
    switch (reason) {
      case 'refused':
        return this.#on.has('refused-stream');
      case 'connection-failure':
      case 'connection-timeout':
        return this.#on.has('connect-failure');
      default:
        return false;
    }
  }

  /** Full jitter under an interval that doubles with every retry. `retry` counts from 0. */
  backOffMs(retry: number, random: Random): number {
    return random.next() * Math.min(this.#baseMs * 2 ** retry, this.#maxMs);
  }
}

function isRateLimited(head: ResponseHead): boolean {
  return head.get('x-envoy-ratelimited') !== undefined;
}
