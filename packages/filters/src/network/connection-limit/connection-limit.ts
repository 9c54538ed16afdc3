import type {
  ConnectionState,
  EarlyNetworkFilterKind,
  NetworkFilter,
  NetworkFilterEnvironment,
  SharedNumbers,
} from '@sofamesh/contract/network-filter';
import type { Counter, Gauge } from '@sofamesh/contract/stats';
import type { Connection } from '@sofamesh/contract/transport';
import { RefusedConnections } from '../../shared/refused-connections.ts';

export interface ConnectionLimitConfig {
  readonly statPrefix: string;
  /** Of the chain, in all workers together. */
  readonly connectionsMax: number;
  /** Between a connection that is one too many and its end, so that a client that tries again at once is slowed. */
  readonly delayMs: number;
}

/** Refuses connections while as many as may be are there. */
class ConnectionLimit implements NetworkFilter {
  readonly #config: ConnectionLimitConfig;
  readonly #shared: SharedNumbers;
  readonly #next: NetworkFilter;
  readonly #refused: RefusedConnections;
  readonly #limited: Counter;
  readonly #active: Gauge;

  constructor(config: ConnectionLimitConfig, { wheel, stats, shared }: NetworkFilterEnvironment, next: NetworkFilter) {
    this.#config = config;
    this.#shared = shared;
    this.#next = next;
    this.#refused = new RefusedConnections(wheel);
    this.#limited = stats.counter(`connection_limit.${config.statPrefix}.limited_connections`);
    this.#active = stats.gauge(`connection_limit.${config.statPrefix}.active_connections`);
  }

  get activeConnections(): number {
    return this.#next.activeConnections + this.#refused.size;
  }

  accept(connection: Connection, done: () => void, state?: ConnectionState): void {
    const { connectionsMax, delayMs } = this.#config;
    if (!this.#shared.takePlace(connectionsMax)) {
      this.#limited.increment();
      this.#refused.add(connection, delayMs, done);
      return;
    }
    this.#active.add(1);
    const gone = () => {
      this.#shared.returnPlace();
      this.#active.add(-1);
      done();
    };
    this.#next.accept(connection, gone, state);
  }

  drain(): void {
    this.#next.drain();
  }

  close(): void {
    this.#refused.close();
    this.#next.close();
  }
}

export const kind: EarlyNetworkFilterKind<ConnectionLimitConfig> = {
  name: 'envoy.filters.network.connection_limit',
  terminal: false,
  beforeTls: true,
  wrap: (config, environment, next) => new ConnectionLimit(config, environment, next),
};
