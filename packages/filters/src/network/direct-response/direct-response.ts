import type { NetworkFilter, TerminalNetworkFilterKind } from '@sofamesh/contract/network-filter';
import type { Connection } from '@sofamesh/contract/transport';
import { Deaf } from '../../shared/refused-connections.ts';

export interface DirectResponseConfig {
  /** Sent before the connection ends; may be empty. */
  readonly response: Uint8Array;
}

/** Every client is told the same, whatever it sends, and its connection ends. */
class DirectResponse implements NetworkFilter {
  readonly #response: Uint8Array;
  readonly #connections = new Set<Connection>();

  constructor({ response }: DirectResponseConfig) {
    this.#response = response;
  }

  get activeConnections(): number {
    return this.#connections.size;
  }

  accept(connection: Connection, done: () => void): void {
    this.#connections.add(connection);
    connection.setHandler(
      new Deaf(() => {
        this.#connections.delete(connection);
        done();
      }),
    );
    // A copy for each: what is written belongs to the transport.
    if (this.#response.length > 0) connection.write(Buffer.from(this.#response));
    connection.close('flush');
  }

  /** They end by themselves. */
  drain(): void {}

  close(): void {
    for (const connection of this.#connections) connection.close('now');
  }
}

export const kind: TerminalNetworkFilterKind<DirectResponseConfig> = {
  name: 'envoy.filters.network.direct_response',
  terminal: true,
  create: (config) => new DirectResponse(config),
};
