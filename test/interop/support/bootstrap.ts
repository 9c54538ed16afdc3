// Envoy bootstraps with static resources, as the interop tests need them. Every listener takes a free port by itself.

/** `%…%` fields of Envoy's access log that the tests look at, in this order. */
const logFields = ['RESPONSE_CODE', 'RESPONSE_FLAGS', 'UPSTREAM_CLUSTER', 'REQ(:PATH)'] as const;

export interface Match {
  prefix?: string;
  path?: string;
  headers?: Record<string, string>;
}

export interface Route {
  match: Match;
  cluster: string;
  timeout?: string;
}

export interface Listener {
  name: string;
  /** "http", or the name of an RPC protocol. */
  protocol: string;
  routes: Route[];
}

export interface Cluster {
  name: string;
  /** On 127.0.0.1. */
  ports: number[];
}

export interface Mesh {
  listeners: Listener[];
  clusters: Cluster[];
}

/** Which proxy reads the bootstrap. Envoy has no RPC proxy of ours: it gets a TCP proxy to the first route's cluster. */
export type ProxyKind = 'mosn' | 'envoy';

export function bootstrap(mesh: Mesh, kind: ProxyKind, accessLog: string): object {
  return {
    node: { id: 'sidecar~127.0.0.1~interop.default~default.svc.cluster.local', cluster: 'interop' },
    admin: { address: socketAddress(0) },
    static_resources: {
      listeners: mesh.listeners.map((one) => listener(one, kind, accessLog)),
      clusters: mesh.clusters.map(cluster),
    },
  };
}

function socketAddress(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

function listener(one: Listener, kind: ProxyKind, accessLog: string): object {
  const filter =
    one.protocol === 'http' ? httpFilter(one, accessLog) : kind === 'mosn' ? rpcFilter(one, accessLog) : tcpFilter(one);
  return { name: one.name, stat_prefix: one.name, address: socketAddress(0), filter_chains: [{ filters: [filter] }] };
}

function httpFilter(one: Listener, accessLog: string): object {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      stat_prefix: one.name,
      codec_type: 'AUTO',
      http_protocol_options: { enable_trailers: true },
      route_config: routeConfig(one),
      http_filters: [router()],
      access_log: [fileLog(accessLog)],
    },
  };
}

function rpcFilter(one: Listener, accessLog: string): object {
  return {
    name: 'mosn.filters.network.x_proxy',
    typed_config: {
      '@type': 'type.googleapis.com/mosn.extensions.filters.network.x_proxy.v1.XProxy',
      protocol: one.protocol,
      stat_prefix: one.name,
      route_config: routeConfig(one),
      http_filters: [router()],
      access_log: [fileLog(accessLog)],
    },
  };
}

function tcpFilter(one: Listener): object {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
      stat_prefix: one.name,
      cluster: one.routes[0]?.cluster,
    },
  };
}

function router(): object {
  return {
    name: 'envoy.filters.http.router',
    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
  };
}

function fileLog(path: string): object {
  return {
    name: 'envoy.access_loggers.file',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
      path,
      log_format: { text_format_source: { inline_string: `${logFields.map((field) => `%${field}%`).join(' ')}\n` } },
    },
  };
}

function routeConfig(one: Listener): object {
  return {
    name: one.name,
    virtual_hosts: [{ name: one.name, domains: ['*'], routes: one.routes.map(route) }],
  };
}

function route({ match, cluster, timeout }: Route): object {
  const headers = Object.entries(match.headers ?? {}).map(([name, exact]) => ({ name, string_match: { exact } }));
  const path = match.path === undefined ? { prefix: match.prefix ?? '/' } : { path: match.path };
  return {
    match: { ...path, ...(headers.length > 0 && { headers }) },
    route: { cluster, ...(timeout && { timeout }) },
  };
}

function cluster({ name, ports }: Cluster): object {
  const endpoints = ports.map((port) => ({ endpoint: { address: socketAddress(port) } }));
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http_protocol_options: { enable_trailers: true } },
      },
    },
  };
}
