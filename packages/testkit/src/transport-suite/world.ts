import type { Address } from '@sofamesh/base/address';
import type { ClientTls, ServerTls, Transport } from '@sofamesh/contract/transport';

/**
 * Where a transport is judged: real sockets, or a simulated network that moves when it is told to. Made anew for every
 * test. Its transports must give up on `close('flush')` within a second or so, so that tests are quick.
 */
export interface TransportWorld {
  /** The two ends of every connection; may be the same. */
  readonly listening: Transport;
  readonly dialling: Transport;
  readonly tls: { readonly server: ServerTls; readonly client: ClientTls } | undefined;
  /** False where a peer cannot tell a reset from an end (Unix sockets). */
  readonly resets: boolean;
  /** Somewhere to listen, another one with each call; port 0 is welcome. */
  freshAddress(): Address;
  /** Somewhere that refuses connections. */
  refusingAddress(): Promise<Address>;
  /** Somewhere that answers nothing at all; undefined where this world has no such place. */
  silentAddress(): Promise<Address | undefined>;
  /** Lets one turn of the event loop pass. */
  turn(): Promise<void>;
  /** Goes on until `condition` holds; rejects, naming `what`, when that takes too long. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** Goes on until everything that is on its way should have arrived. */
  settle(): Promise<void>;
  close(): Promise<void>;
}
