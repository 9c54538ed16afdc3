import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { type Address, formatAddress, type IpAddress, ipAddress } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';
import type {
  BindOptions,
  BoundSocket,
  DatagramTransport,
  PeerHandler,
  PeerOptions,
  PeerSocket,
} from '@sofamesh/contract/datagram';
import { socketPath } from './socket-address.ts';
import { codeOf, failureOf } from './system-error.ts';

/** Bytes of datagrams that one socket may hold for the system; more are lost, as a full network loses them. */
const sendQueueBytesMax = 1024 * 1024;
/** Datagrams that wait for a socket to be connected to its peer, which takes one turn of the event loop. */
const earlyDatagramsMax = 64;

const ignore = () => {};

/** Addresses are literals: nothing is ever looked up, so nothing waits for it. */
const lookup = (host: string, _options: unknown, callback: (error: null, address: string, family: number) => void) =>
  callback(null, host, isIPv6(host) ? 6 : 4);

/** The machine's own UDP. */
export class NodeDatagrams implements DatagramTransport {
  async bind(options: BindOptions, onDatagram: (bytes: Buffer, from: Address) => void): Promise<BoundSocket> {
    const { address, reusePort = false } = options;
    try {
      const { host, port } = literal(address);
      const socket = createSocket({ type: typeOf(host), reusePort, ipv6Only: isIPv6(host), lookup });
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind({ address: host, port, exclusive: true }, () => {
          socket.off('error', reject);
          resolve();
        });
      });
      // A failed receive concerns one datagram.
      socket.on('error', ignore);
      socket.on('message', (bytes: Buffer, from: RemoteInfo) => onDatagram(bytes, ipAddress(from.address, from.port)));
      return new NodeBoundSocket(socket);
    } catch (error) {
      throw failureOf(`receive datagrams on ${formatAddress(address)}`, error);
    }
  }

  connect({ address }: PeerOptions, handler: PeerHandler): PeerSocket {
    return new NodePeerSocket(address, handler);
  }
}

function literal(address: Address): IpAddress {
  socketPath(address);
  if (address.kind === 'pipe') throw new CodedError('EINVAL', 'a Unix socket takes no datagrams here');
  return address;
}

function typeOf(host: string): 'udp4' | 'udp6' {
  return isIPv6(host) ? 'udp6' : 'udp4';
}

class NodeBoundSocket implements BoundSocket {
  readonly address: Address;
  readonly #socket: Socket;
  #closed = false;

  constructor(socket: Socket) {
    const { address, port } = socket.address();
    this.address = ipAddress(address, port);
    this.#socket = socket;
  }

  send(bytes: Buffer, to: Address, onFailed: (code: string) => void = ignore): void {
    if (this.#closed) return;
    if (to.kind !== 'ip' || this.#socket.getSendQueueSize() + bytes.length > sendQueueBytesMax) {
      setImmediate(onFailed, 'ENOBUFS');
      return;
    }
    this.#socket.send(bytes, to.port, to.host, (error) => {
      if (error !== null) onFailed(codeOf(error));
    });
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    return new Promise((resolve) => this.#socket.close(resolve));
  }
}

class NodePeerSocket implements PeerSocket {
  readonly #handler: PeerHandler;
  readonly #socket: Socket | undefined;
  /** Undefined once it is connected. */
  #early: Buffer[] | undefined = [];
  #closed = false;

  constructor(address: Address, handler: PeerHandler) {
    this.#handler = handler;
    try {
      const { host, port } = literal(address);
      const socket = createSocket({ type: typeOf(host), lookup });
      this.#socket = socket;
      socket.on('error', (error) => this.#failed(error));
      socket.on('message', (bytes: Buffer) => {
        if (!this.#closed) handler.onDatagram(bytes);
      });
      socket.on('connect', () => this.#connected());
      socket.connect(port, host);
    } catch (error) {
      setImmediate(() => this.#failed(error));
    }
  }

  send(bytes: Buffer): void {
    const socket = this.#socket;
    if (this.#closed || socket === undefined) return;
    if (this.#early !== undefined) {
      if (this.#early.length < earlyDatagramsMax) this.#early.push(bytes);
      else this.#lose();
    } else if (socket.getSendQueueSize() + bytes.length > sendQueueBytesMax) this.#lose();
    else socket.send(bytes, this.#onSent);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#early = undefined;
    this.#socket?.close();
  }

  #connected(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const bytes of early) this.send(bytes);
  }

  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.#failed(error);
  };

  #lose(): void {
    setImmediate(() => this.#failed(new CodedError('ENOBUFS', 'the system takes no more')));
  }

  #failed(error: unknown): void {
    if (!this.#closed) this.#handler.onError(codeOf(error));
  }
}
