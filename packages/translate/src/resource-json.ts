import { createRegistry, type DescMessage, fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf';
import { ClusterSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '@sofamesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import { FileAccessLogSchema } from '@sofamesh/api/gen/envoy/extensions/access_loggers/file/v3/file_pb';
import { HTTPFaultSchema } from '@sofamesh/api/gen/envoy/extensions/filters/http/fault/v3/fault_pb';
import { RouterSchema } from '@sofamesh/api/gen/envoy/extensions/filters/http/router/v3/router_pb';
import { HttpConnectionManagerSchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { TcpProxySchema } from '@sofamesh/api/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';
import { PreviousHostsPredicateSchema } from '@sofamesh/api/gen/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb';
import { UpstreamTlsContextSchema } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { HttpProtocolOptionsSchema } from '@sofamesh/api/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb';
import { XProxySchema } from '@sofamesh/api/gen/mosn/extensions/filters/network/x_proxy/v1/x_proxy_pb';
import { RpcProtocolOptionsSchema } from '@sofamesh/api/gen/mosn/extensions/upstreams/rpc/v1/rpc_protocol_options_pb';
import type { NamedResource, ProxyResources } from './input.ts';

export type ResourceKind = Exclude<keyof ProxyResources, 'notes'>;

const schemas: Readonly<Record<ResourceKind, DescMessage>> = {
  clusters: ClusterSchema,
  endpoints: ClusterLoadAssignmentSchema,
  listeners: ListenerSchema,
  routes: RouteConfigurationSchema,
};

/** Every message that translation puts into an Any. */
const registry = createRegistry(
  FileAccessLogSchema,
  HTTPFaultSchema,
  RouterSchema,
  HttpConnectionManagerSchema,
  TcpProxySchema,
  PreviousHostsPredicateSchema,
  UpstreamTlsContextSchema,
  HttpProtocolOptionsSchema,
  XProxySchema,
  RpcProtocolOptionsSchema,
);

/** A resource as people write it, snake case. */
export function resourceJson(kind: ResourceKind, { bytes }: NamedResource): JsonValue {
  const schema = schemas[kind];
  return toJson(schema, fromBinary(schema, bytes), { registry, useProtoFieldName: true });
}
