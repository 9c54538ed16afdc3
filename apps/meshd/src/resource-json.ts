import { createRegistry, type DescMessage, fromBinary, toJson } from '@bufbuild/protobuf';
import { ClusterSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '@sofamesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import { FileAccessLogSchema } from '@sofamesh/api/gen/envoy/extensions/access_loggers/file/v3/file_pb';
import { HTTPFaultSchema } from '@sofamesh/api/gen/envoy/extensions/filters/http/fault/v3/fault_pb';
import { RouterSchema } from '@sofamesh/api/gen/envoy/extensions/filters/http/router/v3/router_pb';
import { HttpConnectionManagerSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { TcpProxySchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';
import { UpstreamTlsContextSchema } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { HttpProtocolOptionsSchema } from '@sofamesh/api/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import { XProxySchema } from '@sofamesh/api/gen/mosn/extensions/filters/network/x_proxy/v1/x_proxy_pb';
import { type ResourceKind, resourceKinds } from '@sofamesh/control/push/proxy-view';
import type { NamedResource } from '@sofamesh/translate/input';

const schemas: Readonly<Record<ResourceKind, DescMessage>> = {
  clusters: ClusterSchema,
  endpoints: ClusterLoadAssignmentSchema,
  listeners: ListenerSchema,
  routes: RouteConfigurationSchema,
};

/** The messages that translation puts into an Any. */
const registry = createRegistry(
  FileAccessLogSchema,
  HTTPFaultSchema,
  HttpConnectionManagerSchema,
  HttpProtocolOptionsSchema,
  RouterSchema,
  TcpProxySchema,
  UpstreamTlsContextSchema,
  XProxySchema,
);

const admin = 'type.googleapis.com/envoy.admin.v3.';

/** Where Envoy's `/config_dump` has resources of a kind. */
const sections: Readonly<Record<ResourceKind, (resources: unknown[]) => object>> = {
  clusters: (list) => ({
    '@type': `${admin}ClustersConfigDump`,
    dynamic_active_clusters: list.map((cluster) => ({ cluster })),
  }),
  endpoints: (list) => ({
    '@type': `${admin}EndpointsConfigDump`,
    dynamic_endpoint_configs: list.map((endpoint_config) => ({ endpoint_config })),
  }),
  listeners: (list) => ({
    '@type': `${admin}ListenersConfigDump`,
    dynamic_listeners: list.map((listener) => ({ active_state: { listener } })),
  }),
  routes: (list) => ({
    '@type': `${admin}RoutesConfigDump`,
    dynamic_route_configs: list.map((route_config) => ({ route_config })),
  }),
};

/** What a proxy should have, in the shape of Envoy's `/config_dump?include_eds`. */
export function intentDump(resources: (kind: ResourceKind) => readonly NamedResource[]): object {
  return {
    configs: resourceKinds.map((kind) =>
      sections[kind](resources(kind).map(({ bytes }) => decoded(schemas[kind], bytes))),
    ),
  };
}

function decoded(schema: DescMessage, bytes: Uint8Array): unknown {
  return toJson(schema, fromBinary(schema, bytes), { registry, useProtoFieldName: true });
}
