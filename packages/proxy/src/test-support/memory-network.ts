import { type Address, formatAddress, ipAddress } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';
import type { Random } from '@sofamesh/base/random';
import type {
  CloseCause,
  Connection,
  ConnectionHandler,
  DialOptions,
  Listener,
  ListenOptions,
  ServerTls,
  TlsSession,
  Transport,
} from '@sofamesh/contract/transport';
import { defaultWatermarks } from '@sofamesh/contract/transport';

type Delivery =
  | { readonly kind: 'connect' }
  | { readonly kind: 'bytes'; readonly chunk: Buffer }
  | { readonly kind: 'secured'; readonly onSecured: () => void }
  | { readonly kind: 'end' }
  | { readonly kind: 'close'; readonly cause: CloseCause };

interface Accepting {
  readonly options: ListenOptions;
  readonly onConnection: (connection: Connection) => void;
}

/**
 * A network in memory without time: what is written waits until a test lets it arrive, one piece after the other, in the
 * order of writing for each connection and, with `random`, in any order among connections.
 */
export class MemoryNetwork implements Transport {
  readonly #listeners = new Map<string, Accepting>();
  readonly connections: MemoryConnection[] = [];
  readonly #random: Random | undefined;
  /** TLS session that accepted connections have when TLS was started on them. There is no handshake. */
  tlsSession: TlsSession = { alpn: undefined, serverName: undefined, version: 'TLSv1.3', peerSubjectAltNames: [] };
  /** Handshakes come to this; undefined: they go through. */
  tlsFailure: CloseCause | undefined = undefined;
  /** Connections to the first address arrive at the second, as a rule of the system would have it. */
  readonly redirects = new Map<string, Address>();
  /** Addresses that swallow connections. */
  readonly blackHoles = new Set<string>();
  #lastPort = 30_000;

  constructor(random?: Random) {
    this.#random = random;
  }

  async listen(options: ListenOptions, onConnection: (connection: Connection) => void): Promise<Listener> {
    let { address } = options;
    if (address.kind === 'ip' && address.port === 0) address = ipAddress(address.host, ++this.#lastPort);
    const name = formatAddress(address);
    if (this.#listeners.has(name)) throw new CodedError('EADDRINUSE', `listen on ${name}: address already in use`);
    this.#listeners.set(name, { options, onConnection });
    return {
      address,
      close: async () => {
        this.#listeners.delete(name);
      },
    };
  }

  dial(options: DialOptions, handler: ConnectionHandler): MemoryConnection {
    const local = ipAddress('127.0.0.1', ++this.#lastPort);
    const watermarks = options.watermarks ?? defaultWatermarks;
    const connection = new MemoryConnection(local, options.address, handler, watermarks.highBytes);
    this.connections.push(connection);
    if (!this.blackHoles.has(formatAddress(options.address))) connection.inbox.push({ kind: 'connect' });
    return connection;
  }

  /** Lets one thing happen; false when nothing waits. */
  step(): boolean {
    const ready = this.connections.filter((connection) => connection.deliverable);
    if (ready.length === 0) return false;
    const at = this.#random === undefined ? 0 : Math.floor(this.#random.next() * ready.length);
    this.#deliver(ready[at]!);
    return true;
  }

  #deliver(connection: MemoryConnection): void {
    const delivery = connection.inbox.shift()!;
    switch (delivery.kind) {
      case 'connect':
        this.#connect(connection);
        return;
      case 'bytes':
        connection.take(delivery.chunk);
        return;
      case 'secured':
        this.#secure(connection, delivery.onSecured);
        return;
      case 'end':
        if (!connection.closing) connection.handler?.onEnd();
        return;
      case 'close':
        connection.finish(delivery.cause);
        this.connections.splice(this.connections.indexOf(connection), 1);
    }
  }

  #secure(connection: MemoryConnection, onSecured: () => void): void {
    if (connection.closing) return;
    if (this.tlsFailure !== undefined) {
      connection.break(this.tlsFailure);
      return;
    }
    connection.tls = this.tlsSession;
    onSecured();
  }

  #connect(connection: MemoryConnection): void {
    const redirect = this.redirects.get(formatAddress(connection.remote));
    const accepting = this.#listeners.get(formatAddress(redirect ?? connection.remote));
    if (accepting === undefined) {
      connection.inbox.length = 0;
      connection.closing = true;
      connection.inbox.push({ kind: 'close', cause: { kind: 'connect-failed', reason: 'ECONNREFUSED' } });
      return;
    }
    const { options, onConnection } = accepting;
    const high = (options.watermarks ?? defaultWatermarks).highBytes;
    const accepted = new MemoryConnection(redirect ?? connection.remote, connection.local, undefined, high);
    if (redirect !== undefined) accepted.asked = connection.remote;
    connection.join(accepted);
    this.connections.push(accepted);
    onConnection(accepted);
    connection.handler?.onConnect?.();
  }
}

let lastId = 0;

export class MemoryConnection implements Connection {
  readonly id = ++lastId;
  asked: Address | undefined = undefined;
  readonly local: Address;
  readonly remote: Address;
  tls: TlsSession | undefined = undefined;
  bytesReceived = 0;
  bytesSent = 0;
  bufferedBytes = 0;
  closeGraceMs: number | undefined = undefined;
  handler: ConnectionHandler | undefined;
  readonly inbox: Delivery[] = [];
  /** What TLS was started with, and what was read before. */
  tlsStart: { readonly tls: ServerTls; readonly received: Buffer } | undefined = undefined;
  closing = false;
  closed = false;
  paused = false;
  readonly #highBytes: number;
  #peer: MemoryConnection | undefined = undefined;
  /** Written before there was a peer. */
  #early: Delivery[] = [];
  #blocked = false;
  #ended = false;

  constructor(local: Address, remote: Address, handler: ConnectionHandler | undefined, highBytes: number) {
    this.local = local;
    this.remote = remote;
    this.handler = handler;
    this.#highBytes = highBytes;
  }

  get writable(): boolean {
    return !this.#blocked;
  }

  /** Paused connections take nothing but their end. */
  get deliverable(): boolean {
    const [first] = this.inbox;
    return first !== undefined && (first.kind === 'close' || first.kind === 'connect' || !this.paused);
  }

  join(peer: MemoryConnection): void {
    this.#peer = peer;
    peer.#peer = this;
    peer.inbox.push(...this.#early);
    this.#early = [];
  }

  take(chunk: Buffer): void {
    const peer = this.#peer!;
    this.bytesReceived += chunk.length;
    peer.bufferedBytes -= chunk.length;
    if (!this.closing) this.handler?.onBytes(chunk);
    if (!peer.#blocked || peer.bufferedBytes > peer.#highBytes / 2) return;
    peer.#blocked = false;
    if (!peer.closing) peer.handler?.onWritable?.();
  }

  finish(cause: CloseCause): void {
    this.closed = true;
    this.handler?.onClose(cause);
  }

  setHandler(handler: ConnectionHandler): void {
    this.handler = handler;
  }

  write(chunk: Buffer): void {
    if (this.closing || this.#ended || chunk.length === 0) return;
    this.bytesSent += chunk.length;
    this.bufferedBytes += chunk.length;
    if (this.bufferedBytes >= this.#highBytes) this.#blocked = true;
    this.#send({ kind: 'bytes', chunk });
  }

  pauseReading(): void {
    this.paused = true;
  }

  resumeReading(): void {
    this.paused = false;
  }

  end(): void {
    if (this.closing || this.#ended) return;
    this.#ended = true;
    this.#send({ kind: 'end' });
  }

  close(how: 'flush' | 'now' | 'reset'): void {
    if (this.closing) return;
    this.closing = true;
    const peer = this.#peer;
    this.inbox.length = 0;
    this.inbox.push({ kind: 'close', cause: { kind: 'closed', reason: how } });
    if (peer === undefined || peer.closing) return;
    if (how !== 'flush') peer.inbox.length = 0;
    peer.closedByPeer({ kind: how === 'reset' ? 'reset' : 'closed', reason: how });
  }

  /** Its own end is told `cause`, the peer that it was closed. */
  break(cause: CloseCause): void {
    this.close('now');
    this.inbox.length = 0;
    this.inbox.push({ kind: 'close', cause });
  }

  /** What was written before still arrives. */
  closedByPeer(cause: CloseCause): void {
    if (cause.kind === 'closed') this.inbox.push({ kind: 'end' });
    this.inbox.push({ kind: 'close', cause });
  }

  /** Secured before anything else arrives: nothing of what `received` holds was meant for those who see bytes. */
  startTls(tls: ServerTls, received: Buffer, onSecured: () => void): void {
    if (this.closing) return;
    this.tlsStart = { tls, received };
    this.inbox.unshift({ kind: 'secured', onSecured });
  }

  originalDestination(): Address | undefined {
    return this.asked;
  }

  detach(): undefined {
    return undefined;
  }

  #send(delivery: Delivery): void {
    const peer = this.#peer;
    if (peer === undefined) this.#early.push(delivery);
    else if (!peer.closing) peer.inbox.push(delivery);
  }
}
