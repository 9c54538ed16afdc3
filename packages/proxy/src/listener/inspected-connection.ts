import type { Address } from '@sofamesh/base/address';
import type { Connection, ConnectionHandler, DetachedConnection, TlsSession } from '@sofamesh/contract/transport';

/** A connection of which some bytes were looked at before it got its handler: they are delivered first. */
export class InspectedConnection implements Connection {
  readonly #connection: Connection;
  #handler: ConnectionHandler | undefined = undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Hands what was looked at to the handler that has been set since. */
  deliver(received: Buffer): void {
    if (received.length > 0) this.#handler?.onBytes(received);
  }

  setHandler(handler: ConnectionHandler): void {
    this.#handler = handler;
    this.#connection.setHandler(handler);
  }

  get id(): number {
    return this.#connection.id;
  }

  get local(): Address {
    return this.#connection.local;
  }

  get remote(): Address {
    return this.#connection.remote;
  }

  get tls(): TlsSession | undefined {
    return this.#connection.tls;
  }

  get writable(): boolean {
    return this.#connection.writable;
  }

  get bufferedBytes(): number {
    return this.#connection.bufferedBytes;
  }

  get bytesReceived(): number {
    return this.#connection.bytesReceived;
  }

  get bytesSent(): number {
    return this.#connection.bytesSent;
  }

  write(chunk: Buffer): void {
    this.#connection.write(chunk);
  }

  pauseReading(): void {
    this.#connection.pauseReading();
  }

  resumeReading(): void {
    this.#connection.resumeReading();
  }

  end(): void {
    this.#connection.end();
  }

  close(how: 'flush' | 'now' | 'reset'): void {
    this.#connection.close(how);
  }

  detach(): DetachedConnection | undefined {
    return this.#connection.detach();
  }
}
