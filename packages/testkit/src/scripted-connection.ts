import type { Address } from '@sofamesh/base/address';
import { ipAddress } from '@sofamesh/base/address';
import type { Connection, ConnectionHandler, DetachedConnection, TlsSession } from '@sofamesh/contract/transport';

let lastId = 0;

/**
 * A connection for codec tests: it records what is written and done, and is as writable as the test says. It delivers
 * nothing by itself: the test hands bytes to the codec.
 */
export class ScriptedConnection implements Connection {
  readonly id = ++lastId;
  readonly local: Address = ipAddress('127.0.0.1', 80);
  readonly remote: Address = ipAddress('127.0.0.1', 40000);
  tls: TlsSession | undefined = undefined;
  writable = true;
  bufferedBytes = 0;
  bytesReceived = 0;
  bytesSent = 0;

  /** False between `pauseReading` and `resumeReading`. */
  reading = true;
  /** `end()` was called. */
  ended = false;
  /** How it was closed, once it was. */
  closed: 'flush' | 'now' | 'reset' | undefined = undefined;
  handler: ConnectionHandler | undefined = undefined;
  /** Everything that was written, in pieces as they were written. */
  readonly writes: Buffer[] = [];
  #copies: Buffer[] = [];

  setHandler(handler: ConnectionHandler): void {
    this.handler = handler;
  }

  write(chunk: Buffer): void {
    if (this.closed !== undefined || this.ended) return;
    this.writes.push(chunk);
    this.#copies.push(Buffer.from(chunk));
    this.bytesSent += chunk.length;
  }

  pauseReading(): void {
    this.reading = false;
  }

  resumeReading(): void {
    this.reading = true;
  }

  end(): void {
    this.ended = true;
  }

  close(how: 'flush' | 'now' | 'reset'): void {
    this.closed ??= how;
  }

  /** No codec starts TLS. */
  startTls(): never {
    throw new Error('a scripted connection has no TLS');
  }

  detach(): DetachedConnection | undefined {
    return undefined;
  }

  /** All bytes written so far. */
  get written(): Buffer {
    return Buffer.concat(this.writes);
  }

  /** All bytes written since the last call. */
  take(): Buffer {
    const written = this.written;
    this.writes.length = 0;
    this.#copies.length = 0;
    return written;
  }

  /** True when a written chunk was changed after it had been passed to `write`, which the contract forbids. */
  get tampered(): boolean {
    return this.writes.some((chunk, at) => !chunk.equals(this.#copies[at]!));
  }
}
