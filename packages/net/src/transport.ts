import { createServer } from 'node:net';
import { type Address, formatAddress } from '@sofamesh/base/address';
import { type Clock, systemClock } from '@sofamesh/base/clock';
import { type Logger, silentLogger } from '@sofamesh/base/logger';
import {
  type Connection,
  type ConnectionHandler,
  type DialOptions,
  defaultWatermarks,
  type Listener,
  type ListenOptions,
  type Transport,
} from '@sofamesh/contract/transport';
import { bind } from './bind.ts';
import { NodeConnection } from './connection.ts';
import { acceptedDescriptorsMax } from './descriptor.ts';
import { Dial } from './dial.ts';
import { FlushTurn } from './flush-turn.ts';
import { type ListenerHost, NodeListener } from './listener.ts';
import { ReadBuffer } from './read-buffer.ts';
import { unspecified } from './socket-address.ts';
import { failureOf } from './system-error.ts';
import { BatchBuffers } from './write-queue.ts';

export interface NodeTransportOptions {
  readonly clock?: Clock;
  /** Told of handlers that throw and of connections that could not be accepted. */
  readonly logger?: Logger;
  /** How long a peer may take to end its side after `close('flush')`. Default 1 s, that of Envoy's `delayed_close_timeout`. */
  readonly closeGraceMs?: number;
  /** How long a peer may take nothing of what `close('flush')` still has to send. Default 5 s. */
  readonly closeStallMs?: number;
  /** Accepted connections with this file descriptor or a higher one are refused. Default: a little below the limit. */
  readonly descriptorsMax?: number;
  /** Use Node's private interface for TLS where it is what it is known to be: faster. Default true. */
  readonly bypassTlsStreams?: boolean;
  /** Called from time to time under load: frees what died young, see {@link ReadBuffer}. Default: V8 is left to itself. */
  readonly collectYoung?: () => void;
}

/** The machine's own network. One per thread: its connections share buffers and are flushed together. */
export class NodeTransport implements Transport {
  readonly #host: ListenerHost;

  constructor(options: NodeTransportOptions = {}) {
    const logger = options.logger ?? silentLogger;
    this.#host = {
      clock: options.clock ?? systemClock,
      flushTurn: new FlushTurn(),
      batches: new BatchBuffers(),
      reads: new ReadBuffer(options.collectYoung),
      bypassesTlsStreams: options.bypassTlsStreams ?? true,
      closeGraceMs: options.closeGraceMs ?? 1000,
      closeStallMs: options.closeStallMs ?? 5000,
      descriptorsMax: options.descriptorsMax ?? acceptedDescriptorsMax(),
      handlerFailed(error, connection) {
        const detail = error instanceof Error ? error.stack : String(error);
        logger.error('the handler of a connection failed', { peer: formatAddress(connection.remote), error: detail });
      },
      acceptFailed(error, address) {
        logger.warn('a connection could not be accepted', { listener: formatAddress(address), error: error.message });
      },
    };
  }

  async listen(options: ListenOptions, onConnection: (connection: Connection) => void): Promise<Listener> {
    try {
      const listener = new NodeListener(this.#host, options, onConnection);
      await listener.open();
      return listener;
    } catch (error) {
      throw failureOf(`listen on ${formatAddress(options.address)}`, error);
    }
  }

  /**
   * Resolves when `address` is free for this process alone, else rejects as {@link listen}. Before several workers listen
   * with `reusePort`: with it, two proxies on one address would silently share its connections.
   */
  async probe(address: Address): Promise<void> {
    const server = createServer();
    try {
      await bind(server, address, {});
    } catch (error) {
      throw failureOf(`listen on ${formatAddress(address)}`, error);
    }
    await new Promise((resolve) => server.close(resolve));
  }

  dial(options: DialOptions, handler: ConnectionHandler): Connection {
    const { address, watermarks = defaultWatermarks } = options;
    const connection = new NodeConnection(this.#host, watermarks, handler, unspecified(address), address);
    const dial = new Dial(this.#host, options, connection);
    connection.awaitDial(dial);
    dial.start();
    return connection;
  }
}
