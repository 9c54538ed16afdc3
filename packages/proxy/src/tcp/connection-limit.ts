import type { Counter, Gauge, Stats } from '@sofamesh/contract/stats';
import type { Connection } from '@sofamesh/contract/transport';
import type { ConnectionLimitConfig } from '../config/listener.ts';
import type { EngineEnvironment } from '../environment.ts';
import type { NetworkFilter } from '../network-filter.ts';
import { SessionTimer } from './session-timer.ts';

/** `envoy.filters.network.connection_limit` before the filter that ends a chain; counts for one worker. */
export class ConnectionLimit implements NetworkFilter {
  readonly #config: ConnectionLimitConfig;
  readonly #wheel: EngineEnvironment['wheel'];
  readonly #next: NetworkFilter;
  readonly #limited: Counter;
  readonly #active: Gauge;
  #connections = 0;
  /** Refused, and not yet told so. */
  readonly #delayed = new Set<Connection>();

  constructor(
    config: ConnectionLimitConfig,
    { wheel, stats }: { readonly wheel: EngineEnvironment['wheel']; readonly stats: Stats },
    next: NetworkFilter,
  ) {
    this.#config = config;
    this.#wheel = wheel;
    this.#next = next;
    this.#limited = stats.counter(`connection_limit.${config.statPrefix}.limited_connections`);
    this.#active = stats.gauge(`connection_limit.${config.statPrefix}.active_connections`);
  }

  get activeConnections(): number {
    return this.#next.activeConnections + this.#delayed.size;
  }

  accept(connection: Connection, done: () => void): void {
    if (this.#connections >= this.#config.connectionsMax) {
      this.#limited.increment();
      this.#refuse(connection, done);
      return;
    }
    this.#connections++;
    this.#active.add(1);
    this.#next.accept(connection, () => {
      this.#connections--;
      this.#active.add(-1);
      done();
    });
  }

  drain(): void {
    this.#next.drain();
  }

  close(): void {
    for (const connection of this.#delayed) connection.close('now');
    this.#next.close();
  }

  #refuse(connection: Connection, done: () => void): void {
    const { delayMs } = this.#config;
    this.#delayed.add(connection);
    const timer =
      delayMs > 0 ? new SessionTimer(this.#wheel, delayMs, false, () => connection.close('now')) : undefined;
    connection.setHandler({
      onBytes() {},
      onEnd() {},
      onClose: () => {
        timer?.stop();
        this.#delayed.delete(connection);
        done();
      },
    });
    connection.pauseReading();
    if (delayMs === 0) connection.close('now');
  }
}
