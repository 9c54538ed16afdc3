import type { Connection } from '@sofamesh/contract/transport';

/** The terminal network filter of a filter chain, with all connections that it was given. */
export interface NetworkFilter {
  /** Takes over a connection that a listener accepted. `done` is called once, when the connection is gone. */
  accept(connection: Connection, done: () => void): void;
  /** Asks for no new requests: goAway on every connection that can be told; `done` follows each. */
  drain(): void;
  /** Closes every connection. */
  close(): void;
  readonly activeConnections: number;
}
