import assert from 'node:assert/strict';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';

/** One end of a connection: writes down what it is told, and complains when that breaks the contract. */
export class Recorder implements ConnectionHandler {
  /** Set by whoever has the connection. */
  connection!: Connection;
  /** `connect`, `bytes`, `end`, `writable`, `close`, in the order they came; bytes in a row are one entry. */
  readonly told: string[] = [];
  readonly chunks: Buffer[] = [];
  /** Called after the event was written down. */
  on: Partial<Record<'connect' | 'bytes' | 'end' | 'writable' | 'close', () => void>> = {};
  /** Ends its side when the peer has ended. */
  answersEnd = true;
  cause: CloseCause | undefined = undefined;
  bytes = 0;
  readonly #copies: Buffer[] = [];
  readonly #violations: string[] = [];
  #calling = false;

  /** Calls something on the connection; being told of anything before it returns is a violation. */
  call(action: (connection: Connection) => void): void {
    this.#calling = true;
    try {
      action(this.connection);
    } finally {
      this.#calling = false;
    }
  }

  get closed(): boolean {
    return this.cause !== undefined;
  }

  get received(): Buffer {
    return Buffer.concat(this.chunks);
  }

  count(what: string): number {
    return this.told.filter((entry) => entry === what).length;
  }

  /** Takes out the latest chunk, which the caller passes on. */
  give(): Buffer {
    this.#copies.pop();
    return this.chunks.pop()!;
  }

  /** Fails when the transport broke its word to this end. */
  check(): void {
    assert.deepEqual(this.#violations, []);
    for (const [at, chunk] of this.chunks.entries()) {
      assert.ok(chunk.equals(this.#copies[at]!), `chunk ${at} changed after it had been delivered`);
    }
  }

  onConnect(): void {
    if (this.told.length > 0) this.#violations.push(`connect after ${this.told.join(', ')}`);
    this.#tell('connect');
  }

  onBytes(chunk: Buffer): void {
    if (chunk.length === 0) this.#violations.push('an empty chunk');
    if (this.told.includes('end')) this.#violations.push('bytes after the end');
    this.chunks.push(chunk);
    this.#copies.push(Buffer.from(chunk));
    this.bytes += chunk.length;
    this.#tell('bytes');
  }

  onEnd(): void {
    if (this.told.includes('end')) this.#violations.push('a second end');
    if (this.answersEnd) this.connection.end();
    this.#tell('end');
  }

  onWritable(): void {
    if (!this.connection.writable) this.#violations.push('onWritable while not writable');
    this.#tell('writable');
  }

  onClose(cause: CloseCause): void {
    this.#tell('close');
    this.cause = cause;
  }

  #tell(what: 'connect' | 'bytes' | 'end' | 'writable' | 'close'): void {
    if (this.#calling) this.#violations.push(`${what} inside a call on the connection`);
    if (this.closed) this.#violations.push(`${what} after close`);
    if (what !== 'bytes' || this.told.at(-1) !== 'bytes') this.told.push(what);
    this.on[what]?.();
  }
}
