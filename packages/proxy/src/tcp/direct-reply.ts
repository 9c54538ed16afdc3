import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import type { NetworkFilter } from '../network-filter.ts';

/** A chain whose connections are answered here, without an upstream: `envoy.filters.network.echo` and `…direct_response`. */
export class DirectReply implements NetworkFilter {
  readonly #response: Uint8Array | undefined;
  readonly #connections = new Set<Connection>();

  /** `response` is sent before the connection ends; undefined: what comes goes back. */
  constructor(response: Uint8Array | undefined) {
    this.#response = response;
  }

  get activeConnections(): number {
    return this.#connections.size;
  }

  accept(connection: Connection, done: () => void): void {
    this.#connections.add(connection);
    const gone = () => {
      this.#connections.delete(connection);
      done();
    };
    const response = this.#response;
    connection.setHandler(response === undefined ? new Echo(connection, gone) : new Deaf(gone));
    if (response === undefined) return;
    if (response.length > 0) connection.write(Buffer.from(response));
    connection.close('flush');
  }

  /** Bytes carry no word for "please go". */
  drain(): void {}

  close(): void {
    for (const connection of this.#connections) connection.close('now');
  }
}

class Echo implements ConnectionHandler {
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

class Deaf implements ConnectionHandler {
  readonly onClose: () => void;

  constructor(gone: () => void) {
    this.onClose = gone;
  }

  onBytes(): void {}
  onEnd(): void {}
}
