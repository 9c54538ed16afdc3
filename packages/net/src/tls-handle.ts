import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** A write that Node's TLS has begun. A negative status is the system's error. */
export interface TlsWrite {
  /** Called at the end of the write. Whoever does not need that leaves it, for a call from the system costs time. */
  oncomplete: ((status: number) => void) | null;
  /** Set at the end when nobody is called. Node 24 does not, and always calls. */
  readonly writeStatus?: number | null;
}

/** The part of Node's private handle under a TLS socket that {@link TlsHandle} uses. */
interface NodeTlsHandle {
  useUserBuffer(buffer: Uint8Array): unknown;
  writeBuffer(request: TlsWrite | null, bytes: Uint8Array): unknown;
  readonly writeQueueSize: number;
}

/** How this Node's sockets talk to their handles, found out from one that has a handle of ours. */
interface Internals {
  /** Under which keys a socket has what the option `onread` was given. */
  readonly buffer: symbol;
  readonly callback: symbol;
  /** What Node 24 wants with each write; later ones make it themselves. */
  readonly Request: (new () => TlsWrite) | undefined;
}

const protocolError = -71;

/**
 * The handle under an established TLS socket, past the two streams of Node's above it: bytes are read into a given buffer,
 * which Node offers only where it dials itself, and written without a stream's queue, callbacks and ticks. The socket
 * goes on to tell of errors and of the end, and to end and to close.
 */
export class TlsHandle {
  readonly #handle: NodeTlsHandle;
  readonly #internals: Internals;

  /** Undefined where this Node does not allow it; the socket is untouched then. */
  static of(socket: TLSSocket, onread: OnReadOpts): TlsHandle | undefined {
    const internals = known();
    const handle: unknown = Reflect.get(socket, '_handle');
    if (internals === undefined || !isTlsHandle(handle) || socket.readableLength > 0) return undefined;
    Reflect.set(socket, internals.buffer, onread.buffer);
    Reflect.set(socket, internals.callback, onread.callback);
    handle.useUserBuffer(onread.buffer as Uint8Array);
    return new TlsHandle(handle, internals);
  }

  private constructor(handle: NodeTlsHandle, internals: Internals) {
    this.#handle = handle;
    this.#internals = internals;
  }

  /**
   * Encrypts `bytes`, which may change afterwards, and begins to write them. No other write may be under way: Node ends
   * the process then. Answers the write, or the system's error (negative) of one that could not begin.
   */
  write(bytes: Buffer, onComplete: (status: number) => void): TlsWrite | number {
    const handle = this.#handle;
    const { Request } = this.#internals;
    if (Request !== undefined) {
      const request = new Request();
      request.oncomplete = onComplete;
      const status = Number(handle.writeBuffer(request, bytes));
      return status === 0 ? request : status;
    }
    const write = handle.writeBuffer(null, bytes);
    if (typeof write !== 'object' || write === null) return Number(write);
    // A write that OpenSSL refused looks as one under way, and never ends.
    return handle.writeQueueSize === 0 ? protocolError : (write as TlsWrite);
  }
}

let internals: Internals | undefined;
let isKnown = false;

function known(): Internals | undefined {
  if (!isKnown) {
    isKnown = true;
    try {
      internals = findOut();
    } catch {
      internals = undefined;
    }
  }
  return internals;
}

function findOut(): Internals | undefined {
  const requests: unknown[] = [];
  const options: SocketConstructorOpts = {};
  Reflect.set(options, 'handle', {
    readStart: () => 0,
    readStop: () => 0,
    close: (done: () => void) => done(),
    writeBuffer: (request: unknown) => {
      requests.push(request);
      return 0;
    },
  });
  const socket = new Socket(options).on('error', () => {});
  socket.write(Buffer.from('.'));
  socket.destroy();
  const symbols = Object.getOwnPropertySymbols(socket);
  const buffer = symbols.find(({ description }) => description === 'kBuffer');
  const callback = symbols.find(({ description }) => description === 'kBufferCb');
  if (buffer === undefined || callback === undefined || requests.length !== 1) return undefined;
  const [request] = requests;
  if (request === null) return { buffer, callback, Request: undefined };
  if (typeof request !== 'object' || request === undefined) return undefined;
  const Request: unknown = request.constructor;
  if (typeof Reflect.get(request, 'oncomplete') !== 'function' || typeof Request !== 'function') return undefined;
  return { buffer, callback, Request: Request as new () => TlsWrite };
}

function isTlsHandle(handle: unknown): handle is NodeTlsHandle {
  if (typeof handle !== 'object' || handle === null) return false;
  if (typeof Reflect.get(handle, 'writeQueueSize') !== 'number') return false;
  return ['destroySSL', 'useUserBuffer', 'writeBuffer'].every(
    (name) => typeof Reflect.get(handle, name) === 'function',
  );
}
