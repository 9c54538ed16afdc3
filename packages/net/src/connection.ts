import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Address } from '@sofamesh/base/address';
import type { Timer } from '@sofamesh/base/clock';
import { messageOf } from '@sofamesh/base/errors';
import type {
  CloseCause,
  Connection,
  ConnectionHandler,
  ServerTls,
  TlsSession,
  Watermarks,
} from '@sofamesh/contract/transport';
import { causeOf, closedBySocket } from './close-cause.ts';
import type { ConnectionHost, Pending } from './connection-host.ts';
import { type DetachedSocket, detachSocket } from './detached-socket.ts';
import type { Flushable } from './flush-turn.ts';
import { originalDestination } from './original-destination.ts';
import { resetSocket } from './reset-socket.ts';
import { type HandshakeOwner, ServerHandshake } from './server-handshake.ts';
import { TlsStream, type TlsStreamOwner } from './tls-stream.ts';
import { batchBytesMax, isTaken, WriteQueue } from './write-queue.ts';

const connecting = 0;
const open = 1;
/** `close('flush')` was called: what was written still leaves, what arrives is dropped. */
const flushing = 2;
/** The socket is going; nothing but `onClose` comes. */
const closing = 3;
const closed = 4;
const detached = 5;

type State = 0 | 1 | 2 | 3 | 4 | 5;

/** A chunk that is passed on does not wait for the end of the turn from this size on: little would be joined to it. */
const passedOnAtOnceBytes = 16 * 1024;

let lastId = 0;

/** A connection on a Node socket, plain or TLS. */
export class NodeConnection implements Connection, Flushable, HandshakeOwner, TlsStreamOwner {
  readonly id = ++lastId;
  local: Address;
  remote: Address;
  tls: TlsSession | undefined = undefined;
  bytesReceived = 0;
  closeGraceMs: number | undefined = undefined;

  readonly #host: ConnectionHost;
  readonly #highBytes: number;
  readonly #lowBytes: number;
  /** From here on a write does not wait for the end of the turn. */
  readonly #flushBytes: number;
  readonly #queue = new WriteQueue();
  #handler: ConnectionHandler | undefined;
  #pending: Pending | undefined = undefined;
  #socket: Socket | undefined = undefined;
  /** The TCP socket: the same for a plain connection, the one under the TLS socket otherwise. A handshake has only this. */
  #raw: Socket | undefined = undefined;
  /** The way past Node's streams of a TLS socket, where this Node has one. */
  #tlsStream: TlsStream | undefined = undefined;
  #state: State = connecting;
  #dirty = false;
  /** The socket holds bytes that the system has not taken; more wait in the queue until it has. */
  #busy = false;
  #blocked = false;
  #paused = false;
  #ending = false;
  #endPassed = false;
  #handedBytes = 0;
  #cause: CloseCause | undefined = undefined;
  #graceTimer: Timer | undefined = undefined;
  #handshake: ServerHandshake | undefined = undefined;
  #onSecured: (() => void) | undefined = undefined;

  constructor(
    host: ConnectionHost,
    watermarks: Watermarks,
    handler: ConnectionHandler | undefined,
    local: Address,
    remote: Address,
  ) {
    this.#host = host;
    this.#highBytes = watermarks.highBytes;
    this.#lowBytes = Math.min(watermarks.lowBytes, watermarks.highBytes - 1);
    this.#flushBytes = Math.min(batchBytesMax, watermarks.highBytes);
    this.#handler = handler;
    this.local = local;
    this.remote = remote;
  }

  get writable(): boolean {
    return !this.#blocked;
  }

  get bufferedBytes(): number {
    const isPending = this.#busy || this.#tlsStream !== undefined;
    return isPending ? this.#queue.bytes + this.#pendingBytes(this.#socket!) : this.#queue.bytes;
  }

  get bytesSent(): number {
    return this.#socket === undefined ? 0 : this.#handedBytes - this.#pendingBytes(this.#socket);
  }

  /** Handed over and not taken by the system. */
  #pendingBytes(socket: Socket): number {
    return this.#tlsStream === undefined ? socket.writableLength : this.#tlsStream.pendingBytes;
  }

  get hasHandler(): boolean {
    return this.#handler !== undefined;
  }

  setHandler(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  write(chunk: Buffer): void {
    if (this.#state > open || this.#ending || chunk.length === 0) return;
    const queue = this.#queue;
    queue.push(chunk);
    if (this.#state === open && !this.#busy) {
      if (queue.bytes >= this.#flushBytes) this.#flush();
      else if (!this.#dirty) this.#awaitFlushTurn();
    }
    if (!this.#blocked && this.bufferedBytes >= this.#highBytes) this.#blocked = true;
  }

  passOn(chunk: Buffer): void {
    const waits = this.#state !== open || this.#ending || this.#busy || this.#queue.bytes > 0;
    if (waits || chunk.length < passedOnAtOnceBytes || this.#socket !== this.#raw) this.write(chunk);
    else this.#writeAlone(this.#socket!, chunk);
  }

  #writeAlone(socket: Socket, chunk: Buffer): void {
    this.#handedBytes += chunk.length;
    socket.write(chunk);
    this.#busy = !isTaken(socket, this.#onTaken);
    if (!this.#busy) this.#host.reads.giveBack(chunk);
    else if (this.bufferedBytes >= this.#highBytes) this.#blocked = true;
  }

  pauseReading(): void {
    if (this.#state > open || this.#paused) return;
    this.#paused = true;
    (this.#tlsStream ?? this.#socket)?.pause();
  }

  resumeReading(): void {
    if (this.#state > open || !this.#paused) return;
    this.#paused = false;
    (this.#tlsStream ?? this.#socket)?.resume();
  }

  end(): void {
    if (this.#state > open || this.#ending) return;
    this.#ending = true;
    if (this.#state === open && !this.#busy && !this.#dirty) this.#awaitFlushTurn();
  }

  close(how: 'flush' | 'now' | 'reset'): void {
    if (this.#state >= closing || (this.#state === flushing && how === 'flush')) return;
    if (how === 'flush' && (this.#state === open || this.#queue.bytes > 0)) this.#closeAfterFlush();
    else this.#closeAtOnce(how === 'reset', 'closed by this side');
  }

  startTls(tls: ServerTls, received: Buffer, onSecured: () => void): void {
    const raw = this.#raw;
    if (this.#state !== open || raw === undefined || this.#socket !== raw) return;
    const handshake = new ServerHandshake(raw, this);
    this.#state = connecting;
    this.#socket = undefined;
    this.#pending = handshake;
    this.#handshake = handshake;
    this.#onSecured = onSecured;
    if (this.#paused) raw.resume();
    handshake.start(this.#host.clock, tls, received);
  }

  originalDestination(): Address | undefined {
    return this.#raw === undefined ? undefined : originalDestination(this.#raw, this.local);
  }

  detach(): DetachedSocket | undefined {
    const socket = this.#socket;
    if (socket === undefined || socket !== this.#raw || this.#state !== open) return undefined;
    if (this.#ending || this.bufferedBytes > 0) return undefined;
    const taken = detachSocket(socket);
    if (taken === undefined) return undefined;
    this.#state = detached;
    return taken;
  }

  /** @internal The dial that this connection waits for. */
  awaitDial(dial: Pending): void {
    this.#pending = dial;
  }

  /**
   * @internal The connection stands, on `socket` (which rides on `raw`, or is the same). `readsItself`: its bytes come by
   * {@link receive} and not by events.
   */
  adopt(socket: Socket, raw: Socket, readsItself: boolean): void {
    this.#pending = undefined;
    this.#socket = socket;
    this.#raw = raw;
    if (socket !== raw && this.#host.bypassesTlsStreams) {
      this.#tlsStream = TlsStream.on(socket as TLSSocket, this.#host.reads, this);
    }
    if (this.#paused) (this.#tlsStream ?? socket).pause();
    if (!readsItself && this.#tlsStream === undefined) socket.on('data', this.#onData);
    socket.on('end', () => this.#onEnd(socket));
    socket.on('error', (error) => this.#onError(socket, error));
    socket.on('close', () => this.#onSocketClosed(socket));
    if (this.#state === connecting) this.#state = open;
  }

  /** @internal A dialled connection stands: tells the handler and sends what was written in the meantime. */
  connected(): void {
    if (this.#state === open) this.#guard(() => this.#handler?.onConnect?.());
    this.#sendEarlyWrites();
  }

  #sendEarlyWrites(): void {
    if (this.#state === open) {
      if (!this.#dirty && (this.#queue.bytes > 0 || this.#ending)) this.#awaitFlushTurn();
    } else if (this.#state === flushing) {
      this.#closeAfterFlush();
    }
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#host.reads.count(chunk.length);
    this.receive(chunk);
  };

  /** @internal Bytes from the socket. */
  receive(chunk: Buffer): void {
    if (this.#state !== open) {
      this.#handshake?.receive(chunk);
      return;
    }
    const { flushTurn } = this.#host;
    const isWhole = flushTurn.beginRead();
    this.bytesReceived += chunk.length;
    try {
      this.#handler!.onBytes(chunk);
    } catch (error) {
      this.#handlerThrew(error);
    } finally {
      if (isWhole) flushTurn.endRead();
    }
  }

  /** @internal The handshake went through, on top of what carried it. */
  secured(socket: Socket, session: TlsSession): void {
    const onSecured = this.#onSecured;
    this.#endHandshake();
    this.tls = session;
    this.adopt(socket, this.#raw!, false);
    if (this.#state === open && onSecured !== undefined) this.#guard(onSecured);
    this.#sendEarlyWrites();
  }

  /** @internal The handshake came to nothing. */
  failed(cause: CloseCause): void {
    this.#endHandshake();
    this.finish(cause);
  }

  #endHandshake(): void {
    this.#handshake = undefined;
    this.#onSecured = undefined;
    this.#pending = undefined;
  }

  /** @internal The end of it all; called in a turn of its own. An earlier cause goes before `cause`. */
  finish(cause: CloseCause): void {
    if (this.#state >= closed) return;
    this.#state = closed;
    this.#graceTimer?.cancel();
    this.#queue.clear();
    this.#busy = false;
    try {
      this.#handler?.onClose(this.#cause ?? cause);
    } catch (error) {
      this.#host.handlerFailed(error, this);
    }
  }

  onFlushTurn(): void {
    this.#dirty = false;
    if (this.#busy || (this.#state !== open && this.#state !== flushing)) return;
    this.#flush();
    this.#tellWritable();
  }

  #awaitFlushTurn(): void {
    this.#dirty = true;
    this.#host.flushTurn.add(this);
  }

  /** Passes on what waits until the system takes no more. Calls no handler. */
  #flush(): void {
    const socket = this.#socket!;
    while (this.#queue.bytes > 0) {
      const waiting = this.#queue.bytes;
      this.#busy = !this.#handOver(socket);
      this.#handedBytes += waiting - this.#queue.bytes;
      if (this.#busy) return;
    }
    const endsNow = this.#ending && !this.#endPassed;
    if ((endsNow || this.#blocked) && this.#tlsStream?.isReady() === false) {
      this.#busy = true;
    } else if (endsNow) {
      this.#endPassed = true;
      socket.end();
      if (this.#state === flushing) this.#awaitPeerEnd(socket);
    }
  }

  /** Hands the next bytes to the socket. False: no more until {@link taken}. */
  #handOver(socket: Socket): boolean {
    const queue = this.#queue;
    if (socket === this.#raw) {
      queue.writeBatched(socket, this.#host.batches);
      return isTaken(socket, this.#onTaken);
    }
    if (this.#tlsStream === undefined) {
      // TLS never completes within the call, and this way must not see its plain text change before.
      queue.write(socket, this.#onTaken);
      return false;
    }
    if (!this.#tlsStream.isReady()) return false;
    this.#tlsStream.write(queue, this.#host.batches);
    return true;
  }

  readonly #onTaken = (error?: Error | null): void => {
    // After a failure the socket closes by itself and says why.
    if (!error) this.taken();
  };

  /** @internal All that was handed to the socket was taken. */
  taken(): void {
    if (this.#state !== open && this.#state !== flushing) return;
    this.#busy = false;
    this.#flush();
    this.#tellWritable();
  }

  #tellWritable(): void {
    if (!this.#blocked || this.#state !== open || this.bufferedBytes > this.#lowBytes) return;
    this.#blocked = false;
    this.#guard(() => this.#handler?.onWritable?.());
  }

  #onEnd(socket: Socket): void {
    if (this.#socket !== socket) this.#handshake?.interrupted('the client ended the connection during the handshake');
    if (this.#socket === socket && this.#tlsStream?.holdsEnd() !== true) this.heldEndDue();
  }

  /** @internal The peer has ended its side, and all that it sent before was delivered. */
  heldEndDue(): void {
    if (this.#state === open) this.#guard(() => this.#handler?.onEnd());
  }

  #onError(socket: Socket, error: Error): void {
    // Of a socket under TLS: the one above it tells.
    if (this.#socket !== socket) {
      this.#handshake?.interrupted(causeOf(error).reason);
      return;
    }
    // While flushing, a peer that goes away after it was sent everything did what was wanted.
    if (this.#state === flushing && this.#endPassed && socket.writableFinished) return;
    this.#cause ??= causeOf(error);
    this.#state = Math.max(this.#state, closing) as State;
    // A TLS socket does not close by itself after an alert of the peer.
    socket.destroy();
  }

  #onSocketClosed(socket: Socket): void {
    if (this.#socket === socket) this.finish(closedBySocket);
    else this.#handshake?.interrupted('the client closed the connection during the handshake');
  }

  #guard(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#handlerThrew(error);
    }
  }

  #handlerThrew(error: unknown): void {
    this.#host.handlerFailed(error, this);
    if (this.#state < closing) this.#closeAtOnce(true, `its handler failed: ${messageOf(error)}`);
  }

  #closeAfterFlush(): void {
    this.#state = flushing;
    this.#ending = true;
    if (this.#socket === undefined) return;
    // What still arrives is read and dropped: closing over unread bytes makes the system send a reset, which can overtake
    // what was just written.
    (this.#tlsStream ?? this.#socket).resume();
    if (!this.#busy && !this.#dirty) this.#awaitFlushTurn();
    if (this.#endPassed) this.#awaitPeerEnd(this.#socket);
    else this.#watchFlush();
  }

  /** Gives up when the system took nothing for a while; the peer shall not mistake a part for the whole. */
  #watchFlush(): void {
    const sent = this.bytesSent;
    this.#graceTimer = this.#host.clock.after(this.closeGraceMs || this.#host.closeStallMs, () => {
      if (this.#state !== flushing || this.#endPassed) return;
      if (this.bytesSent > sent) this.#watchFlush();
      else this.#closeAtOnce(true, 'the peer did not take what was written', true);
    });
  }

  #awaitPeerEnd(socket: Socket): void {
    this.#graceTimer?.cancel();
    const graceMs = this.closeGraceMs ?? this.#host.closeGraceMs;
    const close = (timedOut: boolean) => {
      if (this.#state === flushing) this.#closeAtOnce(false, 'closed by this side', timedOut);
    };
    this.#graceTimer = this.#host.clock.after(graceMs || this.#host.closeStallMs, () => close(true));
    if (graceMs === 0) socket.once('finish', () => close(false));
  }

  #closeAtOnce(reset: boolean, reason: string, timedOut = false): void {
    this.#state = closing;
    this.#cause ??= timedOut ? { kind: 'closed', reason, timedOut } : { kind: 'closed', reason };
    this.#queue.clear();
    if (this.#pending !== undefined) this.#pending.abort();
    else if (!reset) this.#socket!.destroy();
    else if (resetSocket(this.#socket!, this.#raw!) === 'later') this.#awaitEndThenDestroy(this.#socket!);
  }

  #awaitEndThenDestroy(socket: Socket): void {
    this.#graceTimer?.cancel();
    this.#graceTimer = this.#host.clock.after(this.#host.closeGraceMs, () => socket.destroy());
  }
}
