import type { NetworkFilter, TerminalNetworkFilterKind } from '@sofamesh/contract/network-filter';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';

/** What a client sends goes back to it. */
class Echo implements NetworkFilter {
  readonly #connections = new Set<Connection>();

  get activeConnections(): number {
    return this.#connections.size;
  }

  accept(connection: Connection, done: () => void): void {
    this.#connections.add(connection);
    connection.setHandler(
      new EchoedConnection(connection, () => {
        this.#connections.delete(connection);
        done();
      }),
    );
  }

  /** Bytes carry no word for "please go". */
  drain(): void {}

  close(): void {
    for (const connection of this.#connections) connection.close('now');
  }
}

class EchoedConnection implements ConnectionHandler {
  readonly #connection: Connection;
  readonly #gone: () => void;

  constructor(connection: Connection, gone: () => void) {
    this.#connection = connection;
    this.#gone = gone;
  }

  onBytes(chunk: Buffer): void {
    this.#connection.write(chunk);
    if (!this.#connection.writable) this.#connection.pauseReading();
  }

  onWritable(): void {
    this.#connection.resumeReading();
  }

  onEnd(): void {
    this.#connection.close('flush');
  }

  onClose(_cause: CloseCause): void {
    this.#gone();
  }
}

export const kind: TerminalNetworkFilterKind<undefined> = {
  name: 'envoy.filters.network.echo',
  terminal: true,
  create: () => new Echo(),
};
