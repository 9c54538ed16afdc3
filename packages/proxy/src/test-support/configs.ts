import { ipAddress } from '@sofamesh/base/address';
import { defaultCodecLimits } from '@sofamesh/contract/protocol';
import type { ClusterConfig } from '../config/cluster.ts';
import type { FilterConfig } from '../config/extension.ts';
import type {
  FilterChainConfig,
  FilterChainMatch,
  HttpProxyConfig,
  ListenerConfig,
  NetworkConfig,
  RpcProxyConfig,
  TcpProxyConfig,
} from '../config/listener.ts';
import {
  type ForwardConfig,
  noHeaderMutations,
  type RetryConfig,
  type RouteConfig,
  type RouteMatchConfig,
  type RouteTableConfig,
  type VirtualHostConfig,
} from '../config/route.ts';

/** Configurations for tests: everything off that a test does not ask for. */

export function clusterConfig(
  name: string,
  ports: readonly number[],
  more: Partial<ClusterConfig> = {},
): ClusterConfig {
  return {
    name,
    version: '1',
    statName: name,
    discovery: {
      kind: 'static',
      endpoints: {
        name,
        version: '1',
        groups: [
          {
            locality: '',
            priority: 0,
            weight: 0,
            hosts: ports.map((port) => ({
              address: ipAddress('10.0.0.1', port),
              weight: 1,
              healthy: true,
              hostname: `host-${port}`,
            })),
          },
        ],
      },
    },
    balancer: { name: 'in_turn', options: undefined },
    connectTimeoutMs: 1000,
    httpCodec: { kind: 'named', name: 'lines' },
    codecSettings: {},
    codecLimits: defaultCodecLimits,
    keepalive: undefined,
    tls: undefined,
    autoServerName: undefined,
    limits: { connectionsMax: 1024, pendingRequestsMax: 1024, requestsMax: 1024, retriesMax: 3 },
    maxRequestsPerConnection: 0,
    idleTimeoutMs: 0,
    connectionDurationMs: 0,
    streamDurationMs: 0,
    multiplexedConnections: 1,
    bufferBytesMax: 1024 * 1024,
    ...more,
  };
}

export const anyMatch: FilterChainMatch = {
  destinationPort: undefined,
  destinationPrefixes: [],
  serverNames: [],
  transportProtocol: undefined,
  applicationProtocols: [],
  directSourcePrefixes: [],
  sourceType: 'any',
  sourcePrefixes: [],
  sourcePorts: [],
};

const proxyDefaults = {
  statPrefix: 'in',
  filters: [filterConfig('router')],
  accessLogs: [{ sink: { kind: 'stdout' }, format: { kind: 'text', text: '' } }],
  limits: defaultCodecLimits,
  codecSettings: {},
  idleTimeoutMs: 0,
  streamIdleTimeoutMs: 0,
  messageProgressTimeoutMs: 0,
  heldBytesMax: 1024 * 1024,
} as const;

export function filterConfig(name: string, config?: unknown): FilterConfig {
  return { name, config, disabled: false };
}

export function httpProxy(routes: HttpProxyConfig['routes'], more: Partial<HttpProxyConfig> = {}): HttpProxyConfig {
  return {
    ...proxyDefaults,
    kind: 'http',
    routes,
    codec: 'lines',
    requestTimeoutMs: 0,
    maxStreamDurationMs: 0,
    maxRequestsPerConnection: 0,
    maxConnectionDurationMs: 0,
    drainTimeoutMs: 5000,
    heartbeat: undefined,
    serverName: 'mosn',
    serverHeader: 'pass-through',
    schemeOverwrite: undefined,
    schemeOfUpstream: false,
    via: '',
    generateRequestId: false,
    preserveExternalRequestId: false,
    requestIdInResponse: false,
    useRemoteAddress: false,
    skipXffAppend: false,
    xffTrustedHops: 0,
    clientDetection: [],
    internalPrefixes: [],
    unixSocketsInternal: false,
    appendForwardedPort: false,
    clientCertificate: {
      mode: 'sanitize',
      subject: false,
      certificate: false,
      chain: false,
      dns: false,
      uri: false,
    },
    normalizePath: false,
    mergeSlashes: false,
    escapedSlashes: 'keep',
    stripHostPort: undefined,
    stripTrailingHostDot: false,
    underscores: 'allow',
    upgrades: [{ type: 'websocket', enabled: true, filters: undefined }],
    localReplies: undefined,
    ...more,
  };
}

export function rpcProxy(routes: RpcProxyConfig['routes'], more: Partial<RpcProxyConfig> = {}): RpcProxyConfig {
  return { ...proxyDefaults, kind: 'rpc', routes, protocol: 'rpc', serviceLevel: 'full', methodStats: false, ...more };
}

export function tcpProxy(cluster: string, more: Partial<TcpProxyConfig> = {}): TcpProxyConfig {
  return {
    kind: 'tcp',
    statPrefix: 'raw',
    clusters: [{ name: cluster, weight: 1 }],
    idleTimeoutMs: 0,
    maxConnectAttempts: 1,
    maxDurationMs: 0,
    hashSourceIp: false,
    logOnConnect: false,
    logFlushIntervalMs: 0,
    accessLogs: [],
    ...more,
  };
}

export function chain(network: NetworkConfig, more: Partial<FilterChainConfig> = {}): FilterChainConfig {
  return { name: '', match: anyMatch, tls: undefined, earlyFilters: [], network, ...more };
}

export function listenerConfig(
  chains: readonly FilterChainConfig[],
  more: Partial<ListenerConfig> = {},
): ListenerConfig {
  return {
    name: 'main',
    version: '1',
    address: ipAddress('127.0.0.1', 8080),
    additionalAddresses: [],
    bindToPort: true,
    useOriginalDst: false,
    transparent: false,
    statPrefix: '',
    filterChains: chains,
    udp: undefined,
    defaultFilterChain: undefined,
    listenerFilters: [],
    inspectTimeoutMs: 0,
    continueOnInspectTimeout: false,
    bufferBytesMax: 1024 * 1024,
    connectionsMax: 1024,
    ignoreGlobalLimit: false,
    reusePort: false,
    direction: 'unspecified',
    ...more,
  };
}

export function routeTable(
  routes: readonly RouteConfig[],
  more: Partial<RouteTableConfig> = {},
  host: Partial<VirtualHostConfig> = {},
): RouteTableConfig {
  return {
    name: 'routes',
    version: '1',
    virtualHosts: [
      {
        name: 'all',
        domains: ['*'],
        routes,
        headers: noHeaderMutations,
        filterConfigs: {},
        retry: undefined,
        ...host,
      },
    ],
    headers: noHeaderMutations,
    filterConfigs: {},
    ignorePortInHost: false,
    ...more,
  };
}

export function inline(routes: readonly RouteConfig[]): HttpProxyConfig['routes'] {
  return { kind: 'inline', table: routeTable(routes) };
}

export const anyPath: RouteMatchConfig = {
  path: { kind: 'prefix', value: '/', ignoreCase: false },
  headers: [],
  queryParameters: [],
  fractionPpm: undefined,
};

export function prefix(value: string): RouteMatchConfig {
  return { ...anyPath, path: { kind: 'prefix', value, ignoreCase: false } };
}

export function forward(cluster: string, more: Partial<ForwardConfig> = {}): ForwardConfig {
  return {
    kind: 'forward',
    clusters: [{ name: cluster, weight: 1, headers: noHeaderMutations, filterConfigs: {} }],
    clusterHeader: undefined,
    timeoutMs: 0,
    idleTimeoutMs: undefined,
    retry: undefined,
    prefixRewrite: undefined,
    regexRewrite: undefined,
    hostRewrite: undefined,
    hashPolicy: [],
    ...more,
  };
}

export function route(
  action: RouteConfig['action'],
  match: RouteMatchConfig = anyPath,
  more: Partial<RouteConfig> = {},
): RouteConfig {
  return { name: 'r', match, action, headers: noHeaderMutations, filterConfigs: {}, ...more };
}

export function retry(on: readonly string[], more: Partial<RetryConfig> = {}): RetryConfig {
  return {
    on,
    retriesMax: 1,
    perTryTimeoutMs: 0,
    retriableStatuses: [],
    backOffBaseMs: 25,
    backOffMaxMs: 250,
    ...more,
  };
}
