import { helloBytesMax, readClientHello } from '@sofamesh/base/client-hello';
import type { Counter, Histogram, Stats } from '@sofamesh/contract/stats';
import type { Findings, ListenerFilter, Look } from './listener-filter.ts';

/** `envoy.filters.listener.tls_inspector`: finds a ClientHello and its server name and application protocols. */
export class TlsInspector implements ListenerFilter {
  /** Heads of the records included. */
  readonly bytesMax = helloBytesMax + 1024;
  readonly #found: Counter;
  readonly #notFound: Counter;
  readonly #sniFound: Counter;
  readonly #sniNotFound: Counter;
  readonly #alpnFound: Counter;
  readonly #alpnNotFound: Counter;
  readonly #tooLarge: Counter;
  readonly #bytesProcessed: Histogram;

  constructor(stats: Stats) {
    const counter = (name: string) => stats.counter(`tls_inspector.${name}`);
    this.#found = counter('tls_found');
    this.#notFound = counter('tls_not_found');
    this.#sniFound = counter('sni_found');
    this.#sniNotFound = counter('sni_not_found');
    this.#alpnFound = counter('alpn_found');
    this.#alpnNotFound = counter('alpn_not_found');
    this.#tooLarge = counter('client_hello_too_large');
    this.#bytesProcessed = stats.histogram('tls_inspector.bytes_processed');
  }

  look(received: Buffer, findings: Findings): Look {
    if (received.length === 0) return 'more';
    const hello = readClientHello(received);
    if (hello === 'more') return 'more';
    if (hello === 'too-large') return this.overlong();
    this.#bytesProcessed.record(received.length);
    if (hello === 'no') {
      this.#notFound.increment();
      return 0;
    }
    this.#found.increment();
    (hello.serverName === '' ? this.#sniNotFound : this.#sniFound).increment();
    (hello.alpn.length === 0 ? this.#alpnNotFound : this.#alpnFound).increment();
    findings.transportProtocol = 'tls';
    findings.serverName = hello.serverName;
    findings.applicationProtocols = hello.alpn;
    return 0;
  }

  overlong(): Look {
    this.#tooLarge.increment();
    return 'refuse';
  }
}
