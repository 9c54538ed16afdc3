import type { Counter, Stats } from '@sofamesh/contract/stats';
import type { ProxyHeader } from '@sofamesh/contract/transport';
import type { ProxyProtocolFilterConfig } from '../config/listener.ts';
import { headerBytesMax, type ReadProxyHeader, readProxyHeader } from '../proxy-protocol/read-header.ts';
import type { Findings, ListenerFilter, Look } from './listener-filter.ts';

class VersionStats {
  readonly found: Counter;
  readonly disallowed: Counter;
  readonly error: Counter;

  constructor(stats: Stats, prefix: string) {
    this.found = stats.counter(`${prefix}found`);
    this.disallowed = stats.counter(`${prefix}disallowed`);
    this.error = stats.counter(`${prefix}error`);
  }
}

/** `envoy.filters.listener.proxy_protocol`: takes the connection's addresses from a header that a proxy put before it. */
export class ProxyProtocol implements ListenerFilter {
  readonly bytesMax = headerBytesMax;
  readonly #config: ProxyProtocolFilterConfig;
  readonly #notFoundAllowed: Counter;
  readonly #notFoundDisallowed: Counter;
  readonly #errors: Counter;
  readonly #versions: Readonly<Record<1 | 2, VersionStats>>;
  /** Versions whose signature is looked for: none but the allowed ones where the header may be absent. */
  readonly #sought: readonly (1 | 2)[];

  constructor(config: ProxyProtocolFilterConfig, stats: Stats) {
    const prefix = config.statPrefix === '' ? 'proxy_proto.' : `proxy_proto.${config.statPrefix}.`;
    this.#config = config;
    this.#notFoundAllowed = stats.counter(`${prefix}not_found_allowed`);
    this.#notFoundDisallowed = stats.counter(`${prefix}not_found_disallowed`);
    this.#errors = stats.counter('downstream_cx_proxy_proto_error');
    this.#versions = {
      1: new VersionStats(stats, `${prefix}versions.v1.`),
      2: new VersionStats(stats, `${prefix}versions.v2.`),
    };
    this.#sought = config.allowWithout ? config.versions : [1, 2];
  }

  look(received: Buffer, findings: Findings): Look {
    const header = readProxyHeader(received, this.#sought);
    if (header === 'more') return 'more';
    if (header === 'none') return this.#withoutHeader();
    const stats = this.#versions[header.version];
    if (!this.#config.versions.includes(header.version)) {
      stats.disallowed.increment();
      return this.#refuse();
    }
    if (header.kind === 'malformed') {
      stats.error.increment();
      return this.#refuse();
    }
    stats.found.increment();
    const { addresses } = header;
    if (addresses !== undefined) {
      findings.remote = addresses.source;
      findings.local = addresses.destination;
      findings.localRestored = true;
      findings.proxyHeader = this.#keep(header);
    }
    return header.bytes;
  }

  #withoutHeader(): Look {
    if (this.#config.allowWithout) {
      this.#notFoundAllowed.increment();
      return 0;
    }
    this.#notFoundDisallowed.increment();
    return this.#refuse();
  }

  #refuse(): Look {
    this.#errors.increment();
    return 'refuse';
  }

  overlong(): Look {
    return this.#refuse();
  }

  #keep({ version, tlvs }: ReadProxyHeader): ProxyHeader {
    const { rules, passTlvs } = this.#config;
    const metadata: Record<string, Record<string, string>> = {};
    for (const { type, value } of tlvs) {
      const rule = rules.find(({ tlvType }) => tlvType === type);
      if (rule !== undefined) (metadata[rule.namespace] ??= {})[rule.key] = value.toString('utf8');
    }
    const passed = tlvs.filter(({ type }) => passTlvs === 'all' || passTlvs.includes(type));
    // Copies: the values are small parts of what may be a large chunk.
    return { version, metadata, tlvs: passed.map(({ type, value }) => ({ type, value: Buffer.from(value) })) };
  }
}
