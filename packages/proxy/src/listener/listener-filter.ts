import type { Address } from '@sofamesh/base/address';
import type { Connection, ProxyHeader } from '@sofamesh/contract/transport';
import type { PortPredicate } from '../config/listener.ts';
import type { Inspected } from './chain-match.ts';

/** What the listener filters of one connection have found so far; each fills in its part. */
export class Findings implements Inspected {
  transportProtocol: 'raw_buffer' | 'tls' = 'raw_buffer';
  serverName = '';
  applicationProtocols: readonly string[] = [];
  local: Address;
  remote: Address;
  /** `local` is not the address that the connection arrived at but the one that the client asked for. */
  localRestored = false;
  proxyHeader: ProxyHeader | undefined = undefined;

  constructor({ local, remote }: Pick<Connection, 'local' | 'remote'>) {
    this.local = local;
    this.remote = remote;
  }
}

/**
 * The answer of a listener filter: it is done and has taken that many of the bytes for itself (the next one sees the
 * rest), it needs more of them, or the connection must be closed.
 */
export type Look = number | 'more' | 'refuse';

/**
 * Looks at a connection before a filter chain is chosen. One object serves all connections of a listener: what it needs
 * to remember of one is in the bytes, which it sees again from the start whenever there are more.
 */
export interface ListenerFilter {
  /** `more` is no answer once so many bytes are there; {@link overlong} is asked then. */
  readonly bytesMax: number;
  /** `seen`: so many of the bytes were there when `more` was the answer. */
  look(received: Buffer, findings: Findings, connection: Connection, seen: number): Look;
  overlong(findings: Findings): Look;
}

/** A filter and the connections that it leaves alone. */
export interface PlannedFilter {
  readonly filter: ListenerFilter;
  readonly disabled: PortPredicate | undefined;
}

/** Whether the predicate holds for a destination port; a Unix socket has port 0. */
export function portMatches(predicate: PortPredicate, port: number): boolean {
  switch (predicate.kind) {
    case 'any':
      return true;
    case 'range':
      return port >= predicate.from && port < predicate.to;
    case 'not':
      return !portMatches(predicate.rule, port);
    case 'and':
      return predicate.rules.every((rule) => portMatches(rule, port));
    case 'or':
      return predicate.rules.some((rule) => portMatches(rule, port));
  }
}
