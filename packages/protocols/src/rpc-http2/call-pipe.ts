import type { Address } from '@sofamesh/base/address';
import type { Connection, TlsSession } from '@sofamesh/contract/transport';

/** Who is on the other end of a {@link CallPipe}: the call that has it, and its stream of HTTP/2. */
export interface CallPipeEnd {
  readonly writable: boolean;
  /** What the codec has written: one whole frame. */
  onWritten(frame: Buffer): void;
  /** The codec sees no sense in going on. */
  onClosed(): void;
}

/** What the codec of a call takes for its connection: bytes written go into a stream of HTTP/2. */
export class CallPipe implements Connection {
  readonly #connection: Connection;
  readonly #end: CallPipeEnd;
  closed = false;
  bytesReceived = 0;
  bytesSent = 0;
  readonly bufferedBytes = 0;

  constructor(connection: Connection, end: CallPipeEnd) {
    this.#connection = connection;
    this.#end = end;
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
    return this.#end.writable;
  }

  write(frame: Buffer): void {
    if (this.closed) return;
    this.bytesSent += frame.length;
    this.#end.onWritten(frame);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#end.onClosed();
  }

  end(): void {
    this.close();
  }

  setHandler(): void {}
  /** A call is one frame, which has come or is coming. */
  pauseReading(): void {}
  resumeReading(): void {}
  startTls(): void {
    this.close();
  }

  detach(): undefined {
    return undefined;
  }
}
