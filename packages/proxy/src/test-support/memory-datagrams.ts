import { type Address, formatAddress, ipAddress } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';
import type {
  BindOptions,
  BoundSocket,
  DatagramTransport,
  PeerHandler,
  PeerOptions,
  PeerSocket,
} from '@sofamesh/contract/datagram';

type Receive = (bytes: Buffer, from: Address) => void;

/** Datagrams in memory: each arrives within the call that sends it. */
export class MemoryDatagrams implements DatagramTransport {
  readonly #receivers = new Map<string, Receive>();
  #lastPort = 40_000;

  /** Sockets that are open. */
  get open(): number {
    return this.#receivers.size;
  }

  async bind({ address }: BindOptions, onDatagram: Receive): Promise<BoundSocket> {
    const name = formatAddress(address);
    if (this.#receivers.has(name)) throw new CodedError('EADDRINUSE', `${name}: address already in use`);
    this.#receivers.set(name, onDatagram);
    return {
      address,
      send: (bytes, to, onFailed) => {
        if (!this.send(bytes, address, to)) onFailed?.('EHOSTUNREACH');
      },
      close: async () => {
        this.#receivers.delete(name);
      },
    };
  }

  connect({ address }: PeerOptions, handler: PeerHandler): PeerSocket {
    const local = ipAddress('10.0.0.9', ++this.#lastPort);
    const name = formatAddress(local);
    this.#receivers.set(name, (bytes, from) => {
      if (formatAddress(from) === formatAddress(address)) handler.onDatagram(bytes);
    });
    return {
      send: (bytes) => {
        if (!this.send(bytes, local, address)) handler.onError('ECONNREFUSED');
      },
      close: () => this.#receivers.delete(name),
    };
  }

  /** False when nobody receives there. */
  send(bytes: Buffer, from: Address, to: Address): boolean {
    const receive = this.#receivers.get(formatAddress(to));
    receive?.(bytes, from);
    return receive !== undefined;
  }
}
