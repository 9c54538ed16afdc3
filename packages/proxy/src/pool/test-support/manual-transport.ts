import type { Address } from '@sofamesh/base/address';
import { ipAddress } from '@sofamesh/base/address';
import type {
  CloseCause,
  Connection,
  ConnectionHandler,
  DialOptions,
  Listener,
  TlsSession,
  Transport,
} from '@sofamesh/contract/transport';

let lastId = 0;

/** A connection whose every event is the test's: nothing happens by itself, and nothing inside a call on it. */
export class ManualConnection implements Connection {
  readonly id = ++lastId;
  readonly local: Address = ipAddress('127.0.0.1', 40000);
  readonly remote: Address;
  tls: TlsSession | undefined = undefined;
  writable = true;
  bufferedBytes = 0;
  bytesReceived = 0;
  bytesSent = 0;

  state: 'connecting' | 'open' | 'gone' = 'connecting';
  reading = true;
  /** `end()` was called. */
  ended = false;
  /** How this side closed it; `onClose` follows with {@link ManualTransport.settle}. */
  closed: 'flush' | 'now' | 'reset' | undefined = undefined;
  /** Everything that was written. */
  text = '';
  #handler: ConnectionHandler | undefined;

  constructor(remote: Address, handler: ConnectionHandler | undefined, state: 'connecting' | 'open') {
    this.remote = remote;
    this.#handler = handler;
    this.state = state;
  }

  setHandler(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  write(chunk: Buffer): void {
    if (this.state === 'gone' || this.closed !== undefined || this.ended) return;
    this.text += chunk.toString('latin1');
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
    if (this.state !== 'gone') this.closed ??= how;
  }

  startTls(): never {
    throw new Error('not on a dialled connection');
  }

  detach(): undefined {
    return undefined;
  }

  // ── what happens to it ────────────────────────────────────────────────────────────────────────────────────────

  /** `alpn`: what the peer has chosen in its TLS handshake. */
  succeed(alpn?: string): void {
    if (this.state !== 'connecting' || this.closed !== undefined) return;
    this.state = 'open';
    if (alpn !== undefined) {
      this.tls = { alpn, serverName: undefined, version: 'TLSv1.3', peerSubjectAltNames: [] };
    }
    this.#handler!.onConnect?.();
  }

  deliver(text: string): void {
    if (this.state !== 'open' || this.closed !== undefined) return;
    this.bytesReceived += text.length;
    this.#handler!.onBytes(Buffer.from(text, 'latin1'));
  }

  peerEnds(): void {
    if (this.state === 'open' && this.closed === undefined) this.#handler!.onEnd();
  }

  becomeWritable(): void {
    this.writable = true;
    this.#handler!.onWritable?.();
  }

  /** Gone for a reason of the peer's or the network's, or as this side closed it. */
  gone(kind: CloseCause['kind'] = 'reset', reason = 'ECONNRESET'): void {
    if (this.state === 'gone') return;
    this.state = 'gone';
    this.#handler!.onClose({ kind, reason });
  }
}

export class ManualTransport implements Transport {
  readonly dials: { readonly options: DialOptions; readonly connection: ManualConnection }[] = [];

  listen(): Promise<Listener> {
    return Promise.reject(new Error('not in this test'));
  }

  dial(options: DialOptions, handler: ConnectionHandler): Connection {
    const connection = new ManualConnection(options.address, handler, 'connecting');
    this.dials.push({ options, connection });
    return connection;
  }

  /** Dialled and not gone. */
  get open(): ManualConnection[] {
    return this.dials.map(({ connection }) => connection).filter(({ state }) => state !== 'gone');
  }

  get connecting(): ManualConnection[] {
    return this.open.filter(({ state }) => state === 'connecting');
  }

  connection(at: number): ManualConnection {
    return this.dials[at]!.connection;
  }

  /** What this side has closed is gone. */
  settle(): void {
    for (const connection of this.open) if (connection.closed !== undefined) connection.gone('closed', 'closed');
  }
}
