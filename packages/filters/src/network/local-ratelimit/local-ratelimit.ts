import type {
  ConnectionState,
  EarlyNetworkFilterKind,
  NetworkFilter,
  NetworkFilterEnvironment,
} from '@sofamesh/contract/network-filter';
import type { Counter } from '@sofamesh/contract/stats';
import type { Connection } from '@sofamesh/contract/transport';
import { RefusedConnections } from '../../shared/refused-connections.ts';
import { TokenBucket } from './token-bucket.ts';

export interface LocalRatelimitConfig {
  readonly statPrefix: string;
  readonly enabled: boolean;
  /** What the bucket holds at most, and at first. */
  readonly tokensMax: number;
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
  /** Filters with the same key and the same numbers have one bucket; empty: this one has its own. */
  readonly shareKey: string;
}

/** Each connection takes a token of a bucket that all workers share; where there is none it ends at once. */
class LocalRatelimit implements NetworkFilter {
  readonly #enabled: boolean;
  readonly #bucket: TokenBucket;
  readonly #next: NetworkFilter;
  readonly #refused: RefusedConnections;
  readonly #limited: Counter;

  constructor(config: LocalRatelimitConfig, environment: NetworkFilterEnvironment, next: NetworkFilter) {
    const { clock, wheel, stats, shared } = environment;
    this.#enabled = config.enabled;
    this.#bucket = new TokenBucket(config, clock, shared);
    this.#next = next;
    this.#refused = new RefusedConnections(wheel);
    this.#limited = stats.counter(`local_rate_limit.${config.statPrefix}.rate_limited`);
  }

  get activeConnections(): number {
    return this.#next.activeConnections + this.#refused.size;
  }

  accept(connection: Connection, done: () => void, state?: ConnectionState): void {
    if (this.#enabled && !this.#bucket.take()) {
      this.#limited.increment();
      this.#refused.add(connection, 0, done);
      return;
    }
    this.#next.accept(connection, done, state);
  }

  drain(): void {
    this.#next.drain();
  }

  close(): void {
    this.#refused.close();
    this.#next.close();
  }
}

export const kind: EarlyNetworkFilterKind<LocalRatelimitConfig> = {
  name: 'envoy.filters.network.local_ratelimit',
  terminal: false,
  beforeTls: true,
  wrap: (config, environment, next) => new LocalRatelimit(config, environment, next),
};
