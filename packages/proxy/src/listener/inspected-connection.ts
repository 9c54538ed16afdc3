import type { Address } from '@sofamesh/base/address';
import type {
  Connection,
  ConnectionHandler,
  DetachedConnection,
  ProxyHeader,
  ServerTls,
  TlsSession,
} from '@sofamesh/contract/transport';
import { passOn } from '../pass-on.ts';
import type { Findings } from './listener-filter.ts';

/**
 * A connection that listener filters have looked at: it has the addresses that they found, and the bytes that were read
 * before it got its handler are delivered first.
 */
export class InspectedConnection implements Connection {
  readonly #connection: Connection;
  readonly local: Address;
  readonly remote: Address;
  readonly localRestored: boolean;
  readonly directRemote: Address | undefined;
  readonly requestedServerName: string | undefined;
  readonly proxyHeader: ProxyHeader | undefined;
  #handler: ConnectionHandler | undefined = undefined;

  constructor(connection: Connection, findings: Findings) {
    this.#connection = connection;
    this.local = findings.local;
    this.remote = findings.remote;
    this.localRestored = findings.localRestored || connection.localRestored === true;
    this.directRemote = findings.proxyHeader === undefined ? connection.directRemote : connection.remote;
    this.requestedServerName = findings.serverName === '' ? connection.requestedServerName : findings.serverName;
    this.proxyHeader = findings.proxyHeader ?? connection.proxyHeader;
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

  passOn(chunk: Buffer): void {
    passOn(this.#connection, chunk);
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

  startTls(tls: ServerTls, received: Buffer, onSecured: () => void): void {
    this.#connection.startTls(tls, received, onSecured);
  }

  originalDestination(): Address | undefined {
    return this.#connection.originalDestination?.();
  }

  detach(): DetachedConnection | undefined {
    return this.#connection.detach();
  }
}
