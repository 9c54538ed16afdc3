import { Deadline, type Timed } from '@sofamesh/base/timer-wheel';
import type { UpstreamCluster } from '../cluster/upstream.ts';
import type { RetryPolicy } from '../route/retry-policy.ts';
import type { StreamProxy } from './stream-proxy.ts';

/** Whose request is tried again. */
interface RetriedCall {
  tryAgain(): void;
}

/** How often a call was tried again, and the wait before the next try. Only calls whose route has a policy have one. */
export class RetryState implements Timed {
  readonly deadline = new Deadline(this);
  readonly policy: RetryPolicy;
  retries = 0;
  readonly #call: RetriedCall;
  readonly #proxy: StreamProxy;
  readonly #cluster: UpstreamCluster;
  /** One of the cluster's retries in flight is ours: from the decision to the end of that try. */
  #acquired = false;

  constructor(call: RetriedCall, policy: RetryPolicy, proxy: StreamProxy, cluster: UpstreamCluster) {
    this.#call = call;
    this.policy = policy;
    this.#proxy = proxy;
    this.#cluster = cluster;
  }

  get exhausted(): boolean {
    return this.retries >= this.policy.retriesMax;
  }

  /** The try before is over. True when another one follows, after the back-off. */
  begin(): boolean {
    const { stats } = this.#cluster;
    this.#release();
    if (this.exhausted) {
      stats.rqRetryLimitExceeded.increment();
      return false;
    }
    if (!this.#cluster.acquireRetry()) return false;
    this.#acquired = true;
    stats.rqRetry.increment();
    this.#proxy.wheel.start(this.deadline, this.policy.backOffMs(this.retries++, this.#proxy.random));
    return true;
  }

  onDeadline(): void {
    this.#call.tryAgain();
  }

  /** An answer came that is passed on. */
  settled(success: boolean): void {
    if (this.retries > 0 && success) this.#cluster.stats.rqRetrySuccess.increment();
    this.#release();
  }

  close(): void {
    this.#proxy.wheel.stop(this.deadline);
    this.#release();
  }

  #release(): void {
    if (!this.#acquired) return;
    this.#acquired = false;
    this.#cluster.releaseRetry();
  }
}
