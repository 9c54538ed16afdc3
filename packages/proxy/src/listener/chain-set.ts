import { isDeepStrictEqual } from 'node:util';
import type { NetworkFilter } from '@sofamesh/contract/network-filter';
import type { Connection, ServerTls } from '@sofamesh/contract/transport';
import type { FilterChainConfig, ListenerConfig } from '../config/listener.ts';
import type { ProxyContext } from '../stream/stream-proxy.ts';
import { ChainMatcher, type Inspected } from './chain-match.ts';
import type { InspectionPlan } from './connection-inspector.ts';
import { planInspection } from './listener-filters.ts';
import { createNetwork, isSameNetwork, readsServerName } from './network-chain.ts';

/** A filter chain, compiled. */
export interface FilterChainEntry {
  readonly config: FilterChainConfig;
  /** The same object for all chains and versions with the same TLS: what was compiled for it is kept. */
  readonly tls: ServerTls | undefined;
  readonly network: NetworkFilter;
  /** The network filters say when TLS begins; else it is done before they get the connection. */
  readonly tlsInside: boolean;
}

/** The filter chains of a listener in one version of its configuration. A chain that did not change is kept as it is. */
export class ChainSet {
  readonly config: ListenerConfig;
  /** Undefined: a chain can be chosen without a look at the first bytes. */
  readonly inspection: InspectionPlan | undefined;
  readonly chains: readonly FilterChainEntry[];
  readonly #matcher: ChainMatcher;
  readonly #fallback: FilterChainEntry | undefined;
  /** The only chain, when it takes everything. */
  readonly #only: FilterChainEntry | undefined;

  /** Throws a CodedError that names the field. */
  constructor(config: ListenerConfig, context: ProxyContext, before: ChainSet | undefined) {
    this.config = config;
    const { filterChains, defaultFilterChain } = config;
    const all = defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
    this.#matcher = new ChainMatcher(filterChains.map((chain) => chain.match));
    const known = new KnownTls(before);
    const reusable = before?.config.bufferBytesMax === config.bufferBytesMax ? before : undefined;
    this.chains = all.map((chain, at) => {
      const kept = reusable?.chains.find((entry) => isSameNetwork(entry.config, chain));
      const tls = known.get(chain.tls);
      if (kept !== undefined) return { ...kept, config: chain, tls };
      const where = at < filterChains.length ? `filter_chains[${at}]` : 'default_filter_chain';
      return { config: chain, tls, ...createNetwork(chain, config.bufferBytesMax, context, where) };
    });
    this.#fallback = defaultFilterChain === undefined ? undefined : this.chains[this.chains.length - 1];
    const { stats, protocols, networkFilters } = context.environment;
    this.inspection = planInspection(config, stats, protocols, readsServerName(all, networkFilters));
    const [first] = filterChains;
    const takesAll = filterChains.length === 1 && first !== undefined && matchesEverything(first);
    this.#only = takesAll || filterChains.length === 0 ? this.chains[0] : undefined;
  }

  /** The chain for a connection; undefined when none takes it. */
  choose(connection: Connection, inspected: Inspected): FilterChainEntry | undefined {
    if (this.#only !== undefined) return this.#only;
    const index = this.#matcher.match(connection, inspected);
    return index < 0 ? this.#fallback : this.chains[index];
  }

  /** Chains that `other` does not go on with. */
  notIn(other: ChainSet | undefined): readonly FilterChainEntry[] {
    return this.chains.filter(({ network }) => !other?.chains.some((entry) => entry.network === network));
  }
}

/** TLS of one listener, in the objects that came first. */
class KnownTls {
  readonly #known: ServerTls[];

  constructor(before: ChainSet | undefined) {
    this.#known = [...new Set(before?.chains.flatMap(({ tls }) => (tls === undefined ? [] : [tls])))];
  }

  get(tls: ServerTls | undefined): ServerTls | undefined {
    if (tls === undefined) return undefined;
    const found = this.#known.find((each) => isDeepStrictEqual(each, tls));
    if (found === undefined) this.#known.push(tls);
    return found ?? tls;
  }
}

function matchesEverything({ match }: FilterChainConfig): boolean {
  return (
    match.destinationPort === undefined &&
    match.transportProtocol === undefined &&
    match.destinationPrefixes.length === 0 &&
    match.serverNames.length === 0 &&
    match.applicationProtocols.length === 0 &&
    match.directSourcePrefixes.length === 0 &&
    match.sourceType === 'any' &&
    match.sourcePrefixes.length === 0 &&
    match.sourcePorts.length === 0
  );
}
