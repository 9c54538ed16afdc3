import {
  type Filter,
  type FilterChain,
  type FilterChainMatch,
  FilterChainMatch_ConnectionSourceType as SourceType,
} from '@sofamesh/api/gen/envoy/config/listener/v3/listener_components_pb';
import { HttpConnectionManagerSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { TcpProxySchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';
import { XProxySchema } from '@sofamesh/api/gen/mosn/extensions/filters/network/x_proxy/v1/x_proxy_pb';
import type {
  FilterChainConfig,
  FilterChainMatch as MatchConfig,
  NetworkConfig,
} from '@sofamesh/proxy/config/listener';
import type { ReadContext } from './context.ts';
import { decodeAny, typeNameOf } from './extensions.ts';
import { FieldError, mapAt, prefixOf, present } from './fields.ts';
import { readHttpProxy } from './http-proxy.ts';
import { configOfFilter, readDirectReply, readEarlyFilters, smallNetworkFilters } from './network-filters.ts';
import type { RouteReference } from './route-source.ts';
import { readRpcProxy } from './rpc-proxy.ts';
import { readTcpProxy } from './tcp-proxy.ts';
import { readServerTls } from './tls.ts';

/** Network filters of this proxy. */
export const networkFilters = [
  { name: 'envoy.filters.network.http_connection_manager', schema: HttpConnectionManagerSchema },
  { name: 'envoy.filters.network.tcp_proxy', schema: TcpProxySchema },
  { name: 'mosn.filters.network.x_proxy', schema: XProxySchema },
  ...smallNetworkFilters,
] as const;

export function readFilterChain(
  chain: FilterChain,
  path: string,
  context: ReadContext,
  routes: RouteReference[],
): FilterChainConfig {
  const last = chain.filters.at(-1);
  if (last === undefined) throw new FieldError(`${path}.filters`, '[]', 'must have one');
  const { connectionLimit, clusterByServerName } = readEarlyFilters(chain.filters, `${path}.filters`);
  const network = readNetworkFilter(last, `${path}.filters[${chain.filters.length - 1}]`, context, routes);
  return {
    name: chain.name,
    match: readMatch(chain.filterChainMatch, `${path}.filter_chain_match`),
    tls: readServerTls(chain.transportSocket, chain.transportSocketConnectTimeout, `${path}.transport_socket`, context),
    network: clusterByServerName && network.kind === 'tcp' ? { ...network, clusterByServerName } : network,
    ...(connectionLimit !== undefined && { connectionLimit }),
  };
}

function readNetworkFilter(
  filter: Filter,
  path: string,
  context: ReadContext,
  routes: RouteReference[],
): NetworkConfig {
  const at = `${path}.typed_config`;
  const any = configOfFilter(filter, at);
  const directReply = readDirectReply(any, at);
  if (directReply !== undefined) return directReply;
  switch (typeNameOf(any)) {
    case HttpConnectionManagerSchema.typeName:
      return readHttpProxy(decodeAny(HttpConnectionManagerSchema, any, at), at, context, routes);
    case TcpProxySchema.typeName:
      return readTcpProxy(decodeAny(TcpProxySchema, any, at), at, context);
    case XProxySchema.typeName:
      return readRpcProxy(decodeAny(XProxySchema, any, at), at, context, routes);
    default:
      throw new FieldError(at, any.typeUrl, `no network filter of this proxy ends a chain with this (${filter.name})`);
  }
}

const emptyMatch: MatchConfig = {
  destinationPort: undefined,
  destinationPrefixes: [],
  serverNames: [],
  transportProtocol: undefined,
  applicationProtocols: [],
  directSourcePrefixes: [],
  sourceType: 'any',
  sourcePrefixes: [],
  sourcePorts: [],
};

function readMatch(match: FilterChainMatch | undefined, path: string): MatchConfig {
  if (match === undefined) return emptyMatch;
  if (match.addressSuffix !== '' || match.suffixLen !== undefined) {
    throw new FieldError(`${path}.address_suffix`, present, 'is not supported (nor by Envoy)');
  }
  return {
    destinationPort: match.destinationPort,
    destinationPrefixes: mapAt(match.prefixRanges, `${path}.prefix_ranges`, prefixOf),
    serverNames: mapAt(match.serverNames, `${path}.server_names`, readServerName),
    transportProtocol: readTransportProtocol(match.transportProtocol, `${path}.transport_protocol`),
    applicationProtocols: match.applicationProtocols,
    directSourcePrefixes: mapAt(match.directSourcePrefixRanges, `${path}.direct_source_prefix_ranges`, prefixOf),
    sourceType: readSourceType(match.sourceType, `${path}.source_type`),
    sourcePrefixes: mapAt(match.sourcePrefixRanges, `${path}.source_prefix_ranges`, prefixOf),
    sourcePorts: mapAt(match.sourcePorts, `${path}.source_ports`, (port, at) => {
      if (port < 1 || port > 65535) throw new FieldError(at, port, 'must be from 1 to 65535');
      return port;
    }),
  };
}

function readSourceType(type: SourceType, path: string): MatchConfig['sourceType'] {
  switch (type) {
    case SourceType.ANY:
      return 'any';
    case SourceType.SAME_IP_OR_LOOPBACK:
      return 'same-ip-or-loopback';
    case SourceType.EXTERNAL:
      return 'external';
    default:
      throw new FieldError(path, type, 'must be ANY, SAME_IP_OR_LOOPBACK or EXTERNAL');
  }
}

/** `*` may stand only for the first labels. */
function readServerName(name: string, path: string): string {
  if (name === '' || name.lastIndexOf('*') > 0 || (name.startsWith('*') && !name.startsWith('*.'))) {
    throw new FieldError(path, name, 'must be a host name or *.suffix');
  }
  return name.toLowerCase();
}

function readTransportProtocol(protocol: string, path: string): MatchConfig['transportProtocol'] {
  if (protocol === '') return undefined;
  if (protocol === 'tls' || protocol === 'raw_buffer') return protocol;
  throw new FieldError(path, protocol, 'must be tls or raw_buffer');
}
