// The Envoy bootstrap that Envoy and mosn both run from, so that they are asked for exactly the same.
import { join } from 'node:path';
import { logFields } from '../access-log.ts';
import { isHttp2, isTls, type Task } from './proxy.ts';

const httpConnectionManager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const tcpProxy = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
const downstreamTls = 'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
const httpOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const fileAccessLog = 'envoy.extensions.access_loggers.file.v3.FileAccessLog';
const router = 'envoy.extensions.filters.http.router.v3.Router';

export const clusterName = 'backend';

export function accessLogOf(task: Task): string | undefined {
  return task.observed ? join(task.folder, 'access.txt') : undefined;
}

/** What a bootstrap may have more than the task says. */
export interface Additions {
  readonly filterChain?: object;
  readonly cluster?: object;
}

export function bootstrap(
  task: Task,
  port: number,
  adminPort: number,
  networkFilter: object,
  additions: Additions = {},
): object {
  const chain = { ...filterChain(task, networkFilter), ...additions.filterChain };
  return {
    node: { id: 'bench', cluster: 'bench' },
    admin: { address: address(adminPort) },
    static_resources: {
      listeners: [{ name: 'in', address: address(port), filter_chains: [chain] }],
      clusters: [
        {
          name: clusterName,
          type: 'STATIC',
          connect_timeout: '5s',
          load_assignment: {
            cluster_name: clusterName,
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(task.backendPort) } }] }],
          },
          ...(task.upstream === 'http2' && overHttp2),
          circuit_breakers: { thresholds: [unlimited] },
          ...additions.cluster,
        },
      ],
    },
  };
}

const overHttp2 = {
  typed_extension_protocol_options: {
    [httpOptions]: typed(httpOptions, { explicit_http_config: { http2_protocol_options: {} } }),
  },
};

/** The limits would stand in the way of ten thousand connections. */
const unlimited = { max_connections: 100_000, max_pending_requests: 100_000, max_requests: 100_000 };

/** The network filter for a mode that both proxies know. */
export function standardFilter(task: Task): object {
  return task.mode === 'tcp' ? tcpFilter(task) : httpFilter(task);
}

export function routeConfig(): object {
  const routes = [{ match: { prefix: '/' }, route: { cluster: clusterName } }];
  return { name: 'routes', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] };
}

export function httpFilters(): object[] {
  return [{ name: 'envoy.filters.http.router', typed_config: typed(router, {}) }];
}

/** Nothing, or one file log with the fields that all proxies write. */
export function accessLogs(task: Task): object[] {
  const path = accessLogOf(task);
  if (path === undefined) return [];
  const line = `${logFields.map((field) => `%${field}%`).join(' ')}\n`;
  const config = { path, log_format: { text_format_source: { inline_string: line } } };
  return [{ name: 'envoy.access_loggers.file', typed_config: typed(fileAccessLog, config) }];
}

export function typed(type: string, message: object): object {
  return { '@type': `type.googleapis.com/${type}`, ...message };
}

export function address(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

function httpFilter(task: Task): object {
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: typed(httpConnectionManager, {
      stat_prefix: 'in',
      codec_type: isHttp2(task.mode) ? 'HTTP2' : 'HTTP1',
      ...(task.mode === 'websocket' && { upgrade_configs: [{ upgrade_type: 'websocket' }] }),
      // Only when observed do the others add X-Forwarded-For and X-Request-Id.
      use_remote_address: task.observed,
      generate_request_id: task.observed,
      route_config: routeConfig(),
      http_filters: httpFilters(),
      access_log: accessLogs(task),
    }),
  };
}

export function tcpFilter(task: Task): object {
  const config = { stat_prefix: 'in', cluster: clusterName, access_log: accessLogs(task) };
  return { name: 'envoy.filters.network.tcp_proxy', typed_config: typed(tcpProxy, config) };
}

function filterChain(task: Task, networkFilter: object): object {
  if (!isTls(task.mode)) return { filters: [networkFilter] };
  const { certificateFile, keyFile } = task.certificate;
  const context = {
    tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
    tls_certificates: [{ certificate_chain: { filename: certificateFile }, private_key: { filename: keyFile } }],
  };
  const alpn = isHttp2(task.mode) ? { alpn_protocols: ['h2'] } : {};
  const config = typed(downstreamTls, { common_tls_context: { ...context, ...alpn } });
  return { filters: [networkFilter], transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: config } };
}
