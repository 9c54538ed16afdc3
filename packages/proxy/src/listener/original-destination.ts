import { formatAddress } from '@sofamesh/base/address';
import type { Connection } from '@sofamesh/contract/transport';
import type { ListenerConfig } from '../config/listener.ts';
import type { Findings, ListenerFilter, Look } from './listener-filter.ts';

/**
 * `envoy.filters.listener.original_dst`: the connection's local address becomes the one that the client asked for before
 * the system redirected it. A socket that is transparent (TPROXY) has that address already.
 */
export class OriginalDestination implements ListenerFilter {
  readonly bytesMax = 0;
  /** Of a transparent socket: what goes to one of these was not diverted, and would only come back to this listener. */
  readonly #ownPorts: readonly number[] | undefined;

  constructor({ transparent, address, additionalAddresses }: ListenerConfig) {
    const ports = [address, ...additionalAddresses].flatMap((each) => (each.kind === 'ip' ? [each.port] : []));
    this.#ownPorts = transparent ? ports : undefined;
  }

  look(_received: Buffer, findings: Findings, connection: Connection): Look {
    const { local } = findings;
    if (this.#ownPorts !== undefined) {
      if (local.kind === 'ip') findings.localRestored = !this.#ownPorts.includes(local.port);
      return 0;
    }
    const asked = connection.originalDestination?.();
    if (asked !== undefined && formatAddress(asked) !== formatAddress(local)) {
      findings.local = asked;
      findings.localRestored = true;
    }
    return 0;
  }

  overlong(): Look {
    return 0;
  }
}
