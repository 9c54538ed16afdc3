import { isDeepStrictEqual } from 'node:util';
import { CodedError, messageOf } from '@sofamesh/base/errors';
import type { NetworkFilter, NetworkFilterEnvironment, NetworkFilterKind } from '@sofamesh/contract/network-filter';
import type { CatalogueFilterConfig, FilterChainConfig, NetworkConfig } from '../config/listener.ts';
import { type ProxyContext, StreamProxy } from '../stream/stream-proxy.ts';
import { TcpProxy } from '../tcp/tcp-proxy.ts';
import { MemoryNumbers, sharedMemory } from './shared-numbers.ts';
import { TlsStage } from './tls-stage.ts';

/** Whether two versions of a filter chain do the same with a connection. */
export function isSameNetwork(one: FilterChainConfig, other: FilterChainConfig): boolean {
  return isDeepStrictEqual(comparable(one), comparable(other));
}

/** Of memory that is shared the id alone: its content changes. */
function comparable({ earlyFilters, network, tls }: FilterChainConfig): unknown {
  const filters = [...earlyFilters, network].map((filter) =>
    filter.kind === 'catalogue' ? { ...filter, shared: filter.shared?.id } : filter,
  );
  // Where TLS begins is part of a chain that has filters before it; a new certificate is not.
  return { filters, tlsAmongThem: earlyFilters.length > 0 && tls !== undefined };
}

/** Whether some network filter asks for the server name that clients send. */
export function readsServerName(
  chains: readonly FilterChainConfig[],
  kinds: ReadonlyMap<string, NetworkFilterKind>,
): boolean {
  return chains.some(({ earlyFilters }) =>
    earlyFilters.some(({ name }) => {
      const kind = kinds.get(name);
      return kind?.terminal === false && kind.readsServerName === true;
    }),
  );
}

/** The network filters of a chain as one, the first before all others. */
export interface NetworkChain {
  readonly network: NetworkFilter;
  /** It says when TLS begins (see `UnsecuredState`); else it wants connections that have it. */
  readonly tlsInside: boolean;
}

/** Throws a CodedError that names the field. */
export function createNetwork(
  { earlyFilters, network, tls }: FilterChainConfig,
  bufferBytesMax: number,
  context: ProxyContext,
  where: string,
): NetworkChain {
  const at = (index: number) => `${where}.filters[${index}]`;
  const kinds = earlyFilters.map((filter, index) => {
    const kind = kindOf(filter, context, at(index));
    if (kind.terminal) throw new CodedError('bad_filter', `${at(index)}: ${filter.name}: must be the last filter`);
    return kind;
  });
  const firstWithTls = kinds.findIndex(({ beforeTls }) => beforeTls !== true);
  const tlsAt = firstWithTls < 0 ? kinds.length : firstWithTls;
  const tlsInside = tls !== undefined && tlsAt > 0;
  const last = lastFilter(network, { context, bufferBytesMax, where, at: at(kinds.length) });
  const whole = kinds.reduceRight(
    (next, kind, index) => {
      const filter = earlyFilters[index]!;
      const made = orNamed(at(index), () => kind.wrap(filter.config, environmentOf(context, filter), next));
      return tlsInside && index === tlsAt ? staged(made, context) : made;
    },
    tlsInside && tlsAt === kinds.length ? staged(last, context) : last,
  );
  return { network: whole, tlsInside };
}

function staged(next: NetworkFilter, { environment }: ProxyContext): NetworkFilter {
  return new TlsStage(next, environment.logger);
}

interface Place {
  readonly context: ProxyContext;
  readonly bufferBytesMax: number;
  /** The filter chain's. */
  readonly where: string;
  /** The filter's. */
  readonly at: string;
}

type LastOf<Kind> = (config: Extract<NetworkConfig, { readonly kind: Kind }>, place: Place) => NetworkFilter;

/** Filters that end a chain: the engine's own, which have all of it, and those of the catalogue. */
const lastFilters: { readonly [Kind in NetworkConfig['kind']]: LastOf<Kind> } = {
  http: (config, { context, bufferBytesMax, where }) => new StreamProxy(config, context, bufferBytesMax, where),
  rpc: (config, { context, bufferBytesMax, where }) => new StreamProxy(config, context, bufferBytesMax, where),
  tcp: (config, { context }) => new TcpProxy(config, context.environment, context.clusters),
  catalogue: (filter, { context, at }) => {
    const kind = kindOf(filter, context, at);
    if (!kind.terminal) throw new CodedError('bad_filter', `${at}: ${filter.name}: does not end a chain`);
    return orNamed(at, () => kind.create(filter.config, environmentOf(context, filter)));
  },
};

function lastFilter<Kind extends NetworkConfig['kind']>(
  config: Extract<NetworkConfig, { readonly kind: Kind }>,
  place: Place,
): NetworkFilter {
  return (lastFilters[config.kind] as LastOf<Kind>)(config, place);
}

function kindOf({ name }: CatalogueFilterConfig, { environment }: ProxyContext, at: string): NetworkFilterKind {
  const kind = environment.networkFilters.get(name);
  if (kind === undefined) throw new CodedError('bad_filter', `${at}: there is no network filter ${name}`);
  return kind;
}

function environmentOf({ environment }: ProxyContext, { shared }: CatalogueFilterConfig): NetworkFilterEnvironment {
  const { clock, wheel, random, stats, logger, worker = 0 } = environment;
  const memory = shared?.memory ?? sharedMemory(worker + 1);
  return { clock, wheel, random, stats, logger, shared: new MemoryNumbers(memory, worker) };
}

function orNamed(at: string, make: () => NetworkFilter): NetworkFilter {
  try {
    return make();
  } catch (thrown) {
    throw new CodedError('bad_filter', `${at}: ${messageOf(thrown)}`, { cause: thrown });
  }
}
