import { SocketAddress_Protocol as SocketProtocol } from '@sofamesh/api/gen/envoy/config/core/v3/address_pb';
import { TrafficDirection } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import type { Listener } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import { type Address, formatAddress } from '@sofamesh/base/address';
import type { ListenerConfig } from '@sofamesh/proxy/config/listener';
import type { ReadContext } from './context.ts';
import { addressOf, durationMs, FieldError, isIpLiteral, mapAt, present, snake } from './fields.ts';
import { readFilterChain } from './filter-chain.ts';
import { plainProxyProtocol, readListenerFilter } from './listener-filters.ts';
import type { RouteReference } from './route-source.ts';
import { listenerConnectionsMax, noRuntime } from './runtime.ts';
import type { SecretReference } from './secret-reference.ts';
import type { SecretSources } from './secrets.ts';
import { readUdpListener } from './udp-proxy.ts';

const defaultBufferBytes = 1024 * 1024;
const defaultInspectTimeoutMs = 15_000;
/** Connections of one listener in one worker, unless the runtime says another number; Envoy has no limit then. */
const connectionsMax = 100_000;
/** 0777. */
const pipeModeMax = 511;

export interface ReadListener {
  readonly config: ListenerConfig;
  /** Route tables that must arrive before the listener can serve. */
  readonly routes: readonly RouteReference[];
  /** When one of these changes, the listener is to be read again. */
  readonly secretFiles: readonly string[];
  /** Secrets of control planes that it needs; it waits for those that have not come. */
  readonly secrets: readonly SecretReference[];
}

/** Fields whose absence would let in, or leave out, somebody: a listener that has one is refused. */
const refused = ['filterChainMatcher', 'apiListener', 'freebind'] as const;
/** Fields that only tune: they have no effect here, which is logged. */
const ignored = [
  'socketOptions',
  'connectionBalanceConfig',
  'tcpBacklogSize',
  'tcpFastOpenQueueLength',
  'maxConnectionsToAcceptPerSocketEvent',
  'enableMptcp',
] as const;

/** Reads `envoy.config.listener.v3.Listener`. Throws a FieldError for the first field that cannot be used. */
export function readListener(listener: Listener, version: string, context: ReadContext): ReadListener {
  for (const field of refused) {
    if (isGiven(listener[field])) throw new FieldError(snake(field), present, 'is not supported');
  }
  if (listener.listenerSpecifier.case !== undefined)
    throw new FieldError('internal_listener', present, 'is not supported');
  for (const field of ignored) if (isGiven(listener[field])) context.ignored(snake(field));
  const sources: SecretSources = { files: [], references: [] };
  const secrets = context.secrets?.reportingTo(sources);
  const within = { ...context, ...(secrets && { secrets }) };
  const common = readCommon(listener, version, within);
  const read = isUdp(listener) ? readUdp(listener, common, within) : readTcp(listener, common, within);
  return { ...read, secretFiles: sources.files, secrets: sources.references };
}

function isGiven(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}

function isUdp({ address }: Listener): boolean {
  return address?.address.case === 'socketAddress' && address.address.value.protocol === SocketProtocol.UDP;
}

type Common = Omit<
  ListenerConfig,
  'filterChains' | 'defaultFilterChain' | 'udp' | 'listenerFilters' | 'useOriginalDst' | 'transparent'
>;

function readCommon(listener: Listener, version: string, context: ReadContext): Common {
  const address = literalAddress(listener.address, 'address');
  const additional = mapAt(listener.additionalAddresses, 'additional_addresses', (each, path) => {
    if (isGiven(each.socketOptions)) context.ignored(`${path}.socket_options`);
    return literalAddress(each.address, `${path}.address`);
  });
  const name = listener.name || formatAddress(address);
  return {
    name,
    version,
    address,
    additionalAddresses: additional,
    bindToPort: listener.bindToPort ?? listener.deprecatedV1?.bindToPort ?? true,
    statPrefix: listener.statPrefix,
    inspectTimeoutMs: durationMs(listener.listenerFiltersTimeout, defaultInspectTimeoutMs, 'listener_filters_timeout'),
    continueOnInspectTimeout: listener.continueOnListenerFiltersTimeout,
    bufferBytesMax: listener.perConnectionBufferLimitBytes ?? defaultBufferBytes,
    connectionsMax: listenerConnectionsMax(context.runtime ?? noRuntime, name) ?? connectionsMax,
    ignoreGlobalLimit: listener.ignoreGlobalConnLimit,
    reusePort: listener.enableReusePort ?? true,
    direction: directions[listener.trafficDirection] ?? 'unspecified',
  };
}

function literalAddress(address: Parameters<typeof addressOf>[0], path: string): Address {
  const read = addressOf(address, path);
  if (read.kind === 'ip' && !isIpLiteral(read.host)) {
    throw new FieldError(`${path}.socket_address.address`, read.host, 'must be an IP address');
  }
  const given = address?.address;
  if (read.kind === 'ip') {
    if (given?.case !== 'socketAddress' || !given.value.ipv4Compat) return read;
    if (given.value.protocol === SocketProtocol.TCP) return { ...read, ipv4Compat: true };
    throw new FieldError(`${path}.socket_address.ipv4_compat`, 'true', 'is not supported for UDP');
  }
  const mode = given?.case === 'pipe' ? given.value.mode : 0;
  if (mode > pipeModeMax) throw new FieldError(`${path}.pipe.mode`, mode, `must be at most ${pipeModeMax}`);
  return mode === 0 ? read : { ...read, mode };
}

type WithoutFiles = Omit<ReadListener, 'secretFiles' | 'secrets'>;

function readUdp(listener: Listener, common: Common, context: ReadContext): WithoutFiles {
  if (listener.filterChains.length > 0) {
    throw new FieldError('filter_chains', present, 'a UDP listener has listener_filters alone (there is no QUIC)');
  }
  for (const field of ['useOriginalDst', 'transparent'] as const) {
    if (listener[field] === true) throw new FieldError(snake(field), 'true', 'is not supported for UDP');
  }
  const udp = readUdpListener(listener, context);
  return {
    routes: [],
    config: {
      ...common,
      udp,
      filterChains: [],
      defaultFilterChain: undefined,
      listenerFilters: [],
      useOriginalDst: false,
      transparent: false,
    },
  };
}

function readTcp(listener: Listener, common: Common, context: ReadContext): WithoutFiles {
  if (listener.udpListenerConfig !== undefined) {
    throw new FieldError('udp_listener_config', present, 'needs an address with protocol UDP');
  }
  const routes: RouteReference[] = [];
  const within = { ...context, outbound: common.direction === 'outbound' };
  const filterChains = mapAt(listener.filterChains, 'filter_chains', (chain, path) =>
    readFilterChain(chain, path, within, routes),
  );
  const { defaultFilterChain } = listener;
  if (filterChains.length === 0 && defaultFilterChain === undefined) {
    throw new FieldError('filter_chains', '[]', 'must have at least one, or a default_filter_chain');
  }
  const listenerFilters = mapAt(listener.listenerFilters, 'listener_filters', (filter, path) =>
    readListenerFilter(filter, path, context),
  );
  if (listener.filterChains.some(({ useProxyProto }) => useProxyProto)) listenerFilters.unshift(plainProxyProtocol);
  return {
    routes,
    config: {
      ...common,
      filterChains,
      defaultFilterChain:
        defaultFilterChain && readFilterChain(defaultFilterChain, 'default_filter_chain', within, routes),
      udp: undefined,
      listenerFilters,
      useOriginalDst: listener.useOriginalDst ?? false,
      transparent: listener.transparent ?? false,
    },
  };
}

const directions: Readonly<Record<number, ListenerConfig['direction']>> = {
  [TrafficDirection.INBOUND]: 'inbound',
  [TrafficDirection.OUTBOUND]: 'outbound',
};
