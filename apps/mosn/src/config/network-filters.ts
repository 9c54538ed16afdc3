import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { Filter } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_components_pb';
import { HttpConnectionManagerSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { TcpProxySchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';
import { XProxySchema } from '@sofamesh/api/gen/mosn/extensions/filters/network/x_proxy/v1/x_proxy_pb';
import type { FilterChainConfig, NetworkConfig } from '@sofamesh/proxy/config/listener';
import type { ReadContext } from './context.ts';
import { decodeAny, typeNameOf } from './extensions.ts';
import { FieldError, snake } from './fields.ts';
import { readHttpProxy } from './http-proxy.ts';
import type { RouteReference } from './route-source.ts';
import { readRpcProxy } from './rpc-proxy.ts';
import { readTcpProxy } from './tcp-proxy.ts';

/** A network filter of the engine's own; all of them end a chain. */
interface EngineFilter {
  readonly name: string;
  readonly schema: DescMessage;
  readonly read: (any: Any, path: string, context: ReadContext, routes: RouteReference[]) => NetworkConfig;
}

export const engineFilters: readonly EngineFilter[] = [
  engineFilter('envoy.filters.network.http_connection_manager', HttpConnectionManagerSchema, readHttpProxy),
  engineFilter('envoy.filters.network.tcp_proxy', TcpProxySchema, readTcpProxy),
  engineFilter('mosn.filters.network.x_proxy', XProxySchema, readRpcProxy),
];

const engineFiltersByType = new Map(engineFilters.map((filter) => [filter.schema.typeName, filter]));

function engineFilter<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  read: (message: MessageShape<Desc>, path: string, context: ReadContext, routes: RouteReference[]) => NetworkConfig,
): EngineFilter {
  return {
    name,
    schema,
    read: (any, path, context, routes) => read(decodeAny(schema, any, path), path, context, routes),
  };
}

/** The network filters of a chain. Throws a FieldError for one that is not known, or cannot stand where it does. */
export function readNetworkFilters(
  filters: readonly Filter[],
  path: string,
  context: ReadContext,
  routes: RouteReference[],
): Pick<FilterChainConfig, 'earlyFilters' | 'network'> {
  const last = filters.at(-1);
  if (last === undefined) throw new FieldError(path, '[]', 'must have one');
  const earlyFilters = filters.slice(0, -1).map((filter, index) => {
    const at = `${path}[${index}].typed_config`;
    const any = configOf(filter, at);
    const read = engineFiltersByType.has(typeNameOf(any))
      ? ({ terminal: true } as const)
      : context.extensions.networkFilter(filter.name, any, at);
    if (read === undefined) {
      throw new FieldError(at, any.typeUrl, `no network filter of this proxy reads this (${filter.name})`);
    }
    if (!read.terminal) return read.filter;
    const next = `${path}[${index + 1}]`;
    throw new FieldError(next, filters[index + 1]?.name, `no filter can follow ${filter.name}, which ends the chain`);
  });
  return { earlyFilters, network: readLast(last, `${path}[${filters.length - 1}].typed_config`, context, routes) };
}

function readLast(filter: Filter, path: string, context: ReadContext, routes: RouteReference[]): NetworkConfig {
  const any = configOf(filter, path);
  const own = engineFiltersByType.get(typeNameOf(any));
  if (own !== undefined) return own.read(any, path, context, routes);
  const read = context.extensions.networkFilter(filter.name, any, path);
  if (read?.terminal) return read.filter;
  throw new FieldError(path, any.typeUrl, `no network filter of this proxy ends a chain with this (${filter.name})`);
}

function configOf({ configType }: Filter, path: string): Any {
  if (configType.case !== 'typedConfig')
    throw new FieldError(path, configType.case && snake(configType.case), 'is required');
  return configType.value;
}
