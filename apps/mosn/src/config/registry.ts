import { createRegistry, type DescMessage, type Registry } from '@bufbuild/protobuf';
import { EmptySchema, StructSchema } from '@bufbuild/protobuf/wkt';
import {
  BootstrapConfigDumpSchema,
  ConfigDumpSchema,
  SecretsConfigDumpSchema,
} from '@sofamesh/api/gen/envoy/admin/v3/config_dump_pb';
import {
  ClustersConfigDumpSchema,
  EndpointsConfigDumpSchema,
  ListenersConfigDumpSchema,
  RoutesConfigDumpSchema,
} from '@sofamesh/api/gen/envoy/admin/v3/config_dump_shared_pb';
import { ClusterSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '@sofamesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import { ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import { FilterConfigSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_components_pb';
import { RouteConfigurationSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import { RawBufferSchema } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb';
import { SecretSchema } from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '@sofamesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb';
import { TypedStructSchema as UdpaTypedStructSchema } from '@sofamesh/api/gen/udpa/type/v1/typed_struct_pb';
import { TypedStructSchema } from '@sofamesh/api/gen/xds/type/v3/typed_struct_pb';
import { accessLogSchemas } from './access-log.ts';
import { bootstrapExtensionSchemas } from './bootstrap-extensions.ts';
import { upstreamSchemas } from './cluster.ts';
import type { Extensions } from './extensions.ts';
import { clientDetectionSchemas } from './http-edge.ts';
import { requestIdSchemas } from './http-proxy.ts';
import { headerFormatterSchemas } from './http1.ts';
import { listenerFilterSchemas } from './listener-filters.ts';
import { loadBalancingSchemas } from './load-balancing.ts';
import { engineFilters } from './network-filters.ts';
import { resourceMonitorSchemas } from './overload.ts';
import { tracerSchemas } from './tracing.ts';
import { udpSchemas } from './udp-proxy.ts';

/** Every message that may stand in an Any: what this proxy reads, and what the admin's dumps are made of. */
export function typeRegistry(extensions: Extensions): Registry {
  return createRegistry(
    ...extensions.schemas,
    ...accessLogSchemas,
    ...bootstrapExtensionSchemas,
    ...clientDetectionSchemas,
    ...headerFormatterSchemas,
    ...requestIdSchemas,
    ...upstreamSchemas,
    ...listenerFilterSchemas,
    ...udpSchemas,
    ...tracerSchemas,
    ...loadBalancingSchemas,
    ...resourceMonitorSchemas,
    ...engineFilters.map(({ schema }) => schema),
    BootstrapConfigDumpSchema,
    ConfigDumpSchema,
    ClustersConfigDumpSchema,
    EndpointsConfigDumpSchema,
    ListenersConfigDumpSchema,
    RoutesConfigDumpSchema,
    SecretsConfigDumpSchema,
    SecretSchema,
    ClusterSchema,
    ClusterLoadAssignmentSchema,
    ListenerSchema,
    RouteConfigurationSchema,
    FilterConfigSchema,
    RawBufferSchema,
    DownstreamTlsContextSchema,
    UpstreamTlsContextSchema,
    StructSchema,
    UdpaTypedStructSchema,
    TypedStructSchema,
  );
}

/**
 * The same for printing: an Any of a type that this proxy does not know is printed with its type and without its content
 * (it may be an optional filter, which is accepted and left out), where the plain registry would refuse to print.
 */
export function printingRegistry(registry: Registry): Registry {
  const unknown = (typeName: string): DescMessage => ({ ...EmptySchema, typeName });
  return { ...registry, getMessage: (typeName) => registry.getMessage(typeName) ?? unknown(typeName) };
}
