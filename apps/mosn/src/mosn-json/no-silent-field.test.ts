import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';
import { BootstrapError } from '../config/bootstrap.ts';
import { convertMosnConfig } from './mosn-config.ts';

/** A file to which every field can be added. */
const base = (): JsonObject => ({
  servers: [
    {
      listeners: [
        listener(2045, 'proxy', {
          downstream_protocol: 'Http1',
          upstream_protocol: 'Http1',
          router_config_name: 'http',
        }),
        listener(2046, 'proxy', { downstream_protocol: 'bolt', upstream_protocol: 'bolt', router_config_name: 'rpc' }),
        listener(2047, 'tcp_proxy', { cluster: 'c' }),
        { ...listener(2048, 'udp_proxy', { cluster: 'c' }), network: 'udp' },
      ],
      routers: [router('http', { prefix: '/' }), router('rpc', { headers: [{ name: 'service', value: '.*' }] })],
    },
  ],
  cluster_manager: {
    clusters: [{ name: 'c', type: 'SIMPLE', lb_type: 'LB_ROUNDROBIN', hosts: [{ address: '127.0.0.1:8080' }] }],
  },
});

const listener = (port: number, type: string, config: JsonObject): JsonObject => ({
  name: `${port}`,
  address: `127.0.0.1:${port}`,
  bind_port: true,
  filter_chains: [{ filters: [{ type, config }] }],
});

const router = (name: string, match: JsonObject): JsonObject => ({
  router_config_name: name,
  virtual_hosts: [{ name: 'v', domains: ['*'], routers: [{ match, route: { cluster_name: 'c' } }] }],
});

const places = {
  '': '',
  server: 'servers.0.',
  listener: 'servers.0.listeners.0.',
  proxy: 'servers.0.listeners.0.filter_chains.0.filters.0.config.',
  rpc: 'servers.0.listeners.1.filter_chains.0.filters.0.config.',
  tcp: 'servers.0.listeners.2.filter_chains.0.filters.0.config.',
  udp: 'servers.0.listeners.3.filter_chains.0.filters.0.config.',
  chain: 'servers.0.listeners.0.filter_chains.0.',
  routers: 'servers.0.routers.0.',
  host: 'servers.0.routers.0.virtual_hosts.0.',
  router: 'servers.0.routers.0.virtual_hosts.0.routers.0.',
  route: 'servers.0.routers.0.virtual_hosts.0.routers.0.route.',
  manager: 'cluster_manager.',
  cluster: 'cluster_manager.clusters.0.',
  endpoint: 'cluster_manager.clusters.0.hosts.0.',
} as const;

const edits = [{ header: { key: 'a', value: 'b' } }];
const subset = { filter_metadata: { 'mosn.lb': { a: 'b' } } };

/** Fields by place, each with values that are not what it has without. */
const fields: Readonly<Record<keyof typeof places, Readonly<Record<string, readonly JsonValue[]>>>> = {
  '': {
    tracing: [{ enable: true, driver: 'SOFATracer' }],
    metrics: [
      { sinks: [{ type: 'prometheus', config: { port: 34902 } }] },
      { sinks: [{ type: 'console' }] },
      { stats_matcher: { reject_all: true } },
      { shm_zone: 'z' },
      { shm_size: '1m' },
    ],
    node: [{ id: 'x' }],
    pprof: [{ debug: true }],
    pid: ['x'],
    uds_dir: ['x'],
    plugin: [{ log_base: 'x' }],
    inherit_old_mosnconfig: [true],
    third_part_codec: [{ codecs: [{ enable: true }] }],
    extends: [[{ type: 'x' }]],
    wasm_global_plugins: [[{ plugin_name: 'x' }]],
    admin: [{ address: { socket_address: { address: '127.0.0.1', port_value: 1 } } }],
    watch_config: [true],
  },
  server: {
    mosn_server_name: ['x'],
    default_log_path: ['x'],
    default_log_level: ['x'],
    global_log_roller: ['x'],
    use_netpoll_mode: [true],
    graceful_timeout: ['1s'],
    processor: [4],
  },
  listener: {
    type: ['ingress', 'egress'],
    bind_port: [false],
    network: ['unix'],
    use_original_dst: ['redirect', 'tproxy'],
    access_logs: [[{ log_path: 'x' }]],
    listener_filters: [[{ type: 'original_dst' }]],
    connection_idle_timeout: ['0s', '30s', 30000000000],
    default_read_buffer_size: [1],
    stream_filters: [
      [{ type: 'fault', config: { abort: { status: 500, percentage: 10 } } }],
      [{ type: 'payload_limit', config: { 'max_entity_size ': 1 } }],
      [{ type: 'gzip', config: { gzip_level: 1 } }],
      [{ type: 'fault_tolerance', config: { enabled: true } }],
      [{ type: 'dsl', config: {} }],
      [{ type: 'mirror', config: { broadcast: true } }],
      [{ type: 'dubbo_stream', config: {} }],
      [{ type: 'grpc_metric', config: {} }],
      [{ type: 'ip_access', config: {} }],
      [{ type: 'header_to_metadata', config: {} }],
      [{ type: 'flowControlFilter', config: {} }],
      [{ type: 'transcoder', config: { type: 'http2bolt_simple' } }],
      [{ type: 'proxywasm', config: {} }],
      [{ type: 'seata', config: {} }],
      [{ type: 'jwt_authn', config: {} }],
      [{ type: 'mixer', config: {} }],
      [{ type: 'istio.stats', config: {} }],
      [{ type: 'rbac', config: {} }],
      [{ type: 'x_so_plugin', config: {} }],
    ],
  },
  proxy: {
    downstream_protocol: ['Http2', 'Http1,Http2', 'Auto'],
    upstream_protocol: ['Http2'],
    router_handler_name: ['x'],
    fallback_for_unknown_protocol: [true],
    concurrency_num: [8],
    extend_config: [{ Http1: { max_header_size: 4096 } }, { Http1: { max_request_body_size: 1 } }],
  },
  rpc: {
    downstream_protocol: ['X'],
    extend_config: [{ bolt: { enable_bolt_goaway: true } }],
  },
  tcp: {
    routes: [
      [{ cluster: 'c', source_addrs: ['10.0.0.0/8'] }],
      [{ cluster: 'c', destination_addrs: ['10.0.0.0/8'] }],
      [{ cluster: 'c', source_port: '1' }],
      [{ cluster: 'c', destination_port: '1' }],
    ],
    idle_timeout: ['3s'],
    max_connect_attempts: [2],
    stat_prefix: ['x'],
  },
  udp: {
    routes: [[{ cluster: 'c', source_addrs: ['10.0.0.0/8'] }]],
    idle_timeout: ['3s'],
    max_connect_attempts: [2],
    stat_prefix: ['x'],
  },
  chain: {
    match: ['x'],
    'filters.1': [
      { type: 'fault_inject' },
      { type: 'grpc' },
      { type: 'tunnel' },
      { type: 'rbac' },
      { type: 'x_proxy' },
    ],
    tls_context: [{ status: true, cert_chain: 'x', private_key: 'y' }],
  },
  routers: {
    request_headers_to_add: [edits],
    response_headers_to_add: [edits],
    request_headers_to_remove: [['a']],
    response_headers_to_remove: [['a']],
  },
  host: {
    require_tls: ['ALL'],
    domains: [['a.b', '*.c']],
    per_filter_config: [{ fault: { abort: { status: 500, percentage: 100 } } }],
    request_headers_to_add: [edits],
    response_headers_to_add: [edits],
    request_headers_to_remove: [['a']],
    response_headers_to_remove: [['a']],
  },
  router: {
    match: [
      { path: '/a' },
      { regex: 'a' },
      { prefix: '/', headers: [{ name: 'a', value: 'b' }] },
      { prefix: '/', headers: [{ name: 'a', value: 'b', regex: true }] },
      { variables: [{ name: 'x-mosn-path', value: '/a' }] },
      { dsl_expressions: [{ expression: 'true' }] },
      { prefix: '/', query_parameters: [{ name: 'a' }] },
    ],
    metadata: [subset],
    request_mirror_policies: [{ cluster: 'c', percent: 50 }],
    per_filter_config: [{ fault: { delay: { fixed_delay: '1s', percentage: 50 } } }, { other: {} }],
  },
  route: {
    cluster_variable: ['http_request_header_x'],
    weighted_clusters: [[{ cluster: { name: 'c', weight: 1 } }]],
    upstream_protocol: ['Http2'],
    timeout: ['3s'],
    retry_policy: [
      { retry_on: true },
      { retry_on: true, retry_timeout: '1s' },
      { num_retries: 5 },
      { retry_on: true, status_codes: [503] },
    ],
    prefix_rewrite: ['/x'],
    regex_rewrite: [{ pattern: { regex: 'a' }, substitution: 'b' }],
    host_rewrite: ['h'],
    auto_host_rewrite: [true],
    auto_host_rewrite_header: ['x'],
    hash_policy: [[{ header: { key: 'a' } }]],
    metadata_match: [subset],
    request_headers_to_add: [edits],
    response_headers_to_add: [edits],
    request_headers_to_remove: [['a']],
    response_headers_to_remove: [['a']],
  },
  manager: {
    tls_context: [{ status: true, server_name: 'x' }],
  },
  cluster: {
    type: ['STRICT_DNS', 'ORIGINAL_DST', 'other'],
    lb_type: [
      'LB_RANDOM',
      'LB_LEAST_REQUEST',
      'LB_LEAST_CONNECTION',
      'LB_PEAK_EWMA',
      'LB_MAGLEV',
      'LB_REQUEST_ROUNDROBIN',
      'LB_ORIGINAL_DST',
      'other',
    ],
    lbconfig: [
      { choice_count: 3 },
      { active_request_bias: 1.5 },
      { client_error_bias: 0.5 },
      { server_error_bias: 0.5 },
    ],
    slow_start: [{ mode: 'duration' }],
    lb_subset_config: [{ fall_back_policy: 1 }],
    original_dst_lb_config: [{ use_header: true }],
    dns_refresh_rate: ['3s'],
    respect_dns_ttl: [true],
    dns_lookup_family: ['V6_ONLY'],
    dns_resolvers: [{ servers: ['::1'] }],
    dns_resolver_file: ['x'],
    circuit_breakers: [
      [{ max_connections: 5 }],
      [{ max_pending_requests: 5 }],
      [{ max_requests: 5 }],
      [{ max_retries: 5 }],
    ],
    connect_timeout: ['3s'],
    idle_timeout: ['3s'],
    keepalive: [{ interval: '5s' }],
    tls_context: [{ status: true, server_name: 'x' }, { status: true }],
    cluster_manager_tls: [true],
    mark: [5],
    max_request_per_conn: [1],
    conn_buffer_limit_bytes: [1],
    cluster_pool_enable: [true],
    spec: [{ subscribe: [{ service_name: 'x' }] }],
    sub_type: ['x'],
    health_check: [{ service_name: 'x' }],
  },
  endpoint: {
    weight: [5],
    hostname: ['h'],
    metadata: [subset],
  },
};

function said(file: JsonObject): string {
  try {
    const { bootstrap, warnings } = convertMosnConfig(file, () => assert.fail('no folder is named'));
    return JSON.stringify([bootstrap, warnings]);
  } catch (thrown) {
    assert.ok(thrown instanceof BootstrapError, String(thrown));
    return thrown.message;
  }
}

function withField(path: string, value: JsonValue): JsonObject {
  const file = base();
  const names = path.split('.');
  const parent = names.slice(0, -1).reduce((at, name) => at[name] as JsonObject, file);
  parent[names.at(-1)!] = value;
  return file;
}

test('no field is read over: each has an effect, a warning or a refusal', () => {
  const before = said(base());
  assert.match(before, /"listeners".*,\[\]\]$/, 'the file itself has no warning');
  const silent: string[] = [];
  for (const [place, prefix] of Object.entries(places)) {
    for (const [name, values] of Object.entries(fields[place as keyof typeof places])) {
      for (const value of values) {
        if (said(withField(prefix + name, value)) === before) silent.push(`${prefix}${name}: ${JSON.stringify(value)}`);
      }
    }
  }
  assert.deepEqual(silent, []);
});
