/** The program up to where its command line is read: what a start-up snapshot of it holds. */
import { pathToFileURL } from 'node:url';
import { startupSnapshot } from 'node:v8';
import { silentLogger } from '@sofamesh/base/logger';
import { readArguments } from './argv.ts';
import './lifecycle/control-plane.ts';
import { loadBootstrap, readTexts } from './lifecycle/load-bootstrap.ts';
import { runProgram } from './lifecycle/program.ts';
import './mosn-json/mosn-config.ts';
import './worker/worker.ts';

const typeUrl = (name: string) => `type.googleapis.com/envoy.extensions.filters.${name}`;
const anyAddress = { socket_address: { address: '127.0.0.1', port_value: 0 } };

/** Uses what a start uses, so that it is compiled. Its result is dropped. */
const sample = {
  node: { id: 'sample', cluster: 'sample', metadata: { NAMESPACE: 'default' } },
  admin: { address: anyAddress },
  dynamic_resources: {
    ads_config: {
      api_type: 'GRPC',
      transport_api_version: 'V3',
      grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
    },
    cds_config: { ads: {}, resource_api_version: 'V3' },
    lds_config: { ads: {}, resource_api_version: 'V3' },
  },
  static_resources: {
    listeners: [
      {
        name: 'sample',
        address: anyAddress,
        filter_chains: [
          {
            filters: [
              {
                name: 'envoy.filters.network.http_connection_manager',
                typed_config: {
                  '@type': typeUrl('network.http_connection_manager.v3.HttpConnectionManager'),
                  stat_prefix: 'sample',
                  route_config: {
                    virtual_hosts: [
                      { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'xds' } }] },
                    ],
                  },
                  http_filters: [
                    { name: 'envoy.filters.http.router', typed_config: { '@type': typeUrl('http.router.v3.Router') } },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
    clusters: [
      {
        name: 'xds',
        connect_timeout: '1s',
        type: 'STATIC',
        typed_extension_protocol_options: {
          'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
            '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
            explicit_http_config: { http2_protocol_options: {} },
          },
        },
        load_assignment: {
          cluster_name: 'xds',
          endpoints: [{ lb_endpoints: [{ endpoint: { address: anyAddress } }] }],
        },
      },
    ],
  },
};

loadBootstrap(readTexts(readArguments(['node', 'mosn', '--config-yaml', JSON.stringify(sample)])), silentLogger);

startupSnapshot.setDeserializeMainFunction(() => {
  void runProgram(process.argv, { entry: pathToFileURL(process.argv[1]!), fromSnapshot: true });
});
