import type { Address } from '@sofamesh/base/address';
import type { Clock, Timer } from '@sofamesh/base/clock';
import { messageOf } from '@sofamesh/base/errors';
import { type Random, randomInteger } from '@sofamesh/base/random';
import type {
  ClientTls,
  CloseCause,
  Connection,
  ConnectionHandler,
  DetachedConnection,
  ServerTls,
  TlsSession,
  Watermarks,
} from '@sofamesh/contract/transport';
import { clientHelloBytes } from '../client-hello-bytes.ts';
import type { Lane, Segment } from './lane.ts';
import { SimHandshake } from './sim-handshake.ts';
import { tlsFailed } from './sim-tls.ts';

/** What a connection has from its network. */
export interface SimConnectionHost {
  readonly clock: Clock;
  readonly random: Random;
  readonly closeGraceMs: number;
  readonly closeStallMs: number;
  readonly live: Set<SimConnection>;
  handlerFailed(error: unknown): void;
}

type State =
  | 'connecting'
  | 'open'
  /** What was written still leaves, what arrives is dropped. */
  | 'flushing'
  /** Nothing but `onClose` comes. */
  | 'closing'
  | 'closed';

const readBytesMax = 64 * 1024;
/** How long a reader that waits for more does so. */
const coalesceMs = 1;

let lastId = 0;

/** One end of a simulated connection. It follows `NodeConnection` in what it does and when it says so. */
export class SimConnection implements Connection {
  readonly id = ++lastId;
  readonly local: Address;
  readonly remote: Address;
  tls: TlsSession | undefined = undefined;
  bytesReceived = 0;
  bytesSent = 0;
  closeGraceMs: number | undefined = undefined;

  readonly #host: SimConnectionHost;
  readonly #watermarks: Watermarks;
  readonly #out: Lane;
  #handler: ConnectionHandler | undefined;
  #state: State = 'connecting';
  #abandonDial: (() => void) | undefined = undefined;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  /** Sent and not read by the peer. */
  #unreadBytes = 0;
  #blocked = false;
  #flushAwaited = false;
  #ending = false;
  #endSent = false;
  #arrived: Buffer[] = [];
  #arrivedBytes = 0;
  #endArrived = false;
  #endTold = false;
  #paused = false;
  #readAwaited = false;
  #cause: CloseCause | undefined = undefined;
  #graceTimer: Timer | undefined = undefined;
  /** What a TLS client has said to this end, which is still in plain. */
  #hello: ClientTls | undefined = undefined;
  #handshake: SimHandshake | undefined = undefined;

  constructor(
    host: SimConnectionHost,
    out: Lane,
    watermarks: Watermarks,
    handler: ConnectionHandler | undefined,
    ends: { readonly local: Address; readonly remote: Address },
  ) {
    this.#host = host;
    this.#out = out;
    this.#watermarks = watermarks;
    this.#handler = handler;
    this.local = ends.local;
    this.remote = ends.remote;
    host.live.add(this);
  }

  get writable(): boolean {
    return !this.#blocked;
  }

  get bufferedBytes(): number {
    return this.#queuedBytes;
  }

  get hasHandler(): boolean {
    return this.#handler !== undefined;
  }

  setHandler(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  write(chunk: Buffer): void {
    if ((this.#state !== 'open' && this.#state !== 'connecting') || this.#ending || chunk.length === 0) return;
    this.#queue.push(chunk);
    this.#queuedBytes += chunk.length;
    if (this.#queuedBytes >= this.#watermarks.highBytes) this.#blocked = true;
    this.#awaitFlush();
  }

  /** Spoils the chunk at once, so that it shows who still held it. */
  passOn(chunk: Buffer): void {
    this.write(Buffer.from(chunk));
    chunk.fill(0xdd);
  }

  pauseReading(): void {
    this.#paused = true;
  }

  resumeReading(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#awaitRead();
  }

  end(): void {
    if (this.#state !== 'open' && this.#state !== 'connecting') return;
    this.#ending = true;
    this.#awaitFlush();
  }

  close(how: 'flush' | 'now' | 'reset'): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    if (how !== 'flush') {
      this.#closeAtOnce(how === 'reset', 'closed by this side');
    } else if (this.#state !== 'flushing') {
      if (this.#state === 'open' || this.#queuedBytes > 0) this.#closeAfterFlush();
      else this.#closeAtOnce(false, 'closed by this side');
    }
  }

  startTls(tls: ServerTls, received: Buffer, onSecured: () => void): void {
    if (this.#state !== 'open' || this.tls !== undefined) return;
    this.#state = 'connecting';
    const handshake = new SimHandshake(
      this.#host.clock,
      this.#out,
      tls,
      (session) => this.#secured(session, onSecured),
      (refusal) => this.finishLater(tlsFailed(refusal)),
    );
    this.#handshake = handshake;
    const plain = this.#hello === undefined && (received.length > 0 || this.#arrivedBytes > 0);
    this.#arrived = [];
    this.#arrivedBytes = 0;
    if (plain) handshake.fail({ refusal: 'ERR_SSL_WRONG_VERSION_NUMBER' });
    else if (this.#endArrived) handshake.fail({ refusal: 'ECONNRESET' });
    else if (this.#hello !== undefined) handshake.hello(this.#hello);
  }

  #secured(session: TlsSession, onSecured: () => void): void {
    this.#handshake = undefined;
    this.tls = session;
    if (this.#state === 'connecting') {
      this.#state = 'open';
      this.#tell(onSecured);
      this.#awaitFlush();
    } else if (this.#state === 'flushing') {
      this.#awaitFlush();
      this.#watchFlush();
    }
  }

  /** Nothing leaves the simulated world. */
  detach(): DetachedConnection | undefined {
    return undefined;
  }

  /** @internal How to give up the dial that this connection waits for. */
  awaitDial(abandon: () => void): void {
    this.#abandonDial = abandon;
  }

  /** @internal It stands; `tell`: it was dialled. */
  opened(tell: boolean): void {
    this.#abandonDial = undefined;
    if (this.#state === 'connecting') {
      this.#state = 'open';
      if (tell) this.#tell((handler) => handler.onConnect?.());
      this.#awaitFlush();
    } else if (this.#state === 'flushing') {
      this.#awaitFlush();
      this.#watchFlush();
    }
  }

  /** @internal Something arrived for this end. */
  receive(segment: Segment): void {
    if (segment.kind === 'credit') this.#onCredit(segment.bytes);
    else if (segment.kind === 'reset') this.broken(segment.reason);
    else if (segment.kind === 'end') this.#onEndArrived();
    else if (segment.kind === 'hello') this.#onHello(segment.tls);
    else if (segment.kind === 'finished') this.#handshake?.finished();
    else if (segment.kind === 'bytes') this.#onBytesArrived(segment.bytes);
  }

  /** To an end that speaks in plain, a ClientHello is bytes like others. */
  #onHello(tls: ClientTls): void {
    this.#hello = tls;
    if (this.#handshake !== undefined) this.#handshake.hello(tls);
    else this.#onBytesArrived(clientHelloBytes(tls.serverName ?? '', tls.alpn ?? []));
  }

  /** @internal The link lost it. The peer has to be told by the caller. */
  broken(reason: string): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    if (this.#handshake !== undefined) {
      this.#handshake.fail({ refusal: reason });
      return;
    }
    if (this.#state === 'flushing' && this.#endSent && this.#unreadBytes === 0) {
      this.finishLater({ kind: 'closed', reason: 'closed by this side' });
    } else {
      this.finishLater({ kind: 'reset', reason });
    }
  }

  /** @internal Breaks it as a fault of the link would: both ends see a reset. */
  breakLink(): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    if (this.#abandonDial !== undefined) {
      this.#abandonDial();
      this.finishLater({ kind: 'connect-failed', reason: 'ECONNRESET' });
    } else {
      this.#out.send({ kind: 'reset', reason: 'ECONNRESET' });
      this.broken('ECONNRESET');
    }
  }

  /** @internal Ends it all in a later turn; an earlier cause goes before `cause`. */
  finishLater(cause: CloseCause): void {
    if (this.#state === 'closed') return;
    this.#cause ??= cause;
    this.#state = 'closing';
    this.#handshake?.stop();
    this.#handshake = undefined;
    this.#graceTimer?.cancel();
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#host.clock.after(0, () => this.#finish());
  }

  #finish(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#host.live.delete(this);
    try {
      this.#handler?.onClose(this.#cause!);
    } catch (error) {
      this.#host.handlerFailed(error);
    }
  }

  #awaitFlush(): void {
    if (this.#flushAwaited || this.#state === 'connecting') return;
    this.#flushAwaited = true;
    this.#host.clock.after(0, () => {
      this.#flushAwaited = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#state !== 'open' && this.#state !== 'flushing') return;
    const { random } = this.#host;
    const { windowBytes, splitChance, resetChance } = this.#out.faults;
    let bytes = Math.min(this.#queuedBytes, windowBytes - this.#unreadBytes);
    if (bytes > 0 && random.next() < resetChance) {
      this.breakLink();
      return;
    }
    while (bytes > 0) {
      const piece = random.next() < splitChance ? 1 + randomInteger(random, bytes) : bytes;
      this.#out.send({ kind: 'bytes', bytes: this.#take(piece) });
      this.#unreadBytes += piece;
      this.bytesSent += piece;
      bytes -= piece;
    }
    if (this.#queuedBytes === 0 && this.#ending && !this.#endSent) {
      this.#endSent = true;
      this.#out.send({ kind: 'end' });
      if (this.#state === 'flushing') this.#awaitPeerEnd();
      this.#closeWhenBothEnded();
    }
    if (this.#blocked && this.#state === 'open' && this.#queuedBytes <= this.#watermarks.lowBytes) {
      this.#blocked = false;
      this.#tell((handler) => handler.onWritable?.());
    }
  }

  /** The next bytes of the queue as a copy, taken when they leave: a chunk that was changed too late shows. */
  #take(bytes: number): Buffer {
    const taken = Buffer.allocUnsafe(bytes);
    for (let at = 0; at < bytes; ) {
      const chunk = this.#queue[0]!;
      const part = chunk.copy(taken, at);
      at += part;
      if (part === chunk.length) this.#queue.shift();
      else this.#queue[0] = chunk.subarray(part);
    }
    this.#queuedBytes -= bytes;
    return taken;
  }

  #onCredit(bytes: number): void {
    this.#unreadBytes -= bytes;
    if (this.#queuedBytes > 0) this.#awaitFlush();
  }

  #onBytesArrived(bytes: Buffer): void {
    if (this.#handshake !== undefined) {
      this.#handshake.fail({ refusal: 'ERR_SSL_WRONG_VERSION_NUMBER' });
    } else if (this.#state === 'flushing') {
      this.#out.send({ kind: 'credit', bytes: bytes.length });
    } else if (this.#state === 'open') {
      this.#arrived.push(bytes);
      this.#arrivedBytes += bytes.length;
      this.#awaitRead();
    } else {
      this.#out.send({ kind: 'reset', reason: 'ECONNRESET' });
    }
  }

  #onEndArrived(): void {
    this.#endArrived = true;
    if (this.#handshake !== undefined) this.#handshake.fail({ refusal: 'ECONNRESET' });
    else if (this.#state === 'flushing') this.#closeWhenBothEnded();
    else this.#awaitRead();
  }

  #awaitRead(): void {
    if (this.#readAwaited) return;
    this.#readAwaited = true;
    const { random, clock } = this.#host;
    clock.after(random.next() < this.#out.faults.coalesceChance ? coalesceMs : 0, () => {
      this.#readAwaited = false;
      this.#read();
    });
  }

  #read(): void {
    if (this.#paused || this.#state !== 'open') return;
    if (this.#arrivedBytes > 0) {
      const all = this.#arrived.length === 1 ? this.#arrived[0]! : Buffer.concat(this.#arrived);
      const chunk = Buffer.from(all.subarray(0, readBytesMax));
      this.#arrivedBytes -= chunk.length;
      this.#arrived = this.#arrivedBytes > 0 ? [all.subarray(chunk.length)] : [];
      this.bytesReceived += chunk.length;
      this.#out.send({ kind: 'credit', bytes: chunk.length });
      if (this.#arrivedBytes > 0 || this.#endArrived) this.#awaitRead();
      this.#tell((handler) => handler.onBytes(chunk));
    } else if (this.#endArrived && !this.#endTold) {
      this.#endTold = true;
      this.#tell((handler) => handler.onEnd());
      this.#closeWhenBothEnded();
    }
  }

  #closeWhenBothEnded(): void {
    const peerEnded = this.#state === 'flushing' ? this.#endArrived : this.#endTold;
    if (this.#endSent && peerEnded) this.finishLater({ kind: 'closed', reason: 'both sides ended' });
  }

  #closeAtOnce(reset: boolean, reason: string, timedOut = false): void {
    if (this.#abandonDial !== undefined) this.#abandonDial();
    // Closing over unread bytes makes the system send a reset.
    else if (reset || this.#arrivedBytes > 0) this.#out.send({ kind: 'reset', reason: 'ECONNRESET' });
    else if (!this.#endSent) this.#out.send({ kind: 'end' });
    this.finishLater(timedOut ? { kind: 'closed', reason, timedOut } : { kind: 'closed', reason });
  }

  #closeAfterFlush(): void {
    const standing = this.#state === 'open';
    this.#state = 'flushing';
    this.#ending = true;
    if (!standing) return;
    if (this.#arrivedBytes > 0) this.#out.send({ kind: 'credit', bytes: this.#arrivedBytes });
    this.#arrived = [];
    this.#arrivedBytes = 0;
    this.#awaitFlush();
    if (this.#endSent) this.#awaitPeerEnd();
    else this.#watchFlush();
    this.#closeWhenBothEnded();
  }

  #watchFlush(): void {
    const sent = this.bytesSent;
    this.#graceTimer = this.#host.clock.after(this.closeGraceMs || this.#host.closeStallMs, () => {
      if (this.#state !== 'flushing' || this.#endSent) return;
      if (this.bytesSent > sent) this.#watchFlush();
      else this.#closeAtOnce(true, 'the peer did not take what was written', true);
    });
  }

  #awaitPeerEnd(): void {
    this.#graceTimer?.cancel();
    const graceMs = this.closeGraceMs ?? this.#host.closeGraceMs;
    this.#graceTimer = this.#host.clock.after(graceMs, () => {
      if (this.#state === 'flushing') this.#closeAtOnce(false, 'closed by this side', graceMs > 0);
    });
  }

  #tell(what: (handler: ConnectionHandler) => void): void {
    if (this.#handler === undefined) return;
    try {
      what(this.#handler);
    } catch (error) {
      this.#host.handlerFailed(error);
      if (this.#state !== 'closing' && this.#state !== 'closed') {
        this.#closeAtOnce(true, `its handler failed: ${messageOf(error)}`);
      }
    }
  }
}
