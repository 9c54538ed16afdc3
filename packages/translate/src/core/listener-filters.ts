import { create, toBinary } from '@bufbuild/protobuf';
import { type AccessLog, AccessLogSchema } from '@sofamesh/api/gen/envoy/config/accesslog/v3/accesslog_pb';
import { TrafficDirection } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import { type Filter, FilterSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_components_pb';
import { ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import type { RouteConfiguration } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import { FileAccessLogSchema } from '@sofamesh/api/gen/envoy/extensions/access_loggers/file/v3/file_pb';
import { HTTPFaultSchema } from '@sofamesh/api/gen/envoy/extensions/filters/http/fault/v3/fault_pb';
import { RouterSchema } from '@sofamesh/api/gen/envoy/extensions/filters/http/router/v3/router_pb';
import {
  HttpConnectionManagerSchema,
  type HttpFilter,
  HttpFilterSchema,
  RdsSchema,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
} from '@sofamesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import {
  type TcpProxy,
  TcpProxy_WeightedClusterSchema,
  TcpProxySchema,
} from '@sofamesh/api/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';
import {
  XProxy_ServiceLevel as ServiceLevel,
  XProxySchema,
} from '@sofamesh/api/gen/mosn/extensions/filters/network/x_proxy/v1/x_proxy_pb';
import type { MeshSettings, NamedResource } from '../input.ts';
import { FAULT_FILTER } from '../policies/fault/fault.ts';
import { adsSource } from './config-source.ts';
import { addressOf } from './endpoints.ts';
import { listenerName } from './names.ts';
import type { PortKind } from './port-kind.ts';
import { duration, typedConfig, typeUrlOf } from './protobuf.ts';

export type Direction = 'inbound' | 'outbound';

/** What a proxy has to declare to be sent our RPC filter. */
export const X_PROXY_TYPE_URL = typeUrlOf(XProxySchema);

export function encodeListener(direction: Direction, address: string, port: number, filter: Filter): NamedResource {
  const name = listenerName(address, port);
  const listener = create(ListenerSchema, {
    name,
    address: addressOf(address, port),
    trafficDirection: direction === 'inbound' ? TrafficDirection.INBOUND : TrafficDirection.OUTBOUND,
    filterChains: [{ filters: [filter] }],
  });
  return { name, bytes: toBinary(ListenerSchema, listener) };
}

/** `routes`: the name to ask for by RDS, or the routes themselves. */
export function httpManager(
  direction: Direction,
  statPrefix: string,
  routes: string | RouteConfiguration,
  mesh: MeshSettings,
): Filter {
  return filter(
    'envoy.filters.network.http_connection_manager',
    typedConfig(HttpConnectionManagerSchema, {
      statPrefix,
      routeSpecifier: typeof routes === 'string' ? rds(routes) : { case: 'routeConfig', value: routes },
      httpFilters: httpFilters(direction),
      accessLog: accessLogs(mesh),
      // A sidecar is no edge: whoever calls it is trusted to tell where the request comes from.
      useRemoteAddress: false,
      generateRequestId: true,
      normalizePath: true,
      streamIdleTimeout: duration(0),
      upgradeConfigs: [{ upgradeType: 'websocket' }],
      ...(direction === 'inbound' && { serverHeaderTransformation: ServerHeader.PASS_THROUGH }),
    }),
  );
}

const serviceLevels = { full: ServiceLevel.FULL, light: ServiceLevel.LIGHT, relay: ServiceLevel.RELAY } as const;

/** Routes always come by RDS: a change of theirs must not touch a connection. */
export function xProxy(
  direction: Direction,
  { protocol, level }: Extract<PortKind, { kind: 'rpc' }>,
  statPrefix: string,
  routeName: string,
  mesh: MeshSettings,
): Filter {
  return filter(
    'mosn.filters.network.x_proxy',
    typedConfig(XProxySchema, {
      protocol,
      statPrefix,
      serviceLevel: serviceLevels[level],
      routeSpecifier: rds(routeName),
      httpFilters: httpFilters(direction),
      accessLog: accessLogs(mesh),
    }),
  );
}

export interface TcpTarget {
  readonly cluster: string;
  readonly weight: number;
}

export function tcpProxy(
  statPrefix: string,
  targets: readonly TcpTarget[],
  idleTimeoutMs: number | undefined,
  mesh: MeshSettings,
): Filter {
  return filter(
    'envoy.filters.network.tcp_proxy',
    typedConfig(TcpProxySchema, {
      statPrefix,
      clusterSpecifier: clusterSpecifier(targets),
      accessLog: accessLogs(mesh),
      ...(idleTimeoutMs !== undefined && { idleTimeout: duration(idleTimeoutMs) }),
    }),
  );
}

function clusterSpecifier(targets: readonly TcpTarget[]): TcpProxy['clusterSpecifier'] {
  if (targets.length === 1) return { case: 'cluster', value: targets[0]!.cluster };
  return {
    case: 'weightedClusters',
    value: create(TcpProxy_WeightedClusterSchema, {
      clusters: targets.map(({ cluster, weight }) => ({ name: cluster, weight })),
    }),
  };
}

function rds(routeConfigName: string) {
  return { case: 'rds' as const, value: create(RdsSchema, { configSource: adsSource(), routeConfigName }) };
}

/** Faults are injected where a call begins. */
function httpFilters(direction: Direction): HttpFilter[] {
  return [
    ...(direction === 'outbound' ? [httpFilter(FAULT_FILTER, typedConfig(HTTPFaultSchema))] : []),
    httpFilter('envoy.filters.http.router', typedConfig(RouterSchema)),
  ];
}

function httpFilter(name: string, config: ReturnType<typeof typedConfig>): HttpFilter {
  return create(HttpFilterSchema, { name, configType: { case: 'typedConfig', value: config } });
}

function filter(name: string, config: ReturnType<typeof typedConfig>): Filter {
  return create(FilterSchema, { name, configType: { case: 'typedConfig', value: config } });
}

function accessLogs({ accessLogFile, accessLogFormat }: MeshSettings): AccessLog[] {
  if (accessLogFile === '') return [];
  const line = accessLogFormat.endsWith('\n') ? accessLogFormat : `${accessLogFormat}\n`;
  return [
    create(AccessLogSchema, {
      name: 'envoy.access_loggers.file',
      configType: {
        case: 'typedConfig',
        value: typedConfig(FileAccessLogSchema, {
          path: accessLogFile,
          ...(accessLogFormat !== '' && {
            accessLogFormat: {
              case: 'logFormat' as const,
              value: {
                format: {
                  case: 'textFormatSource' as const,
                  value: { specifier: { case: 'inlineString' as const, value: line } },
                },
              },
            },
          }),
        }),
      },
    }),
  ];
}
