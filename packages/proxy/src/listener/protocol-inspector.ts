import { CodedError } from '@sofamesh/base/errors';
import type { Protocol } from '@sofamesh/contract/protocol';
import type { Counter, Stats } from '@sofamesh/contract/stats';
import { detectProtocol } from '../stream/detect-protocol.ts';
import type { Findings, ListenerFilter, Look } from './listener-filter.ts';

/** Versions of HTTP as Envoy's HTTP inspector calls them. */
const applicationProtocols = { 1: 'http/1.1', 2: 'h2c' } as const;

/** `mosn.filters.listener.protocol_inspector`: finds any protocol that there is a codec for by its first bytes. */
export class ProtocolInspector implements ListenerFilter {
  /** More than any protocol needs to know its own. */
  readonly bytesMax = 1024;
  readonly #protocols: readonly Protocol[];
  readonly #found: ReadonlyMap<Protocol, Counter>;
  readonly #notFound: Counter;

  /** Throws a CodedError for a name that no protocol has. `names` empty: all, by name. */
  constructor(names: readonly string[], protocols: ReadonlyMap<string, Protocol>, stats: Stats) {
    const wanted =
      names.length > 0
        ? names
        : [...protocols.values()]
            .filter((each) => !each.carrier)
            .map(({ name }) => name)
            .sort();
    this.#protocols = wanted.map((name) => {
      const protocol = protocols.get(name);
      if (protocol === undefined) throw new CodedError('unknown_protocol', `protocols: ${name}: no such protocol`);
      return protocol;
    });
    this.#found = new Map(
      this.#protocols.map((protocol) => [protocol, stats.counter(`protocol_inspector.${protocol.name}_found`)]),
    );
    this.#notFound = stats.counter('protocol_inspector.not_found');
  }

  look(received: Buffer, findings: Findings): Look {
    // What is inside TLS cannot be seen here.
    if (findings.transportProtocol === 'tls') return 0;
    if (received.length === 0) return 'more';
    const found = detectProtocol(this.#protocols, received, this.bytesMax);
    if (found === 'more') return 'more';
    if (found === 'none') return this.overlong();
    this.#found.get(found)!.increment();
    findings.applicationProtocols = [
      found.httpVersion === undefined ? found.name : applicationProtocols[found.httpVersion],
    ];
    return 0;
  }

  overlong(): Look {
    this.#notFound.increment();
    return 0;
  }
}
