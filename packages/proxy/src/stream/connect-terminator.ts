import type { RequestHead, ResetReason } from '@sofamesh/contract/message';
import type { ClientCodec, ClientHost, ClientStream, ClientStreamHandler, Protocol } from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import { passOn } from '../pass-on.ts';
import { LocalResponseHead } from './local-response.ts';

/**
 * The upstream side of a CONNECT that ends here (Envoy: connect_config): the payload goes to the host as plain bytes, a
 * connection for each request. The answer is made up as soon as the connection stands.
 */
export const rawTcp: Protocol = {
  name: 'raw',
  pooling: 'exclusive',
  detect: () => 'mismatch',
  createServerCodec() {
    throw new Error('for upstream connections only');
  },
  createClientCodec: (connection, host) => new RawClientCodec(connection, host),
};

const established = { status: 200, body: '', details: 'via_upstream', flags: 0 };
const noData = Buffer.alloc(0);

class RawClientCodec implements ClientCodec {
  readonly connection: Connection;
  readonly heldBytes = 0;
  readonly #host: ClientHost;
  #stream: RawClientStream | undefined = undefined;
  #used = false;

  constructor(connection: Connection, host: ClientHost) {
    this.connection = connection;
    this.#host = host;
    // Whoever waits for the connection takes it at once. Otherwise it was dialled for one who has left since, and a host that
    // speaks first is not to be kept for the next.
    queueMicrotask(() => this.#closeUnlessUsed());
  }

  #closeUnlessUsed(): void {
    if (this.#used) return;
    this.#used = true;
    this.connection.close('now');
  }

  get activeStreams(): number {
    return this.#stream === undefined ? 0 : 1;
  }

  get available(): number {
    return this.#used ? 0 : 1;
  }

  get retired(): boolean {
    return this.#used;
  }

  openStream(handler: ClientStreamHandler): ClientStream {
    this.#used = true;
    this.#stream = new RawClientStream(this, handler);
    return this.#stream;
  }

  receive(chunk: Buffer): void {
    if (this.#stream === undefined) this.connection.close('now');
    else this.#stream.receive(chunk, false);
  }

  receiveEnd(): void {
    if (this.#stream === undefined) this.connection.close('flush');
    else this.#stream.receive(noData, true);
  }

  connectionClosed(_cause: CloseCause): void {
    this.#used = true;
    this.#stream?.broken('connection-termination');
  }

  connectionWritable(): void {
    this.#stream?.handler.onRequestWritable();
  }

  sendHeartbeat(): boolean {
    return false;
  }

  detach(): undefined {
    return undefined;
  }

  ended(): void {
    this.#stream = undefined;
    this.#host.onStreamEnd();
  }
}

class RawClientStream implements ClientStream {
  readonly handler: ClientStreamHandler;
  readonly #codec: RawClientCodec;
  #sent = false;
  #received = false;
  #over = false;
  #answered = false;
  /** What a host that speaks first has said before the client was answered. */
  #early: { readonly chunk: Buffer; readonly end: boolean }[] | undefined = undefined;

  constructor(codec: RawClientCodec, handler: ClientStreamHandler) {
    this.#codec = codec;
    this.handler = handler;
  }

  get writable(): boolean {
    return this.#codec.connection.writable;
  }

  sendHead(_head: RequestHead, end: boolean): void {
    if (this.#over) return;
    if (end) this.sendData(noData, true);
    // Never from inside a call: what the client has sent already comes first.
    queueMicrotask(() => this.#answer());
  }

  #answer(): void {
    if (this.#over) return;
    this.#answered = true;
    this.handler.onResponseHead(new LocalResponseHead(established), false);
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) for (const { chunk, end } of early) this.receive(chunk, end);
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (this.#over || this.#sent) return;
    this.#codec.connection.write(chunk);
    if (!end) return;
    this.#sent = true;
    if (this.#received) this.#finish('flush');
    else this.#codec.connection.end();
  }

  passOn(chunk: Buffer): void {
    if (!this.#over && !this.#sent) passOn(this.#codec.connection, chunk);
  }

  sendTrailers(): void {
    this.sendData(noData, true);
  }

  reset(_reason: ResetReason): void {
    if (!this.#over) this.#finish('reset');
  }

  pauseResponse(): void {
    this.#codec.connection.pauseReading();
  }

  resumeResponse(): void {
    this.#codec.connection.resumeReading();
  }

  receive(chunk: Buffer, end: boolean): void {
    if (this.#over || this.#received) return;
    if (!this.#answered) {
      (this.#early ??= []).push({ chunk, end });
      return;
    }
    this.#received = end;
    const { handler } = this;
    if (end && this.#sent) this.#finish('flush');
    handler.onResponseData(chunk, end);
  }

  broken(reason: ResetReason): void {
    if (this.#over) return;
    this.#over = true;
    this.handler.onResponseReset(reason);
    this.#codec.ended();
  }

  #finish(how: 'flush' | 'reset'): void {
    this.#over = true;
    this.#codec.connection.close(how);
    this.#codec.ended();
  }
}
