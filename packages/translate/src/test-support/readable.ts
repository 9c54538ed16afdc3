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
import type { NamedResource, ProxyResources } from '../input.ts';

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
);

export interface ReadableResources {
  readonly clusters: readonly JsonValue[];
  readonly endpoints: readonly JsonValue[];
  readonly listeners: readonly JsonValue[];
  readonly routes: readonly JsonValue[];
  readonly notes: readonly string[];
}

/** Resources as people write them, snake case. */
export function readable({ clusters, endpoints, listeners, routes, notes }: ProxyResources): ReadableResources {
  return {
    clusters: read(ClusterSchema, clusters),
    endpoints: read(ClusterLoadAssignmentSchema, endpoints),
    listeners: read(ListenerSchema, listeners),
    routes: read(RouteConfigurationSchema, routes),
    notes: notes.map(({ object, reason }) => `${object}: ${reason}`),
  };
}

function read(schema: DescMessage, resources: readonly NamedResource[]): JsonValue[] {
  return resources.map(({ bytes }) => toJson(schema, fromBinary(schema, bytes), { registry, useProtoFieldName: true }));
}

/** Clusters without what every cluster has where no rule says otherwise, so that a golden file shows what it is about. */
export function withoutDefaults(clusters: readonly JsonValue[]): readonly JsonValue[] {
  return clusters.map((cluster) =>
    Object.fromEntries(
      Object.entries(cluster as Record<string, JsonValue>).filter(
        ([field, value]) => clusterDefaults[field] !== JSON.stringify(value),
      ),
    ),
  );
}

const unlimited = 4294967295;
const clusterDefaults: Readonly<Record<string, string>> = {
  connect_timeout: '"10s"',
  circuit_breakers: JSON.stringify({
    thresholds: [
      {
        max_connections: unlimited,
        max_pending_requests: unlimited,
        max_requests: unlimited,
        max_retries: unlimited,
        track_remaining: true,
      },
    ],
  }),
};
