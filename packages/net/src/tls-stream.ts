import type { TLSSocket } from 'node:tls';
import { getSystemErrorName } from 'node:util';
import type { ReadBuffer } from './read-buffer.ts';
import { TlsHandle, type TlsWrite } from './tls-handle.ts';
import type { BatchBuffers, WriteQueue } from './write-queue.ts';

/** Who is told of what happens on a {@link TlsStream}; never inside a call on it. */
export interface TlsStreamOwner {
  receive(chunk: Buffer): void;
  /** The peer's end, held back by {@link TlsStream.holdsEnd}, is due. */
  heldEndDue(): void;
  /** What was handed over was taken; may come without having been asked for. */
  taken(): void;
}

/**
 * Reads and writes an established TLS socket nearly as plain ones are read and written: into a shared buffer, and without
 * the queues of Node's streams. Errors, the peer's end and the close are events of the socket as ever.
 *
 * Node's TLS finishes a write no sooner than in the next turn of the event loop. As long as nobody waits for that, it is not
 * asked to tell: the next write looks whether the one before is done.
 */
export class TlsStream {
  readonly #socket: TLSSocket;
  readonly #owner: TlsStreamOwner;
  #handle: TlsHandle | undefined = undefined;
  /** The latest write, until it is known to be done. */
  #write: TlsWrite | undefined = undefined;
  #writeBytes = 0;
  #paused = false;
  /** Decrypted while reading was paused: one read from the system brings several records. */
  #held: Buffer[] | undefined = undefined;
  #holdsEnd = false;

  /** Undefined where this Node does not allow it; the socket is untouched then. */
  static on(socket: TLSSocket, reads: ReadBuffer, owner: TlsStreamOwner): TlsStream | undefined {
    const stream = new TlsStream(socket, owner);
    const callback = (bytes: number) => {
      stream.#receive(reads.take(bytes));
      return true;
    };
    stream.#handle = TlsHandle.of(socket, { buffer: reads.buffer, callback });
    return stream.#handle === undefined ? undefined : stream;
  }

  private constructor(socket: TLSSocket, owner: TlsStreamOwner) {
    this.#socket = socket;
    this.#owner = owner;
  }

  /** Bytes handed over that the system has not taken. */
  get pendingBytes(): number {
    return this.#write === undefined || typeof this.#write.writeStatus === 'number' ? 0 : this.#writeBytes;
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
    this.isReady();
  }

  resume(): void {
    this.#paused = false;
    if (this.#held === undefined) this.#socket.resume();
    else setImmediate(() => this.#release());
  }

  /** Whether there are bytes to be delivered before the peer's end, which is told later then. */
  holdsEnd(): boolean {
    this.#holdsEnd = this.#held !== undefined;
    return this.#holdsEnd;
  }

  /** Whether the next bytes may be handed over. If something is under way, the owner is told when it was taken. */
  isReady(): boolean {
    if (this.#socket.destroyed) return false;
    const write = this.#write;
    if (write === undefined) return true;
    const { writeStatus } = write;
    if (typeof writeStatus !== 'number') {
      write.oncomplete = this.#onComplete;
      return false;
    }
    this.#write = undefined;
    if (writeStatus < 0) this.#fail(writeStatus);
    return writeStatus >= 0;
  }

  /** Hands over the next bytes. Only when {@link isReady}. */
  write(queue: WriteQueue, batches: BatchBuffers): void {
    const bytes = queue.takeBatch(batches);
    this.#writeBytes = bytes.length;
    const write = this.#handle!.write(bytes, this.#onComplete);
    if (typeof write === 'number') {
      this.#fail(write);
      return;
    }
    this.#write = write;
    // Who reads learns that the connection broke; who does not must hear it from here.
    if (this.#paused) this.isReady();
  }

  readonly #onComplete = (status: number): void => {
    this.#write = undefined;
    if (status < 0) this.#fail(status);
    else this.#owner.taken();
  };

  #fail(status: number): void {
    const error = new Error('writing failed');
    Reflect.set(error, 'code', getSystemErrorName(status));
    this.#socket.destroy(error);
  }

  #receive(chunk: Buffer): void {
    if (this.#held !== undefined) this.#held.push(chunk);
    else if (this.#paused) this.#held = [chunk];
    else this.#owner.receive(chunk);
  }

  #release(): void {
    const held = this.#held;
    if (held === undefined) return;
    while (held.length > 0 && !this.#paused) this.#owner.receive(held.shift()!);
    if (this.#paused) return;
    this.#held = undefined;
    this.#socket.resume();
    if (this.#holdsEnd) this.#owner.heldEndDue();
  }
}
