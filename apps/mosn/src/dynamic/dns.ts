import { formatAddress, ipAddress } from '@sofamesh/base/address';
import type { Clock, Timer } from '@sofamesh/base/clock';
import { CodedError, messageOf } from '@sofamesh/base/errors';
import type { Logger } from '@sofamesh/base/logger';
import type { Stats } from '@sofamesh/contract/stats';
import type {
  ClusterConfig,
  ClusterDiscovery,
  DnsEndpointConfig,
  EndpointConfig,
  EndpointsConfig,
} from '@sofamesh/proxy/config/cluster';
import { isIpLiteral } from '../config/fields.ts';

/** Literal addresses of a host, in the order of preference. Rejects when the name cannot be resolved. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export interface DnsOptions {
  readonly resolve: Resolve;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly stats: Stats;
}

/** A resolver that says nothing for so long has failed. */
const resolveTimeoutMs = 10_000;

/**
 * Hosts of a STRICT_DNS cluster (every address is a host) or a LOGICAL_DNS cluster (the first one is). Resolved again and
 * again; a name that cannot be resolved keeps the addresses that it had.
 */
export class DnsDiscovery {
  readonly #cluster: ClusterConfig;
  readonly #discovery: ClusterDiscovery & { kind: 'dns' };
  readonly #options: DnsOptions;
  readonly #onEndpoints: (endpoints: EndpointsConfig) => void;
  readonly #lastGood = new Map<string, readonly string[]>();
  #lastVersion: string | undefined;
  #logicalHost: string | undefined;
  #timer: Timer | undefined;
  #stopped = false;

  /** `onEndpoints` is called after the first round, however it ended, and then when something changed. */
  constructor(
    cluster: ClusterConfig,
    discovery: ClusterDiscovery & { kind: 'dns' },
    options: DnsOptions,
    onEndpoints: (endpoints: EndpointsConfig) => void,
  ) {
    this.#cluster = cluster;
    this.#discovery = discovery;
    this.#options = options;
    this.#onEndpoints = onEndpoints;
    void this.#round();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #round(): Promise<void> {
    const found = await Promise.all(this.#discovery.endpoints.map((endpoint) => this.#hostsOf(endpoint)));
    if (this.#stopped) return;
    const hosts = this.#discovery.strict ? found.flat() : this.#oneOf(found.flat());
    const version = `dns ${JSON.stringify(hosts.map(({ address, weight }) => `${formatAddress(address)} ${weight}`).sort())}`;
    if (version !== this.#lastVersion) {
      this.#lastVersion = version;
      this.#onEndpoints({
        name: this.#cluster.name,
        version,
        groups: [{ locality: '', priority: 0, weight: 0, hosts }],
      });
    }
    this.#timer = this.#options.clock.after(this.#discovery.refreshMs, () => void this.#round());
  }

  /** The host of a LOGICAL_DNS cluster: the one it has while the name still stands for it, else the first. */
  #oneOf(hosts: readonly EndpointConfig[]): EndpointConfig[] {
    const current = hosts.find(({ address }) => formatAddress(address) === this.#logicalHost) ?? hosts[0];
    this.#logicalHost = current && formatAddress(current.address);
    return current === undefined ? [] : [current];
  }

  async #hostsOf({ host, port, weight }: DnsEndpointConfig): Promise<EndpointConfig[]> {
    const addresses = isIpLiteral(host) ? [host] : await this.#resolve(host);
    return addresses.map((address) => ({ address: ipAddress(address, port), weight, healthy: true, hostname: host }));
  }

  async #resolve(host: string): Promise<readonly string[]> {
    const { stats, logger, resolve } = this.#options;
    const prefix = `cluster.${this.#cluster.statName}`;
    stats.counter(`${prefix}.update_attempt`).increment();
    try {
      const addresses = (await this.#withTimeout(resolve(host))).filter(isIpLiteral);
      this.#lastGood.set(host, addresses);
      stats.counter(`${prefix}.update_success`).increment();
      return addresses;
    } catch (thrown) {
      stats.counter(`${prefix}.update_failure`).increment();
      logger.warn('a name cannot be resolved', { cluster: this.#cluster.name, host, error: messageOf(thrown) });
      return this.#lastGood.get(host) ?? [];
    }
  }

  #withTimeout<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const late = () => reject(new CodedError('dns_timeout', `no answer within ${resolveTimeoutMs} ms`));
      const timer = this.#options.clock.after(resolveTimeoutMs, late);
      answer.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}
