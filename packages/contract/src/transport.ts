import type { Address } from '@sofamesh/base/address';
import type { ClientTls, PeerCheck, ServerTls, TlsSession } from './tls.ts';

export type * from './tls.ts';

/**
 * Byte connections. Only `net` (real sockets) and the simulated world implement this; everything above sees bytes arrive
 * and writes bytes, and never a socket.
 */
export interface Transport {
  /**
   * Starts to accept. The connection is passed to `onConnection` in plain (see {@link Connection.startTls}); a handler
   * must be set before that call returns.
   * Rejects with a {@link CodedError} whose code is the system's (`EADDRINUSE`, `EACCES`, …).
   */
  listen(options: ListenOptions, onConnection: (connection: Connection) => void): Promise<Listener>;
  /** Returns at once; `handler.onConnect` or `handler.onClose` tells the outcome. Bytes may be written before that. */
  dial(options: DialOptions, handler: ConnectionHandler): Connection;
}

export interface ListenOptions {
  /** Port 0 lets the system choose; see {@link Listener.address}. */
  readonly address: Address;
  /** Share the address with other workers by SO_REUSEPORT. Probe it once without, or two proxies share it silently. */
  readonly reusePort?: boolean;
  readonly backlog?: number;
  /**
   * Take connections to any address that the system diverts here (TPROXY; Linux' IP_TRANSPARENT, which needs
   * CAP_NET_ADMIN): their `local` address is the one that the client asked for.
   */
  readonly transparent?: boolean;
  /** {@link Connection.originalDestination} will be asked for: reject at once where the system cannot tell. */
  readonly asksOriginalDestination?: boolean;
  readonly watermarks?: Watermarks;
  /** A connection was closed at once, because the transport has no place for it: descriptors run short. */
  readonly onRefused?: () => void;
}

export interface DialOptions {
  readonly address: Address;
  readonly connectTimeoutMs: number;
  /** Goes out first, before a TLS handshake: a PROXY protocol header. Not counted in `bytesSent`. */
  readonly preamble?: Buffer;
  readonly tls?: ClientTls;
  readonly watermarks?: Watermarks;
}

/** Bytes that may wait to be written: at `highBytes` `writable` turns false, at `lowBytes` `onWritable` is called. */
export interface Watermarks {
  readonly highBytes: number;
  readonly lowBytes: number;
}

export const defaultWatermarks: Watermarks = { highBytes: 256 * 1024, lowBytes: 128 * 1024 };

export interface Listener {
  /** Where it really listens. */
  readonly address: Address;
  /** Stops accepting; connections go on. */
  close(): Promise<void>;
}

/**
 * One connection. Never throws: what goes wrong arrives once at `onClose`, and calls after that do nothing.
 *
 * **Memory.** A chunk passed to `onBytes` belongs to the receiver for good: it may keep, slice and change it. A chunk
 * passed to `write` belongs to the transport: it must not be changed afterwards.
 *
 * **Coalescing.** All writes of one event-loop turn leave in as few system calls as possible, in order.
 */
export interface Connection {
  /** Unique in this thread. */
  readonly id: number;
  readonly local: Address;
  readonly remote: Address;
  /** `local` is what the client asked for (a redirect undone, or told by a PROXY header), not where it arrived. */
  readonly localRestored?: boolean;
  /** The peer's own address where `remote` is the one that a PROXY protocol header told; else absent. */
  readonly directRemote?: Address | undefined;
  /** Server name of the TLS ClientHello that was looked at and may belong to TLS which ends elsewhere; else absent. */
  readonly requestedServerName?: string | undefined;
  /** The PROXY protocol header that the connection began with; else absent. */
  readonly proxyHeader?: ProxyHeader | undefined;
  readonly tls: TlsSession | undefined;
  /** False while more than the high watermark waits to be written: the producer should pause its source. */
  readonly writable: boolean;
  /** Bytes accepted by `write` and not yet taken by the system. */
  readonly bufferedBytes: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /**
   * How long the peer may take nothing, and then not end its side, after `close('flush')`. 0: the connection is closed as soon
   * as everything was sent. Undefined or absent: the transport's own times.
   */
  closeGraceMs?: number | undefined;

  /** Replaces who is told. Used when a listener filter has decided, or a connection becomes a tunnel. */
  setHandler(handler: ConnectionHandler): void;
  write(chunk: Buffer): void;
  /**
   * {@link write} of a whole chunk as `onBytes` of a connection delivered it, of which nobody else holds any part: its
   * memory may carry the next read as soon as the system has taken it. Absent: the same as `write`.
   */
  passOn?(chunk: Buffer): void;
  /** No bytes arrive until {@link resumeReading}. A chunk already being delivered is delivered whole. */
  pauseReading(): void;
  resumeReading(): void;
  /** Half-close: the peer sees the end after all that was written. Reading goes on. */
  end(): void;
  /**
   * `flush` sends what was written, then closes both directions (and gives up after a short grace when the peer does
   * not take it); `now` drops what waits; `reset` makes the peer see a reset. `onClose` follows in a later turn.
   */
  close(how: 'flush' | 'now' | 'reset'): void;
  /**
   * Accepted plaintext connections only: the server's side of a TLS handshake. `received` is all that was read of the
   * client's bytes so far (perhaps none). From here on bytes are those inside TLS. `onSecured` is called when the handshake
   * is done, `tls` is set and a handler must be set before that call returns; a handshake that fails or takes too long
   * ends in `onClose` with `tls-failed`. The same `tls` object for many connections is compiled once.
   */
  startTls(tls: ServerTls, received: Buffer, onSecured: () => void): void;
  /**
   * Accepted connections: where the client wanted to go before the system redirected it here (REDIRECT and DNAT rules;
   * Linux' SO_ORIGINAL_DST). Undefined where it was not redirected or the system does not tell. Asks the system each time.
   */
  originalDestination?(): Address | undefined;
  /**
   * Takes the connection out of this process, to be passed to another one. Undefined where its state cannot leave (TLS,
   * bytes that wait to be written). After a success no handler is called any more.
   */
  detach(): DetachedConnection | undefined;
}

export interface DetachedConnection {
  /** File descriptor, owned by the caller from now on. */
  readonly fd: number;
}

/** What a PROXY protocol header says beside the addresses. */
export interface ProxyHeader {
  readonly version: 1 | 2;
  /** Version 2's extensions that the listener's configuration keeps, in their order. */
  readonly tlvs: readonly ProxyTlv[];
  /** Values of extensions under the keys that the configuration gives them, by metadata namespace. */
  readonly metadata: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface ProxyTlv {
  readonly type: number;
  readonly value: Buffer;
}

/** Who is told about a connection. Methods are called from the event loop, never from inside a call on `Connection`. */
export interface ConnectionHandler {
  /** Dialled connections only: connected, handshake done. */
  onConnect?(): void;
  onBytes(chunk: Buffer): void;
  /** The peer will send no more (half-close); writing is still possible. */
  onEnd(): void;
  /** Below the low watermark again. Only after `writable` was false. */
  onWritable?(): void;
  /** The last call, exactly once. */
  onClose(cause: CloseCause): void;
}

export interface CloseCause {
  readonly kind: /** closed by a call on this side, or both sides ended */
    | 'closed'
    /** the peer reset it, or it broke */
    | 'reset'
    | 'connect-failed'
    | 'connect-timeout'
    | 'tls-failed';
  /** For logs: the system's error code or the reason of the TLS failure. */
  readonly reason: string;
  /** Of `closed`: after `close('flush')` the peer did not take everything, or end its side, in time. */
  readonly timedOut?: true;
  /** Of `tls-failed`: what was wrong with the peer's certificate; absent where something else was. */
  readonly check?: PeerCheck;
}
