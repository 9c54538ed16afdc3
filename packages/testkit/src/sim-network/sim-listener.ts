import type { Address } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';
import { type Connection, defaultWatermarks, type Listener, type ListenOptions } from '@sofamesh/contract/transport';
import type { Lane, Segment } from './lane.ts';
import { SimConnection, type SimConnectionHost } from './sim-connection.ts';
import { answerHello } from './sim-tls.ts';

const handshakeTimeoutMsDefault = 10_000;

/** Both lanes of a connection that was dialled, and the addresses as its listener sees them. */
export interface SimCall {
  readonly up: Lane;
  readonly down: Lane;
  readonly local: Address;
  readonly remote: Address;
}

/** A listener of one simulated machine. */
export class SimListener implements Listener {
  readonly address: Address;
  readonly options: ListenOptions;
  readonly #host: SimConnectionHost;
  readonly #onConnection: (connection: Connection) => void;
  readonly #remove: () => void;
  #connections = 0;

  constructor(
    host: SimConnectionHost,
    address: Address,
    options: ListenOptions,
    onConnection: (connection: Connection) => void,
    remove: () => void,
  ) {
    this.#host = host;
    this.address = address;
    this.options = options;
    this.#onConnection = onConnection;
    this.#remove = remove;
  }

  async close(): Promise<void> {
    this.#remove();
  }

  /** Somebody dialled this listener. */
  accept(call: SimCall): void {
    call.down.send({ kind: 'accepted' });
    if (this.#connections >= (this.options.connectionsMax ?? Number.POSITIVE_INFINITY)) {
      call.down.send({ kind: 'end' });
      call.up.receiver = resetBytes(call);
      this.options.onRefused?.();
      return;
    }
    this.#connections++;
    if (this.options.tls === undefined) this.#introduce(this.#connectionOn(call));
    else new Handshake(this.#host, this.options, call, (connection) => this.#introduce(connection), this.#onGone);
  }

  #connectionOn(call: SimCall): SimConnection {
    return connectionOn(this.#host, this.options, call, this.#onGone);
  }

  #introduce(connection: SimConnection): void {
    try {
      this.#onConnection(connection);
      if (!connection.hasHandler) throw new CodedError('EINVAL', 'nobody handles the accepted connection');
    } catch (error) {
      this.#host.handlerFailed(error);
      connection.close('reset');
    }
  }

  readonly #onGone = (): void => {
    this.#connections--;
  };
}

function connectionOn(
  host: SimConnectionHost,
  options: ListenOptions,
  call: SimCall,
  onGone: () => void,
): SimConnection {
  const watermarks = options.watermarks ?? defaultWatermarks;
  const connection = new SimConnection(host, call.down, watermarks, undefined, call);
  call.up.receiver = (segment) => connection.receive(segment);
  connection.opened(false, onGone);
  return connection;
}

/** What a machine answers for a connection that it does not have. */
export function resetBytes({ down }: SimCall): (segment: Segment) => void {
  return ({ kind }) => {
    if (kind === 'bytes' || kind === 'hello') down.send({ kind: 'reset', reason: 'ECONNRESET' });
  };
}

/** The listener's side of a TLS handshake: becomes a connection or is told as a failure, once. */
class Handshake {
  constructor(
    host: SimConnectionHost,
    options: ListenOptions,
    call: SimCall,
    onDone: (connection: SimConnection) => void,
    onGone: () => void,
  ) {
    const tls = options.tls!;
    let session: SimConnection['tls'];
    const fail = (reason: string) => {
      timer.cancel();
      call.up.receiver = resetBytes(call);
      call.down.send({ kind: 'reset', reason });
      onGone();
      options.onTlsFailure?.(reason);
    };
    const timer = host.clock.after(tls.handshakeTimeoutMs ?? handshakeTimeoutMsDefault, () => {
      fail('ERR_TLS_HANDSHAKE_TIMEOUT');
    });
    call.up.receiver = (segment) => {
      if (segment.kind === 'hello') {
        const answer = answerHello(tls, segment.tls);
        if (answer.refusal !== undefined) {
          fail(answer.refusal);
          return;
        }
        session = answer.server;
        call.down.send({ kind: 'welcome', session: answer.client, chainPem: answer.chainPem });
      } else if (segment.kind === 'finished') {
        timer.cancel();
        const connection = connectionOn(host, options, call, onGone);
        connection.tls = session;
        onDone(connection);
      } else if (segment.kind === 'bytes') {
        fail('ERR_SSL_WRONG_VERSION_NUMBER');
      } else if (segment.kind === 'end' || segment.kind === 'reset') {
        fail('ECONNRESET');
      }
    };
  }
}
