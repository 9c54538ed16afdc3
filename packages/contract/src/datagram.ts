import type { Address } from '@sofamesh/base/address';

/** Datagrams (UDP). Only `net` (real sockets) and worlds in memory implement this. */
export interface DatagramTransport {
  /** Receives from everybody. Rejects with a CodedError whose code is the system's (`EADDRINUSE`, `EACCES`, …). */
  bind(options: BindOptions, onDatagram: (bytes: Buffer, from: Address) => void): Promise<BoundSocket>;
  /** A socket that sends to one peer and hears only that one. Returns at once; what goes wrong comes to `onError`. */
  connect(options: PeerOptions, handler: PeerHandler): PeerSocket;
}

export interface BindOptions {
  /** Port 0 lets the system choose; see {@link BoundSocket.address}. */
  readonly address: Address;
  /** Share the address with other workers by SO_REUSEPORT: the system sends all datagrams of one client to one of them. */
  readonly reusePort?: boolean;
}

export interface PeerOptions {
  readonly address: Address;
}

/**
 * A datagram that the system does not take at once is lost, as a network may lose it: nothing is queued without bound.
 * `bytes` given to a socket must not be changed afterwards; those from one belong to the receiver.
 */
export interface BoundSocket {
  /** Where it really receives. */
  readonly address: Address;
  /** `onFailed` is called in a later turn when it could not be sent, with the system's code. */
  send(bytes: Buffer, to: Address, onFailed?: (code: string) => void): void;
  /** Nothing is received after this. */
  close(): Promise<void>;
}

export interface PeerSocket {
  send(bytes: Buffer): void;
  /** No handler is called after this. */
  close(): void;
}

export interface PeerHandler {
  onDatagram(bytes: Buffer): void;
  /** One datagram is lost, or the peer said that nobody receives (`ECONNREFUSED`); the socket goes on. */
  onError(code: string): void;
}
