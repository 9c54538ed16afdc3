import { Socket, type SocketConstructorOpts } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Timer } from '@sofamesh/base/clock';
import type { ClientTls, CloseCause, DialOptions, PeerCheck, TlsSession } from '@sofamesh/contract/transport';
import { ClientContext } from './client-tls.ts';
import type { NodeConnection } from './connection.ts';
import type { ConnectionHost, Pending } from './connection-host.ts';
import type { KeyLogger } from './key-log.ts';
import { localAddress, socketPath } from './socket-address.ts';
import { codeOf } from './system-error.ts';

/** The way of one connection from `dial` to `onConnect`: connect, then the handshake, both within one time limit. */
export class Dial implements Pending {
  readonly #host: ConnectionHost;
  readonly #options: DialOptions;
  readonly #connection: NodeConnection;
  #carrier: Socket | undefined = undefined;
  #timer: Timer | undefined = undefined;
  #over = false;

  constructor(host: ConnectionHost, options: DialOptions, connection: NodeConnection) {
    this.#host = host;
    this.#options = options;
    this.#connection = connection;
  }

  start(): void {
    try {
      const where = socketPath(this.#options.address);
      const carrier = new Socket({ allowHalfOpen: true, noDelay: true, ...this.#reading() });
      this.#carrier = carrier;
      carrier.on('error', this.#onCarrierError);
      carrier.once('connect', () => this.#onConnected(carrier));
      carrier.connect(where);
    } catch (error) {
      this.#fail({ kind: 'connect-failed', reason: codeOf(error) });
      return;
    }
    this.#timer = this.#host.clock.after(this.#options.connectTimeoutMs, () => {
      this.#fail({ kind: 'connect-timeout', reason: `not connected after ${this.#options.connectTimeoutMs} ms` });
    });
  }

  abort(): void {
    this.#fail({ kind: 'closed', reason: 'closed by this side' });
  }

  #reading(): SocketConstructorOpts {
    if (this.#options.tls !== undefined) return {};
    const { reads } = this.#host;
    const callback = (bytes: number) => {
      this.#connection.receive(reads.take(bytes));
      return true;
    };
    return { onread: { buffer: reads.buffer, callback } };
  }

  // Named, and taken off when the connection has its own.
  readonly #onCarrierError = (error: Error): void => {
    this.#fail({ kind: 'connect-failed', reason: codeOf(error) });
  };

  #onConnected(carrier: Socket): void {
    if (this.#over) return;
    const { tls, preamble } = this.#options;
    if (preamble !== undefined) carrier.write(preamble);
    if (tls === undefined) {
      this.#succeed(carrier, carrier);
      return;
    }
    this.#shakeHands(carrier, tls);
  }

  #shakeHands(carrier: Socket, tls: ClientTls): void {
    const failed = (reason: string, check?: PeerCheck) => {
      this.#fail({ kind: 'tls-failed', reason, ...(check !== undefined && { check }) });
    };
    try {
      const context = ClientContext.of(tls);
      const handshake = context.shakeHands(carrier);
      const { socket } = handshake;
      const { keyLogger } = context;
      if (keyLogger !== undefined) socket.on('keylog', (line) => this.#logKeys(keyLogger, carrier, line));
      socket.on('error', (error) => failed(codeOf(error)));
      socket.once('close', () => failed('the peer closed during the handshake'));
      socket.once('secureConnect', () => {
        if (this.#over) return;
        const outcome = handshake.judge();
        if ('reason' in outcome) failed(outcome.reason, outcome.check);
        else this.#secured(socket, carrier, outcome);
      });
    } catch (error) {
      failed(codeOf(error));
    }
  }

  #logKeys(keyLogger: KeyLogger, carrier: Socket, line: Buffer): void {
    const { local, remote } = this.#connection;
    keyLogger.log(line, localAddress(carrier, local), remote);
  }

  #secured(socket: TLSSocket, carrier: Socket, session: TlsSession): void {
    this.#connection.tls = session;
    this.#succeed(socket, carrier);
  }

  #succeed(socket: Socket, carrier: Socket): void {
    this.#over = true;
    this.#timer?.cancel();
    const connection = this.#connection;
    connection.local = localAddress(carrier, connection.local);
    connection.adopt(socket, carrier, socket === carrier);
    connection.connected();
  }

  #fail(cause: CloseCause): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#carrier?.destroy();
    setImmediate(() => this.#connection.finish(cause));
  }
}
