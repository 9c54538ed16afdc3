import { create, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '@sofamesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import { SecretSchema } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import { networkReaders, readers } from '../../catalogue-config.gen.ts';
import { Extensions } from '../extensions.ts';
import { typeRegistry } from '../registry.ts';

export const extensions = new Extensions(readers, networkReaders);
export const registry = typeRegistry(extensions);

const schemas = [
  ClusterSchema,
  ClusterLoadAssignmentSchema,
  ListenerSchema,
  RouteConfigurationSchema,
  SecretSchema,
] as const;

/** A resource as a control plane sends it, from the JSON that people write. */
export function resource(
  kind: 'Cluster' | 'ClusterLoadAssignment' | 'Listener' | 'RouteConfiguration' | 'Secret',
  json: JsonObject,
): Any {
  const schema = schemas.find(({ name }) => name === kind)!;
  const value = toBinary(schema, fromJson(schema, json, { registry }));
  return create(AnySchema, { typeUrl: `type.googleapis.com/${schema.typeName}`, value });
}

export const router = {
  name: 'envoy.filters.http.router',
  typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
};

export const ads = { ads: {}, resource_api_version: 'V3' };

export function address(port: number, host = '127.0.0.1'): JsonObject {
  return { socket_address: { address: host, port_value: port } };
}

export function connectionManager(fields: JsonObject): JsonObject {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      stat_prefix: 'test',
      http_filters: [router],
      ...fields,
    },
  };
}

export function listenerJson(name: string, filter: JsonObject, rest: JsonObject = {}): JsonObject {
  return { name, address: address(0), filter_chains: [{ filters: [filter] }], ...rest };
}

export function routesJson(name: string, cluster: string): JsonObject {
  return {
    name,
    virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster } }] }],
  };
}

export function endpointsJson(name: string, ...ports: number[]): JsonObject {
  return {
    cluster_name: name,
    endpoints: [{ lb_endpoints: ports.map((port) => ({ endpoint: { address: address(port) } })) }],
  };
}
