const typed = (type: string, config: object) => ({ '@type': `type.googleapis.com/${type}`, ...config });
const anyAddress = { socket_address: { address: '127.0.0.1', port_value: 0 } };
const ads = { ads: {}, resource_api_version: 'V3' };
const percentage = { numerator: 1, denominator: 'HUNDRED' };

const accessLog = (log_format: object) => ({
  name: 'envoy.access_loggers.file',
  typed_config: typed('envoy.extensions.access_loggers.file.v3.FileAccessLog', { path: '/dev/null', log_format }),
});

const httpFilters = [
  { name: 'envoy.filters.http.fault', typed_config: typed('envoy.extensions.filters.http.fault.v3.HTTPFault', {}) },
  { name: 'envoy.filters.http.router', typed_config: typed('envoy.extensions.filters.http.router.v3.Router', {}) },
];

const http = (routes: object) => ({
  name: 'envoy.filters.network.http_connection_manager',
  typed_config: typed('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'sample',
    ...routes,
    http_filters: httpFilters,
    access_log: [
      accessLog({ text_format_source: { inline_string: '%START_TIME% %REQ(:METHOD)% %RESPONSE_CODE% %DURATION%\n' } }),
      accessLog({ json_format: { status: '%RESPONSE_CODE%' } }),
    ],
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    use_remote_address: true,
  }),
});

const rpc = (routes: object) => ({
  name: 'mosn.filters.network.x_proxy',
  typed_config: typed('mosn.extensions.filters.network.x_proxy.v1.XProxy', {
    protocol: 'bolt',
    stat_prefix: 'sample',
    ...routes,
    http_filters: httpFilters,
  }),
});

const listener = (name: string, filter: object) => ({
  name,
  address: anyAddress,
  filter_chains: [{ filters: [filter] }],
});

const routes = [
  {
    match: {
      prefix: '/',
      headers: [{ name: 'x-sample', string_match: { exact: 'sample' } }],
      runtime_fraction: { default_value: percentage },
    },
    route: {
      weighted_clusters: { clusters: [{ name: 'xds', weight: 1 }] },
      timeout: '1s',
      retry_policy: {
        retry_on: '5xx',
        num_retries: 1,
        per_try_timeout: '1s',
        retry_back_off: { base_interval: '1s' },
        retry_host_predicate: [{ name: 'envoy.retry_host_predicates.previous_hosts' }],
      },
    },
    typed_per_filter_config: {
      'envoy.filters.http.fault': {
        ...typed('envoy.extensions.filters.http.fault.v3.HTTPFault', {}),
        delay: { fixed_delay: '1s', percentage },
        abort: { http_status: 503, percentage },
      },
    },
  },
  { match: { path: '/sample' }, route: { cluster: 'xds' } },
];
const routeConfig = { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] };
const discovered = { route_config_name: 'sample', config_source: ads };

const httpOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/**
 * A bootstrap with what most have and most control planes send. What is read of it before the snapshot is taken needs neither
 * be compiled nor described when a program starts from there.
 */
export const sampleBootstrap: object = {
  node: { id: 'sample', cluster: 'sample', metadata: { NAMESPACE: 'default' }, locality: { region: 'sample' } },
  admin: { address: anyAddress },
  dynamic_resources: {
    ads_config: {
      api_type: 'GRPC',
      transport_api_version: 'V3',
      grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
    },
    cds_config: ads,
    lds_config: ads,
  },
  static_resources: {
    listeners: [
      listener('http', http({ route_config: routeConfig })),
      listener('discovered', http({ rds: discovered })),
      listener('rpc', rpc({ rds: discovered })),
    ],
    clusters: [
      {
        name: 'xds',
        connect_timeout: '1s',
        type: 'STATIC',
        typed_extension_protocol_options: {
          [httpOptions]: typed(httpOptions, { explicit_http_config: { http2_protocol_options: {} } }),
        },
        load_assignment: {
          cluster_name: 'xds',
          endpoints: [{ lb_endpoints: [{ endpoint: { address: anyAddress } }] }],
        },
        circuit_breakers: { thresholds: [{ max_connections: 1024 }] },
      },
      {
        name: 'discovered',
        connect_timeout: '1s',
        type: 'EDS',
        eds_cluster_config: { eds_config: ads },
      },
    ],
  },
};
