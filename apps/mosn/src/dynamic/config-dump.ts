import {
  create,
  type DescMessage,
  fromBinary,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  type Registry,
  toJson,
} from '@bufbuild/protobuf';
import { type Any, anyPack, timestampFromMs } from '@bufbuild/protobuf/wkt';
import { BootstrapConfigDumpSchema, SecretsConfigDumpSchema } from '@sofamesh/api/gen/envoy/admin/v3/config_dump_pb';
import {
  ClustersConfigDumpSchema,
  EndpointsConfigDumpSchema,
  ListenersConfigDumpSchema,
  RoutesConfigDumpSchema,
  ClientResourceStatus as Status,
} from '@sofamesh/api/gen/envoy/admin/v3/config_dump_shared_pb';
import { ClusterSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '@sofamesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import { HttpConnectionManagerSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { SecretSchema } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import { XProxySchema } from '@sofamesh/api/gen/mosn/extensions/filters/network/x_proxy/v1/x_proxy_pb';
import { typeNameOf } from '../config/extensions.ts';
import { printingRegistry } from '../config/registry.ts';
import type { Entry, Failure, Stored } from './entry.ts';
import { redact } from './redact.ts';
import type { ResourceState } from './resource-state.ts';

/** `/config_dump` as Envoy shapes it, secrets redacted. Endpoints only when asked for, as Envoy's `include_eds`. */
export function configDump(
  state: ResourceState,
  registry: Registry,
  options: { readonly includeEds: boolean },
): JsonObject {
  const print = <Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): JsonValue => {
    const json = toJson(schema, message, { registry: printingRegistry(registry), useProtoFieldName: true });
    return redact({ '@type': `type.googleapis.com/${schema.typeName}`, ...(json as JsonObject) });
  };
  const bootstrap = create(BootstrapConfigDumpSchema, {
    bootstrap: state.bootstrap.message,
    lastUpdated: timestampFromMs(state.startedAtMs),
  });
  return {
    configs: [
      print(BootstrapConfigDumpSchema, bootstrap),
      print(ClustersConfigDumpSchema, clusters(state)),
      ...(options.includeEds ? [print(EndpointsConfigDumpSchema, endpoints(state))] : []),
      print(ListenersConfigDumpSchema, listeners(state)),
      print(RoutesConfigDumpSchema, routes(state)),
      print(SecretsConfigDumpSchema, secrets(state)),
    ],
  };
}

function clusters({ clusters: state }: ResourceState) {
  const entries = [...state.clusters.values()];
  const dynamic = entries.filter(({ isStatic }) => !isStatic);
  const one = (stored: Stored<unknown> | undefined, failure: Failure | undefined) => ({
    ...(stored !== undefined && { cluster: stored.any, ...versionOf(stored) }),
    ...errorOf(failure),
    clientStatus: statusOf(failure),
  });
  return create(ClustersConfigDumpSchema, {
    versionInfo: state.versionInfo,
    staticClusters: staticOf(entries).map((stored) => ({
      cluster: stored.any,
      lastUpdated: timestampFromMs(stored.lastUpdatedMs),
    })),
    dynamicActiveClusters: dynamic.flatMap(({ active, warming, failure }) =>
      active !== undefined || (failure !== undefined && warming === undefined) ? [one(active, failure)] : [],
    ),
    dynamicWarmingClusters: dynamic.flatMap(({ warming }) => (warming === undefined ? [] : [one(warming, undefined)])),
  });
}

function listeners({ listeners: state }: ResourceState) {
  const entries = [...state.listeners.values()];
  const version = (stored: Stored<unknown>) => ({ listener: stored.any, ...versionOf(stored) });
  return create(ListenersConfigDumpSchema, {
    versionInfo: state.versionInfo,
    staticListeners: staticOf(entries).map((stored) => ({
      listener: stored.any,
      lastUpdated: timestampFromMs(stored.lastUpdatedMs),
    })),
    dynamicListeners: entries
      .filter(({ isStatic }) => !isStatic)
      .map(({ name, active, warming, failure }) => ({
        name,
        ...(active !== undefined && { activeState: version(active) }),
        ...(warming !== undefined && { warmingState: version(warming) }),
        ...errorOf(failure),
        clientStatus: statusOf(failure),
      })),
  });
}

function routes({ listeners: state }: ResourceState) {
  const listenerVersions = [...state.listeners.values()].flatMap(({ active }) => active ?? []);
  return create(RoutesConfigDumpSchema, {
    staticRouteConfigs: listenerVersions.flatMap((stored) =>
      inlineRoutes(stored.any).map((routeConfig) => ({
        routeConfig,
        lastUpdated: timestampFromMs(stored.lastUpdatedMs),
      })),
    ),
    dynamicRouteConfigs: [...state.routes.values()].map(({ active, failure }) => ({
      ...(active !== undefined && { routeConfig: active.any, ...versionOf(active) }),
      ...errorOf(failure),
      clientStatus: statusOf(failure),
    })),
  });
}

function secrets({ secrets: { entries, awaited }, bootstrap, startedAtMs }: ResourceState) {
  return create(SecretsConfigDumpSchema, {
    staticSecrets: bootstrap.secrets.all.map((secret) => ({
      name: secret.name,
      secret: anyPack(SecretSchema, secret),
      lastUpdated: timestampFromMs(startedAtMs),
    })),
    dynamicActiveSecrets: [...entries.values()].flatMap(({ name, active, failure }) =>
      active === undefined
        ? []
        : [
            {
              name,
              secret: active.any,
              ...versionOf(active),
              ...errorOf(failure),
              clientStatus: statusOf(failure),
            },
          ],
    ),
    dynamicWarmingSecrets: awaited.map(({ name }) => ({ name })),
  });
}

function endpoints({ clusters: state }: ResourceState) {
  const inline = [...state.clusters.values()].flatMap(({ active }) => {
    if (active === undefined) return [];
    const { loadAssignment } = fromBinary(ClusterSchema, active.any.value);
    if (loadAssignment === undefined) return [];
    return [
      {
        endpointConfig: anyPack(ClusterLoadAssignmentSchema, loadAssignment),
        lastUpdated: timestampFromMs(active.lastUpdatedMs),
      },
    ];
  });
  return create(EndpointsConfigDumpSchema, {
    staticEndpointConfigs: inline,
    dynamicEndpointConfigs: [...state.endpoints.values()].map(({ active, failure }) => ({
      ...(active !== undefined && { endpointConfig: active.any, ...versionOf(active) }),
      ...errorOf(failure),
      clientStatus: statusOf(failure),
    })),
  });
}

function staticOf<Read>(entries: readonly Entry<Read>[]): Stored<Read>[] {
  return entries.flatMap(({ isStatic, newest }) => (isStatic && newest !== undefined ? [newest] : []));
}

function versionOf({ versionInfo, lastUpdatedMs }: Stored<unknown>) {
  return { versionInfo, lastUpdated: timestampFromMs(lastUpdatedMs) };
}

function statusOf(failure: Failure | undefined): Status {
  return failure === undefined ? Status.ACKED : Status.NACKED;
}

function errorOf(failure: Failure | undefined) {
  if (failure === undefined) return {};
  const { details, versionInfo, lastAttemptMs } = failure;
  return { errorState: { details, versionInfo, lastUpdateAttempt: timestampFromMs(lastAttemptMs) } };
}

/** Route tables that stand in the listener itself. */
function inlineRoutes(any: Any): Any[] {
  const listener = fromBinary(ListenerSchema, any.value);
  const chains = [
    ...listener.filterChains,
    ...(listener.defaultFilterChain === undefined ? [] : [listener.defaultFilterChain]),
  ];
  return chains.flatMap(({ filters }) =>
    filters.flatMap(({ configType }) => {
      if (configType.case !== 'typedConfig') return [];
      const routes = routesOf(configType.value);
      return routes === undefined ? [] : [anyPack(RouteConfigurationSchema, routes)];
    }),
  );
}

function routesOf(any: Any) {
  const schema = [HttpConnectionManagerSchema, XProxySchema].find(({ typeName }) => typeName === typeNameOf(any));
  if (schema === undefined) return undefined;
  const { routeSpecifier } = fromBinary(schema as typeof XProxySchema, any.value);
  return routeSpecifier.case === 'routeConfig' ? routeSpecifier.value : undefined;
}
