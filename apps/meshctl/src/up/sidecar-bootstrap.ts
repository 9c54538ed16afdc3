import type { Address, IpAddress } from '@sofamesh/base/address';
import type { Workload } from './spec.ts';

/** Where an Istio sidecar's admin page is. Every workload has an address of its own, so the port can be the same. */
export const adminPort = 15_000;

const http2Options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** The bootstrap of a workload's sidecar: an admin page, and everything else from meshd. */
export function sidecarBootstrap(workload: Workload, meshd: IpAddress): object {
  const { name, namespace, address, labels, serviceAccount } = workload;
  const fromAds = { ads: {}, resource_api_version: 'V3' };
  return {
    node: {
      id: nodeId(workload),
      cluster: `${labels['app'] ?? name}.${namespace}`,
      metadata: {
        NAMESPACE: namespace,
        WORKLOAD_NAME: name,
        LABELS: labels,
        INTERCEPTION_MODE: 'NONE',
        CLUSTER_ID: 'local',
        ...(serviceAccount !== undefined && { SERVICE_ACCOUNT: serviceAccount }),
      },
    },
    admin: { address: socketAddress({ kind: 'ip', host: address, port: adminPort }) },
    dynamic_resources: {
      ads_config: {
        api_type: 'GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds-grpc' } }],
      },
      lds_config: fromAds,
      cds_config: fromAds,
    },
    static_resources: {
      clusters: [
        {
          name: 'xds-grpc',
          type: 'STATIC',
          connect_timeout: '1s',
          load_assignment: {
            cluster_name: 'xds-grpc',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(meshd) } }] }],
          },
          typed_extension_protocol_options: {
            [http2Options]: {
              '@type': `type.googleapis.com/${http2Options}`,
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
        },
      ],
    },
  };
}

/** As Istio writes it. */
export function nodeId({ name, namespace, address }: Workload): string {
  return `sidecar~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`;
}

function socketAddress(address: Address): object {
  if (address.kind === 'pipe') return { pipe: { path: address.path } };
  return { socket_address: { address: address.host, port_value: address.port } };
}
