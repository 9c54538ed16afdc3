import type { ConnectionState, EarlyNetworkFilterKind, NetworkFilter } from '@sofamesh/contract/network-filter';
import type { Connection } from '@sofamesh/contract/transport';

/** A client that sends a server name goes to the cluster of that name; the others where `tcp_proxy` says. */
class SniCluster implements NetworkFilter {
  readonly #next: NetworkFilter;

  constructor(next: NetworkFilter) {
    this.#next = next;
  }

  get activeConnections(): number {
    return this.#next.activeConnections;
  }

  accept(connection: Connection, done: () => void, state?: ConnectionState): void {
    const { requestedServerName: cluster } = connection;
    const found = cluster === undefined || cluster === '' ? state : { ...state, cluster };
    this.#next.accept(connection, done, found);
  }

  drain(): void {
    this.#next.drain();
  }

  close(): void {
    this.#next.close();
  }
}

export const kind: EarlyNetworkFilterKind<undefined> = {
  name: 'envoy.filters.network.sni_cluster',
  terminal: false,
  beforeTls: true,
  readsServerName: true,
  wrap: (_config, _environment, next) => new SniCluster(next),
};
