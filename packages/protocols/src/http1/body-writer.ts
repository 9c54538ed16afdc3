import type { Headers } from '@sofamesh/contract/message';
import type { Connection } from '@sofamesh/contract/transport';
import { type BodyKind, bodyUntilClose, bodyWithLength, chunkedBody, noBody } from './framing.ts';
import { encodeTrailers } from './head-writer.ts';
import type { ResolvedHttp1Settings } from './settings.ts';

/** A chunk up to this size is copied together with its frame: cheaper than three writes. */
const copiedBytesMax = 2048;

const noData = Buffer.alloc(0);
const crlf = Buffer.from('\r\n');
const lastChunk = Buffer.from('0\r\n\r\n');

/**
 * Writes a body so that its end is where the head said. Nothing that contradicts the head leaves: see the results.
 */
export class BodyWriter {
  readonly #connection: Connection;
  readonly #settings: ResolvedHttp1Settings;
  #kind: BodyKind = noBody;
  #remaining = 0;
  /** Octets of this body that were passed to the connection, its framing included. */
  written = 0;

  constructor(connection: Connection, settings: ResolvedHttp1Settings) {
    this.#connection = connection;
    this.#settings = settings;
  }

  get kind(): BodyKind {
    return this.#kind;
  }

  start(kind: BodyKind, length: number): void {
    this.#kind = kind;
    this.#remaining = kind === bodyWithLength ? length : 0;
    this.written = 0;
  }

  /** False: more or less than the length that was announced; the message must be broken off. Never writes beyond it. */
  write(chunk: Buffer, end: boolean): boolean {
    switch (this.#kind) {
      case chunkedBody:
        if (chunk.length > 0) this.#writeChunk(chunk, end);
        else if (end) this.#pass(lastChunk);
        return true;
      case bodyWithLength:
        if (chunk.length > this.#remaining) return false;
        this.#remaining -= chunk.length;
        if (chunk.length > 0) this.#pass(chunk);
        return !end || this.#remaining === 0;
      case bodyUntilClose:
        if (chunk.length > 0) this.#pass(chunk);
        return true;
      default:
        // The answer to HEAD, 204, 304: a body that comes along is not sent.
        return true;
    }
  }

  /** As the end in {@link write}; only chunked bodies have room for trailers, where they are wanted. */
  writeTrailers(trailers: Headers): boolean {
    const { enableTrailers, headerKeyFormat } = this.#settings;
    if (this.#kind !== chunkedBody || !enableTrailers) return this.write(noData, true);
    this.#pass(encodeTrailers(trailers, headerKeyFormat));
    return true;
  }

  #writeChunk(chunk: Buffer, end: boolean): void {
    const size = chunk.length.toString(16);
    if (chunk.length > copiedBytesMax) {
      this.#pass(Buffer.from(`${size}\r\n`, 'latin1'));
      this.#pass(chunk);
      this.#pass(end ? endOfLastChunk : crlf);
      return;
    }
    const target = Buffer.allocUnsafe(size.length + chunk.length + (end ? 9 : 4));
    let at = target.write(`${size}\r\n`, 0, 'latin1');
    at += chunk.copy(target, at);
    target.write(end ? '\r\n0\r\n\r\n' : '\r\n', at, 'latin1');
    this.#pass(target);
  }

  #pass(bytes: Buffer): void {
    this.written += bytes.length;
    this.#connection.write(bytes);
  }
}

const endOfLastChunk = Buffer.from('\r\n0\r\n\r\n');
