import { formatAddress } from '@sofamesh/base/address';
import type { LocalReply, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type { Protocol, ServerCodec, ServerHost, ServerStream, ServerStreamHandler } from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import { passOn } from '../pass-on.ts';
import { LocalHeaders } from './local-headers.ts';

/**
 * The downstream side of x_proxy's service level RELAY: no codec. A connection is one request, which begins at once and
 * becomes a tunnel when its upstream connection stands, so that routes, filters, limits and logs see a connection as
 * they see a call. An answer of the proxy's own is the connection's end: bytes have no other word for it.
 */
export const relay: Protocol = {
  name: 'relay',
  pooling: 'exclusive',
  detect: () => 'mismatch',
  createServerCodec: (connection, host) => new RelayServerCodec(connection, host),
  createClientCodec() {
    throw new Error('for downstream connections only');
  },
};

const noData = Buffer.alloc(0);

class RelayServerCodec implements ServerCodec, ServerStream {
  readonly heldBytes = 0;
  readonly #connection: Connection;
  readonly #host: ServerHost;
  #handler: ServerStreamHandler | undefined = undefined;
  #open = true;
  #begun = false;
  #requestEnded = false;
  #responseEnded = false;
  #drains = false;

  constructor(connection: Connection, host: ServerHost) {
    this.#connection = connection;
    this.#host = host;
    // Not inside the constructor: whoever made this does not have it yet.
    queueMicrotask(() => this.#begin());
  }

  #begin(): void {
    if (this.#begun || !this.#open) return;
    this.#begun = true;
    this.#handler = this.#host.onRequest(this, new RelayHead(this.#connection), false);
  }

  // ── the codec ─────────────────────────────────────────────────────────────────────────────────────────────────

  get activeStreams(): number {
    return this.#open ? 1 : 0;
  }

  receive(chunk: Buffer): void {
    this.#begin();
    if (this.#open && !this.#requestEnded) this.#handler?.onRequestData(chunk, false);
  }

  receiveEnd(): void {
    this.#begin();
    if (!this.#open || this.#requestEnded) return;
    this.#requestEnded = true;
    this.#handler?.onRequestData(noData, true);
    this.#closeIfDone();
  }

  connectionClosed(_cause: CloseCause): void {
    if (!this.#open) return;
    this.#open = false;
    this.#handler?.onRequestReset('connection-termination');
  }

  connectionWritable(): void {
    if (this.#open) this.#handler?.onResponseWritable();
  }

  /** Bytes carry no word for "please go": the connection ends by itself, or is cut. */
  goAway(): void {
    this.#drains = true;
    if (!this.#open) this.#host.onDrained?.();
  }

  detach(): undefined {
    return undefined;
  }

  // ── its one stream ────────────────────────────────────────────────────────────────────────────────────────────

  get writable(): boolean {
    return this.#connection.writable;
  }

  sendInformational(): void {}

  sendHead(head: ResponseHead, end: boolean): void {
    if (end || head.status >= 300) this.#finish('flush');
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (!this.#open || this.#responseEnded) return;
    if (chunk.length > 0) this.#connection.write(chunk);
    if (!end) return;
    this.#responseEnded = true;
    if (!this.#requestEnded) this.#connection.end();
    this.#closeIfDone();
  }

  passOn(chunk: Buffer): void {
    if (this.#open && !this.#responseEnded) passOn(this.#connection, chunk);
  }

  sendTrailers(): void {
    this.sendData(noData, true);
  }

  sendReply(_reply: LocalReply): void {
    this.#finish('flush');
  }

  reset(_reason: ResetReason): void {
    this.#finish('reset');
  }

  pauseRequest(): void {
    this.#connection.pauseReading();
  }

  resumeRequest(): void {
    this.#connection.resumeReading();
  }

  #closeIfDone(): void {
    if (this.#requestEnded && this.#responseEnded) this.#finish('flush');
  }

  #finish(how: 'flush' | 'reset'): void {
    if (!this.#open) return;
    this.#open = false;
    this.#connection.close(how);
    if (this.#drains) this.#host.onDrained?.();
  }
}

/** A connection as a request: from whom is in the exchange, where to is the authority. */
class RelayHead extends LocalHeaders implements RequestHead {
  readonly protocol = 'relay';
  readonly wholeBytes = 0;
  readonly oneWay = false;
  readonly timeoutMs = 0;
  readonly upgrade = undefined;
  readonly body = undefined;
  method = 'CONNECT';
  authority: string;
  path = '/';
  scheme = 'tcp';

  constructor({ local }: Connection) {
    super([]);
    this.authority = formatAddress(local);
  }
}
