import type { Address } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';
import { type Connection, defaultWatermarks, type Listener, type ListenOptions } from '@sofamesh/contract/transport';
import type { Lane } from './lane.ts';
import { SimConnection, type SimConnectionHost } from './sim-connection.ts';

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
    const watermarks = this.options.watermarks ?? defaultWatermarks;
    const connection = new SimConnection(this.#host, call.down, watermarks, undefined, call);
    call.up.receiver = (segment) => connection.receive(segment);
    connection.opened(false);
    this.#introduce(connection);
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
}
