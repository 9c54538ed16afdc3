import type { Address } from '@sofamesh/base/address';

/**
 * Byte connections. Only `net` (real sockets) and the simulated world implement this; everything above sees bytes arrive
 * and writes bytes, and never a socket.
 */
export interface Transport {
  /**
   * Starts to accept. The connection is passed to `onConnection` when it is usable (after the TLS handshake where the
   * listener has TLS); a handler must be set before that call returns.
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
  readonly tls?: ServerTls;
  readonly watermarks?: Watermarks;
  /** Connections beyond this are closed at once and counted (`onRefused`). */
  readonly connectionsMax?: number;
  readonly onRefused?: () => void;
  /** A handshake that fails or takes longer than `tls.handshakeTimeoutMs` never becomes a connection. */
  readonly onTlsFailure?: (reason: string) => void;
}

export interface DialOptions {
  readonly address: Address;
  readonly connectTimeoutMs: number;
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
  /** Handshakes from now on use these certificates and rules. Absent where a socket keeps what it was opened with. */
  setTls?(tls: ServerTls): void;
}

/** Plain data, so that it can be posted to a worker. */
export interface ServerTls {
  readonly certificates: readonly CertificatePair[];
  readonly alpn?: readonly string[];
  /** PEM of the authorities that client certificates are checked against. */
  readonly clientAuthorityPem?: string;
  readonly requireClientCertificate?: boolean;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** Default 10 s. */
  readonly handshakeTimeoutMs?: number;
}

export interface ClientTls {
  readonly serverName?: string;
  readonly alpn?: readonly string[];
  /** Undefined: the server is not verified (Envoy's default when no validation context is given). */
  readonly authorityPem?: string;
  /** One of these subject alternative names must match exactly; checked on the raw certificate value. */
  readonly subjectAltNames?: readonly string[];
  readonly certificate?: CertificatePair;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
}

export interface CertificatePair {
  readonly chainPem: string;
  readonly privateKeyPem: string;
}

/** What is known of a TLS session. */
export interface TlsSession {
  readonly alpn: string | undefined;
  readonly serverName: string | undefined;
  readonly version: string;
  /** `URI:…`, `DNS:…` entries of the peer's certificate; empty without one. */
  readonly peerSubjectAltNames: readonly string[];
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
  readonly tls: TlsSession | undefined;
  /** False while more than the high watermark waits to be written: the producer should pause its source. */
  readonly writable: boolean;
  /** Bytes accepted by `write` and not yet taken by the system. */
  readonly bufferedBytes: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;

  /** Replaces who is told. Used when a listener filter has decided, or a connection becomes a tunnel. */
  setHandler(handler: ConnectionHandler): void;
  write(chunk: Buffer): void;
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
   * Takes the connection out of this process, to be passed to another one. Undefined where its state cannot leave (TLS,
   * bytes that wait to be written). After a success no handler is called any more.
   */
  detach(): DetachedConnection | undefined;
}

export interface DetachedConnection {
  /** File descriptor, owned by the caller from now on. */
  readonly fd: number;
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
}
