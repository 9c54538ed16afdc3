/**
 * The listener configurations that cases choose from: the fields of the connection manager, of its HTTP/1 options, of the
 * upstream's HTTP options and of the route, beyond what every listener has.
 */
interface Configuration {
  readonly manager?: object;
  readonly http1?: object;
  readonly upstreamHttp1?: object;
  /** The upstream speaks HTTP/2. */
  readonly upstreamHttp2?: object;
  readonly route?: object;
  readonly match?: object;
}

export type ConfigurationName = keyof typeof configurations;

const properCase = { header_key_format: { proper_case_words: {} } };
const preservedCase = {
  header_key_format: {
    stateful_formatter: {
      name: 'preserve_case',
      typed_config: {
        '@type':
          'type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig',
      },
    },
  },
};

const known = {
  plain: {},
  trailers: { http1: { enable_trailers: true }, upstreamHttp1: { enable_trailers: true } },
  normal: { manager: { normalize_path: true, merge_slashes: true } },
  edge: { manager: { use_remote_address: true, xff_num_trusted_hops: 1, via: 'edge', server_name: 'front' } },
  near: { manager: { use_remote_address: true } },
  http10: { http1: { accept_http_10: true, default_host_for_http_10: 'old.example' } },
  http10NoHost: { http1: { accept_http_10: true } },
  upgrade: {
    manager: { upgrade_configs: [{ upgrade_type: 'websocket' }] },
  },
  connect: {
    manager: { upgrade_configs: [{ upgrade_type: 'CONNECT' }] },
    match: { connect_matcher: {} },
  },
  small: {
    manager: { max_request_headers_kb: 1, common_http_protocol_options: { max_headers_count: 10 } },
  },
  expect: { manager: { proxy_100_continue: true } },
  pathOnly: { http1: { allow_absolute_url: false } },
  bothLengths: { http1: { allow_chunked_length: true }, upstreamHttp1: { allow_chunked_length: true } },
  proper: { http1: properCase, upstreamHttp1: properCase },
  preserve: { http1: preservedCase, upstreamHttp1: preservedCase },
  edits: {
    route: {
      request_headers_to_add: [
        { header: { key: 'x-added', value: 'by route' }, append_action: 'APPEND_IF_EXISTS_OR_ADD' },
      ],
      response_headers_to_add: [
        { header: { key: 'x-answer', value: 'by route' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
      ],
      response_headers_to_remove: ['x-gone'],
    },
  },
  http2Upstream: { http1: { enable_trailers: true }, upstreamHttp2: {} },
  http2Retry: {
    upstreamHttp2: {},
    route: { route: { retry_policy: { retry_on: 'refused-stream', num_retries: 1 } } },
  },
  redirects: {
    route: {
      route: {
        internal_redirect_policy: {
          max_internal_redirects: 2,
          redirect_response_codes: [301, 302, 303, 307],
          response_headers_to_copy: ['x-taken', 'x-lacking'],
        },
      },
    },
  },
  wholeRequest: { manager: { request_timeout: '0.2s' } },
  shortStreams: { manager: { common_http_protocol_options: { max_stream_duration: '0.2s' } } },
  twoRequests: { manager: { common_http_protocol_options: { max_requests_per_connection: 2 } } },
  streamInsteadOfTimeout: { route: { route: { timeout: '0.1s', max_stream_duration: { max_stream_duration: '5s' } } } },
  grpcDeadline: { route: { route: { max_grpc_timeout: '0.5s', grpc_timeout_offset: '0.1s' } } },
  grpcStream: {
    route: { route: { max_stream_duration: { grpc_timeout_header_max: '0.5s', grpc_timeout_header_offset: '0.1s' } } },
  },
  otherHost: { route: { route: { host_rewrite_literal: 'b.example', append_x_forwarded_host: true } } },
  connectRoute: { match: { connect_matcher: {} } },
  retry: { route: { route: { retry_policy: { retry_on: '5xx,reset', num_retries: 1 } } } },
} satisfies Record<string, Configuration>;

export const configurations: Readonly<Record<keyof typeof known, Configuration>> = known;

/** A listener that is routed to a cluster of its own. */
export interface Lane {
  readonly name: string;
  readonly configuration: ConfigurationName;
  readonly originPort: number;
}

/** The bootstrap that both proxies get, but for the ports of their upstreams. */
export function bootstrap(lanes: readonly Lane[]): object {
  return {
    node: { id: 'envoy-diff', cluster: 'interop' },
    admin: { address: address(0) },
    static_resources: { listeners: lanes.map(listener), clusters: lanes.map(cluster) },
  };
}

function listener({ name, configuration }: Lane): object {
  const { manager, http1, route, match } = configurations[configuration];
  const { route: action, ...besides } = (route ?? {}) as { route?: object };
  const filter = {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      stat_prefix: 'diff',
      delayed_close_timeout: '0.05s',
      http_protocol_options: http1,
      ...manager,
      route_config: {
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [
              { match: { path: '/direct' }, direct_response: { status: 200, body: { inline_string: 'direct' } } },
              { match: match ?? { prefix: '/' }, route: { cluster: name, ...action }, ...besides },
            ],
          },
        ],
      },
      http_filters: [
        {
          name: 'envoy.filters.http.router',
          typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
        },
      ],
    },
  };
  return { name, stat_prefix: 'diff', address: address(0), filter_chains: [{ filters: [filter] }] };
}

function cluster({ name, configuration, originPort }: Lane): object {
  const { upstreamHttp1, upstreamHttp2 } = configurations[configuration];
  return {
    name,
    alt_stat_name: 'diff',
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(originPort) } }] }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config:
          upstreamHttp2 === undefined
            ? { http_protocol_options: upstreamHttp1 ?? {} }
            : { http2_protocol_options: upstreamHttp2 },
      },
    },
  };
}

function address(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
