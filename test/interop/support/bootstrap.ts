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
  /** Conditions of Envoy's `retry_on`, for up to three retries; never retried when not given. */
  retryOn?: string;
}

export interface Listener {
  name: string;
  /** "http", or the name of an RPC protocol. */
  protocol: string;
  routes: Route[];
  /** Any free one when not given; one that is changed while it serves needs one. */
  port?: number;
  /** Fields of the HTTP connection manager besides the usual ones, or in their place. */
  manager?: object;
  /** The control plane serves the routes too, so that they change under connections. */
  routesByXds?: boolean;
  /** Added to every answer. */
  responseHeaders?: Record<string, string>;
  /** HTTP filters before the router. */
  httpFilters?: object[];
  /** One plain chain for everything when not given. */
  chains?: Chain[];
  listenerFilters?: object[];
}

/** A filter chain: what it matches (FilterChainMatch), and its TLS (DownstreamTlsContext); without it, plaintext. */
export interface Chain {
  match?: object;
  tls?: object;
}

export interface Cluster {
  name: string;
  /** On 127.0.0.1. */
  ports: number[];
  /** HTTP/1.1 when not given. */
  protocol?: 'http1' | 'http2';
  /** Retries at once; Envoy's 3 when not given. */
  retriesMax?: number;
  /** Requests at once; Envoy's 1024 when not given. */
  requestsMax?: number;
  /** Extended CONNECT, for HTTP/2. */
  allowConnect?: boolean;
  /** UpstreamTlsContext; without it, plaintext. */
  tls?: object;
  /** The control plane serves the endpoints too. */
  endpointsByXds?: boolean;
  /** RPC calls go inside HTTP/2 instead of as the frames that they are. */
  insideHttp2?: boolean;
}

export interface Mesh {
  listeners: Listener[];
  clusters: Cluster[];
  /** Port of the control plane that serves the listeners; without it, they are static. */
  controlPlanePort?: number;
}

/** Which proxy reads the bootstrap. Envoy has no RPC proxy of ours: it gets a TCP proxy to the first route's cluster. */
export type ProxyKind = 'mosn' | 'envoy';

export function bootstrap(mesh: Mesh, kind: ProxyKind, accessLog: string): object {
  return {
    node: { id: 'sidecar~127.0.0.1~interop.default~default.svc.cluster.local', cluster: 'interop' },
    admin: { address: socketAddress(0) },
    static_resources: {
      listeners: mesh.controlPlanePort ? [] : mesh.listeners.map((one) => listener(one, kind, accessLog)),
      clusters: [...mesh.clusters, ...controlPlane(mesh)].map(cluster),
    },
    ...(mesh.controlPlanePort && { dynamic_resources: dynamicListeners }),
  };
}

const controlPlaneCluster = 'control-plane';

const dynamicListeners = {
  ads_config: {
    api_type: 'GRPC',
    transport_api_version: 'V3',
    grpc_services: [{ envoy_grpc: { cluster_name: controlPlaneCluster } }],
  },
  lds_config: { ads: {}, resource_api_version: 'V3' },
};

function controlPlane({ controlPlanePort }: Mesh): Cluster[] {
  return controlPlanePort ? [{ name: controlPlaneCluster, ports: [controlPlanePort], protocol: 'http2' }] : [];
}

function socketAddress(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

/** A listener resource. */
export function listener(one: Listener, kind: ProxyKind, accessLog: string): object {
  const filter =
    one.protocol === 'http' ? httpFilter(one, accessLog) : kind === 'mosn' ? rpcFilter(one, accessLog) : tcpFilter(one);
  return {
    name: one.name,
    stat_prefix: one.name,
    address: socketAddress(one.port ?? 0),
    ...(one.listenerFilters && { listener_filters: one.listenerFilters }),
    filter_chains: (one.chains ?? [{}]).map((chain) => filterChain(chain, filter)),
  };
}

function filterChain({ match, tls }: Chain, filter: object): object {
  return {
    ...(match && { filter_chain_match: match }),
    ...(tls && { transport_socket: tlsSocket('DownstreamTlsContext', tls) }),
    filters: [filter],
  };
}

function tlsSocket(type: string, context: object): object {
  const name = `type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.${type}`;
  return { name: 'envoy.transport_sockets.tls', typed_config: { '@type': name, ...context } };
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
      http_filters: [...(one.httpFilters ?? []), router()],
      access_log: [fileLog(accessLog)],
      ...one.manager,
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
      ...(one.routesByXds ? { rds: routesByXds(one) } : { route_config: routeConfig(one) }),
      http_filters: [...(one.httpFilters ?? []), router()],
      access_log: [fileLog(accessLog)],
    },
  };
}

function routesByXds(one: Listener): object {
  return { route_config_name: one.name, config_source: { ads: {}, resource_api_version: 'V3' } };
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

/** The routes of a listener, as a resource. */
export function routeConfig(one: Pick<Listener, 'name' | 'routes' | 'responseHeaders'>): object {
  const added = Object.entries(one.responseHeaders ?? {}).map(([key, value]) => ({ header: { key, value } }));
  return {
    name: one.name,
    ...(added.length > 0 && { response_headers_to_add: added }),
    virtual_hosts: [{ name: one.name, domains: ['*'], routes: one.routes.map(route) }],
  };
}

function route({ match, cluster, timeout, retryOn }: Route): object {
  const headers = Object.entries(match.headers ?? {}).map(([name, exact]) => ({ name, string_match: { exact } }));
  const path = match.path === undefined ? { prefix: match.prefix ?? '/' } : { path: match.path };
  return {
    match: { ...path, ...(headers.length > 0 && { headers }) },
    route: {
      cluster,
      ...(timeout && { timeout }),
      ...(retryOn && { retry_policy: { retry_on: retryOn, num_retries: 3 } }),
    },
  };
}

/** The endpoints of a cluster, as a resource. */
export function endpointsOf({ name, ports }: Pick<Cluster, 'name' | 'ports'>): object {
  const endpoints = ports.map((port) => ({ endpoint: { address: socketAddress(port) } }));
  return { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] };
}

function cluster(one: Cluster): object {
  const { name, protocol, retriesMax, requestsMax, allowConnect, tls, insideHttp2, endpointsByXds } = one;
  const http =
    protocol === 'http2'
      ? { http2_protocol_options: { ...(allowConnect && { allow_connect: true }) } }
      : { http_protocol_options: { enable_trailers: true } };
  return {
    name,
    connect_timeout: '1s',
    ...(endpointsByXds
      ? { type: 'EDS', eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' } } }
      : { type: 'STATIC', load_assignment: endpointsOf(one) }),
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: http,
      },
      ...(insideHttp2 && {
        'mosn.extensions.upstreams.rpc.v1.RpcProtocolOptions': {
          '@type': 'type.googleapis.com/mosn.extensions.upstreams.rpc.v1.RpcProtocolOptions',
          carrier: 'HTTP2',
        },
      }),
    },
    ...((retriesMax || requestsMax) && {
      circuit_breakers: {
        thresholds: [
          { ...(retriesMax && { max_retries: retriesMax }), ...(requestsMax && { max_requests: requestsMax }) },
        ],
      },
    }),
    ...(tls && { transport_socket: tlsSocket('UpstreamTlsContext', tls) }),
  };
}
