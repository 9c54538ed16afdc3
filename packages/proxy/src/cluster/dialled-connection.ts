import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import { ConnectionTally, type TallyEnvironment } from './connection-tally.ts';

/** Keeps the books of a connection that a TCP session has to itself, and passes every event on. */
export class DialledConnection implements ConnectionHandler {
  readonly connection: Connection;
  readonly #environment: TallyEnvironment;
  readonly #handler: ConnectionHandler;
  readonly #tally: ConnectionTally;
  #connected = false;
  #peerEnded = false;

  /** The place under the connection limit must have been taken. */
  constructor(
    environment: TallyEnvironment,
    dial: (handler: ConnectionHandler) => Connection,
    handler: ConnectionHandler,
  ) {
    this.#environment = environment;
    this.#handler = handler;
    this.#tally = new ConnectionTally(environment);
    environment.host.activeRequests++;
    this.connection = dial(this);
  }

  onConnect(): void {
    const { stats, host } = this.#environment;
    this.#connected = true;
    this.#tally.connected(this.connection);
    // As Envoy, to which a TCP connection is one request.
    host.rqTotal++;
    stats.rqTotal.increment();
    stats.rqActive.add(1);
    this.#handler.onConnect?.();
  }

  onBytes(chunk: Buffer): void {
    this.#tally.received(chunk.length, this.connection);
    this.#handler.onBytes(chunk);
  }

  onEnd(): void {
    this.#peerEnded = true;
    this.#handler.onEnd();
  }

  onWritable(): void {
    this.#handler.onWritable?.();
  }

  onClose(cause: CloseCause): void {
    const { stats, host } = this.#environment;
    this.#tally.closed(this.connection, cause, this.#peerEnded, this.#connected);
    host.activeRequests--;
    if (this.#connected) stats.rqActive.add(-1);
    this.#handler.onClose(cause);
  }
}
