import { TrafficDirection } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import type { ListenerFilter } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_components_pb';
import type { Listener } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import { HttpInspectorSchema } from '@sofamesh/api/gen/envoy/extensions/filters/listener/http_inspector/v3/http_inspector_pb';
import { OriginalDstSchema } from '@sofamesh/api/gen/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb';
import { TlsInspectorSchema } from '@sofamesh/api/gen/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb';
import { formatAddress } from '@sofamesh/base/address';
import type { FilterChainConfig, ListenerConfig } from '@sofamesh/proxy/config/listener';
import type { ReadContext } from './context.ts';
import { typeNameOf } from './extensions.ts';
import { addressOf, durationMs, FieldError, isIpLiteral, mapAt, present, snake } from './fields.ts';
import { readFilterChain } from './filter-chain.ts';
import type { RouteReference } from './route-source.ts';

export const listenerFilterSchemas = [TlsInspectorSchema, HttpInspectorSchema, OriginalDstSchema];

const defaultBufferBytes = 1024 * 1024;
const defaultInspectTimeoutMs = 15_000;
/** Connections of one listener in one worker; Envoy has no limit unless its runtime sets one. */
const connectionsMax = 100_000;

export interface ReadListener {
  readonly config: ListenerConfig;
  /** Route tables that must arrive before the listener can serve. */
  readonly routes: readonly RouteReference[];
}

const refused = ['additionalAddresses', 'filterChainMatcher', 'udpListenerConfig', 'apiListener'] as const;
const ignored = ['accessLog', 'socketOptions', 'connectionBalanceConfig', 'useOriginalDst', 'tcpBacklogSize'] as const;

/** Reads `envoy.config.listener.v3.Listener`. Throws a FieldError for the first field that cannot be used. */
export function readListener(listener: Listener, version: string, context: ReadContext): ReadListener {
  for (const field of refused) {
    const value = listener[field];
    if (Array.isArray(value) ? value.length > 0 : value !== undefined) {
      throw new FieldError(snake(field), present, 'is not supported');
    }
  }
  if (listener.listenerSpecifier.case !== undefined)
    throw new FieldError('internal_listener', present, 'is not supported');
  if ((listener.bindToPort ?? listener.deprecatedV1?.bindToPort) === false) {
    throw new FieldError('bind_to_port', 'false', 'is not supported');
  }
  for (const field of ignored) {
    const value = listener[field];
    if (Array.isArray(value) ? value.length > 0 : value !== undefined) context.ignored(snake(field));
  }
  const address = addressOf(listener.address, 'address');
  if (address.kind === 'ip' && !isIpLiteral(address.host)) {
    throw new FieldError('address.socket_address.address', address.host, 'must be an IP address');
  }
  const routes: RouteReference[] = [];
  const filterChains = mapAt(listener.filterChains, 'filter_chains', (chain, path) =>
    readFilterChain(chain, path, version, context, routes),
  );
  const { defaultFilterChain } = listener;
  if (filterChains.length === 0 && defaultFilterChain === undefined) {
    throw new FieldError('filter_chains', '[]', 'must have at least one, or a default_filter_chain');
  }
  refuseEqualMatches(filterChains);
  const inspectors = mapAt(listener.listenerFilters, 'listener_filters', readListenerFilter);
  return {
    routes,
    config: {
      name: listener.name || formatAddress(address),
      version,
      address,
      statPrefix: listener.statPrefix,
      filterChains,
      defaultFilterChain:
        defaultFilterChain && readFilterChain(defaultFilterChain, 'default_filter_chain', version, context, routes),
      inspect: { tls: inspectors.includes('tls'), protocol: inspectors.includes('protocol') },
      inspectTimeoutMs: durationMs(
        listener.listenerFiltersTimeout,
        defaultInspectTimeoutMs,
        'listener_filters_timeout',
      ),
      continueOnInspectTimeout: listener.continueOnListenerFiltersTimeout,
      bufferBytesMax: listener.perConnectionBufferLimitBytes ?? defaultBufferBytes,
      connectionsMax,
      reusePort: listener.enableReusePort ?? true,
      direction: directions[listener.trafficDirection] ?? 'unspecified',
    },
  };
}

const directions: Readonly<Record<number, ListenerConfig['direction']>> = {
  [TrafficDirection.INBOUND]: 'inbound',
  [TrafficDirection.OUTBOUND]: 'outbound',
};

function readListenerFilter(filter: ListenerFilter, path: string): 'tls' | 'protocol' | undefined {
  if (filter.configType.case !== 'typedConfig')
    throw new FieldError(`${path}.typed_config`, filter.configType.case, 'is required');
  switch (typeNameOf(filter.configType.value)) {
    case TlsInspectorSchema.typeName:
      return 'tls';
    case HttpInspectorSchema.typeName:
      return 'protocol';
    case OriginalDstSchema.typeName:
      return undefined;
    default:
      throw new FieldError(`${path}.typed_config`, filter.configType.value.typeUrl, 'is not supported');
  }
}

/** Two chains with one match: which of them would serve is not defined (Envoy refuses them too). */
function refuseEqualMatches(chains: readonly FilterChainConfig[]): void {
  const seen = new Map<string, number>();
  for (const [index, { match }] of chains.entries()) {
    const key = JSON.stringify(match, (_key, value) => value ?? null);
    const before = seen.get(key);
    if (before !== undefined) {
      throw new FieldError(
        `filter_chains[${index}].filter_chain_match`,
        key,
        `is the match of filter_chains[${before}] too`,
      );
    }
    seen.set(key, index);
  }
}
