import {
  type FilterChain,
  type FilterChainMatch,
  FilterChainMatch_ConnectionSourceType as SourceType,
} from '@sofamesh/api/gen/envoy/config/listener/v3/listener_components_pb';
import type { FilterChainConfig, FilterChainMatch as MatchConfig } from '@sofamesh/proxy/config/listener';
import type { ReadContext } from './context.ts';
import { FieldError, mapAt, prefixOf, present } from './fields.ts';
import { readNetworkFilters } from './network-filters.ts';
import type { RouteReference } from './route-source.ts';
import { readServerTls } from './tls.ts';

export function readFilterChain(
  chain: FilterChain,
  path: string,
  context: ReadContext,
  routes: RouteReference[],
): FilterChainConfig {
  return {
    name: chain.name,
    match: readMatch(chain.filterChainMatch, `${path}.filter_chain_match`),
    tls: readServerTls(chain.transportSocket, chain.transportSocketConnectTimeout, `${path}.transport_socket`, context),
    ...readNetworkFilters(chain.filters, `${path}.filters`, context, routes),
  };
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
