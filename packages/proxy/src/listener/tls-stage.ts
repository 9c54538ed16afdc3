import type { Logger } from '@sofamesh/base/logger';
import type { ConnectionState, NetworkFilter } from '@sofamesh/contract/network-filter';
import type { Connection } from '@sofamesh/contract/transport';

/** The handshake of one connection: one of both is called, once. */
export type Secure = (secured: () => void, gone: () => void) => void;

/** What the listener passes through the filters before the handshake. */
export interface UnsecuredState extends ConnectionState {
  readonly secure?: Secure;
}

/**
 * The place among the network filters of a chain at which its TLS begins: those before it have decided about a connection
 * that may not be worth a handshake.
 */
export class TlsStage implements NetworkFilter {
  readonly #next: NetworkFilter;
  readonly #logger: Logger;
  readonly #handshakes = new Set<Connection>();

  constructor(next: NetworkFilter, logger: Logger) {
    this.#next = next;
    this.#logger = logger;
  }

  get activeConnections(): number {
    return this.#next.activeConnections + this.#handshakes.size;
  }

  accept(connection: Connection, done: () => void, state: UnsecuredState = {}): void {
    this.#handshakes.add(connection);
    const { secure, ...rest } = state;
    const secured = () => {
      this.#handshakes.delete(connection);
      this.#next.accept(connection, done, rest);
    };
    const gone = () => {
      this.#handshakes.delete(connection);
      done();
    };
    if (secure !== undefined) {
      secure(secured, gone);
      return;
    }
    // What is behind was promised TLS, and must not be reached without.
    this.#logger.error('a network filter has lost the state of a connection');
    connection.setHandler({ onBytes() {}, onEnd() {}, onClose: gone });
    connection.close('now');
  }

  drain(): void {
    this.#next.drain();
  }

  close(): void {
    for (const connection of this.#handshakes) connection.close('now');
    this.#next.close();
  }
}
