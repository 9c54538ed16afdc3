import { createServer, type Server, type Socket } from 'node:net';
import type { Address } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';
import { type Connection, defaultWatermarks, type Listener, type ListenOptions } from '@sofamesh/contract/transport';
import { bind, boundAddress } from './bind.ts';
import { NodeConnection } from './connection.ts';
import type { ConnectionHost } from './connection-host.ts';
import { descriptorOf, readingInto } from './descriptor.ts';
import { libc } from './libc.ts';
import { localAddress, remoteAddress } from './socket-address.ts';

/** Connections that the system holds ready for us; it may allow fewer (`net.core.somaxconn`). */
const backlogDefault = 4096;

/** What a listener has from its transport. */
export interface ListenerHost extends ConnectionHost {
  /** An accepted connection with this descriptor or a higher one is refused. */
  readonly descriptorsMax: number;
  acceptFailed(error: Error, address: Address): void;
}

/** A listening socket on Node's `net`. */
export class NodeListener implements Listener {
  readonly #host: ListenerHost;
  readonly #options: ListenOptions;
  readonly #onConnection: (connection: Connection) => void;
  readonly #server: Server;
  #address: Address;

  constructor(host: ListenerHost, options: ListenOptions, onConnection: (connection: Connection) => void) {
    this.#host = host;
    this.#options = options;
    this.#onConnection = onConnection;
    this.#address = options.address;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    this.#server.on('connection', (socket) => this.#onAccepted(socket));
  }

  get address(): Address {
    return this.#address;
  }

  /** Rejects with the system's error. */
  async open(): Promise<void> {
    const { address, reusePort = false, backlog = backlogDefault, transparent = false } = this.#options;
    if (this.#options.asksOriginalDestination) libc();
    await bind(this.#server, address, { reusePort, backlog, transparent });
    this.#address = boundAddress(this.#server, address);
    this.#server.on('error', (error) => this.#host.acceptFailed(error, this.#address));
  }

  close(): Promise<void> {
    // Node's own callback waits for the connections, which go on; the socket itself is gone with the next turn.
    if (this.#server.listening) this.#server.close();
    return new Promise((resolve) => setImmediate(resolve));
  }

  #onAccepted(socket: Socket): void {
    const descriptor = descriptorOf(socket) ?? 0;
    if (descriptor >= this.#host.descriptorsMax) {
      socket.on('error', ignore).destroy();
      this.#options.onRefused?.();
      return;
    }
    this.#adopt(socket);
  }

  #adopt(accepted: Socket): void {
    const connection = this.#connectionOn(accepted);
    const { reads } = this.#host;
    const callback = (bytes: number) => {
      connection.receive(reads.take(bytes));
      return true;
    };
    const socket = readingInto(accepted, { buffer: reads.buffer, callback });
    if (socket !== undefined) {
      connection.adopt(socket, socket, true);
    } else {
      connection.adopt(accepted, accepted, false);
      accepted.resume();
    }
    this.#introduce(connection);
  }

  #connectionOn(socket: Socket): NodeConnection {
    const local = localAddress(socket, this.#address);
    const remote = remoteAddress(socket, { kind: 'pipe', path: '' });
    return new NodeConnection(this.#host, this.#options.watermarks ?? defaultWatermarks, undefined, local, remote);
  }

  #introduce(connection: NodeConnection): void {
    try {
      this.#onConnection(connection);
      if (!connection.hasHandler) throw new CodedError('EINVAL', 'nobody handles the accepted connection');
    } catch (error) {
      this.#host.handlerFailed(error, connection);
      connection.close('reset');
    }
  }
}

function ignore(): void {}
