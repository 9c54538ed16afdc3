import { createHash } from 'node:crypto';
import { formatAddress } from '@sofamesh/base/address';
import type { Gauge, Stats } from '@sofamesh/contract/stats';
import type { CertificatePair } from '@sofamesh/contract/transport';
import type { ClusterConfig } from '@sofamesh/proxy/config/cluster';
import type { ListenerConfig } from '@sofamesh/proxy/config/listener';

const dayMs = 24 * 3600 * 1000;
/** Envoy's word for "never". */
const noDays = 2 ** 32 - 1;

interface CurrentConfig {
  readonly clusters: ReadonlyMap<string, ClusterConfig>;
  readonly listeners: ReadonlyMap<string, ListenerConfig>;
}

/**
 * When certificates expire, under Envoy's names. Kept by the main thread and set when somebody looks: gauges of workers are
 * added up, and a date is no sum.
 */
export class CertificateStats {
  readonly #stats: Stats;
  readonly #config: () => CurrentConfig;
  readonly #wallMs: () => number;
  readonly #days: Gauge;
  readonly #gauges = new Map<string, Gauge>();

  constructor(stats: Stats, config: () => CurrentConfig, wallMs: () => number) {
    this.#stats = stats;
    this.#config = config;
    this.#wallMs = wallMs;
    this.#days = stats.gauge('server.days_until_first_cert_expiring');
  }

  refresh(): void {
    const expiries = new Map<string, number>();
    for (const [scope, pair] of this.#inUse()) {
      if (pair.expiresMs !== undefined) expiries.set(`${scope}ssl.certificate.${nameOf(pair)}`, pair.expiresMs);
    }
    for (const [name, expiresMs] of expiries) this.#gauge(name).set(Math.floor(expiresMs / 1000));
    for (const [name, gauge] of this.#gauges) if (!expiries.has(name)) gauge.set(0);
    const firstMs = Math.min(...expiries.values());
    const days = Math.floor((firstMs - this.#wallMs()) / dayMs);
    this.#days.set(expiries.size === 0 ? noDays : Math.max(0, days));
  }

  *#inUse(): Generator<readonly [scope: string, pair: CertificatePair]> {
    const { clusters, listeners } = this.#config();
    for (const { statPrefix, address, filterChains, defaultFilterChain } of listeners.values()) {
      const scope = `listener.${(statPrefix || formatAddress(address)).replaceAll(':', '_')}.`;
      for (const chain of [...filterChains, defaultFilterChain]) {
        for (const pair of chain?.tls?.certificates ?? []) yield [scope, pair];
      }
    }
    for (const { statName, tls } of clusters.values()) {
      if (tls?.certificate !== undefined) yield [`cluster.${statName}.`, tls.certificate];
    }
  }

  #gauge(name: string): Gauge {
    let gauge = this.#gauges.get(name);
    if (gauge === undefined) {
      gauge = this.#stats.gauge(`${name}.expiration_unix_time_seconds`);
      this.#gauges.set(name, gauge);
    }
    return gauge;
  }
}

/** Of the secret; one that was written out is told by its content. */
function nameOf({ name, chainPem }: CertificatePair): string {
  return (name ?? `unnamed_cert_${createHash('sha256').update(chainPem).digest('hex').slice(0, 8)}`).replaceAll(
    ':',
    '_',
  );
}
