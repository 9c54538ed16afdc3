import type {
  TcpProxy,
  TcpProxy_TunnelingConfig,
} from '@sofamesh/api/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';
import type { TcpProxyConfig, TunnelConfig } from '@sofamesh/proxy/config/listener';
import { readAccessLog } from './access-log.ts';
import type { ReadContext } from './context.ts';
import { durationMs, FieldError, mapAt, present, snake } from './fields.ts';
import { readAdditions } from './header-mutation.ts';

const defaultIdleTimeoutMs = 3_600_000;

/** Reads `envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy`. */
export function readTcpProxy(message: TcpProxy, path: string, context: ReadContext): TcpProxyConfig {
  if (message.statPrefix === '') throw new FieldError(`${path}.stat_prefix`, '', 'must not be empty');
  if (message.onDemand !== undefined) throw new FieldError(`${path}.on_demand`, present, 'is not supported');
  for (const field of ['metadataMatch', 'downstreamIdleTimeout', 'upstreamIdleTimeout'] as const) {
    if (message[field] !== undefined) context.ignored(`${path}.${snake(field)}`);
  }
  const maxConnectAttempts = message.maxConnectAttempts ?? 1;
  if (maxConnectAttempts < 1)
    throw new FieldError(`${path}.max_connect_attempts`, maxConnectAttempts, 'must be at least 1');
  return {
    kind: 'tcp',
    statPrefix: message.statPrefix,
    clusters: readClusters(message, path),
    ...(message.tunnelingConfig !== undefined && {
      tunnel: readTunnel(message.tunnelingConfig, `${path}.tunneling_config`),
    }),
    idleTimeoutMs: durationMs(message.idleTimeout, defaultIdleTimeoutMs, `${path}.idle_timeout`),
    maxConnectAttempts,
    maxDurationMs: durationMs(message.maxDownstreamConnectionDuration, 0, `${path}.max_downstream_connection_duration`),
    hashSourceIp: readHash(message, path),
    ...readLogOptions(message, path),
    accessLogs: mapAt(message.accessLog, `${path}.access_log`, readAccessLog),
  };
}

function readTunnel(message: TcpProxy_TunnelingConfig, path: string): TunnelConfig {
  const { hostname, usePost, postPath, headersToAdd } = message;
  if (hostname === '') throw new FieldError(`${path}.hostname`, '', 'must not be empty');
  if (postPath !== '' && !usePost) throw new FieldError(`${path}.post_path`, postPath, 'is for use_post only');
  if (postPath !== '' && !postPath.startsWith('/'))
    throw new FieldError(`${path}.post_path`, postPath, 'must begin with /');
  const headers = readAdditions(headersToAdd, `${path}.headers_to_add`);
  const host = headers.findIndex(({ name }) => name.toLowerCase() === 'host');
  if (host >= 0) throw new FieldError(`${path}.headers_to_add[${host}].header.key`, 'host', 'is what hostname is for');
  return {
    hostname,
    postPath: usePost ? postPath || '/' : undefined,
    headers,
    keepsHead: message.propagateResponseHeaders,
    keepsTrailers: message.propagateResponseTrailers,
  };
}

function readHash({ hashPolicy }: TcpProxy, path: string): boolean {
  const [policy, ...rest] = hashPolicy;
  if (rest.length > 0) throw new FieldError(`${path}.hash_policy[1]`, present, 'there can be only one');
  if (policy === undefined) return false;
  if (policy.policySpecifier.case === 'sourceIp') return true;
  const at = `${path}.hash_policy[0]`;
  throw new FieldError(at, policy.policySpecifier.case && snake(policy.policySpecifier.case), 'must be source_ip');
}

/** The fields of old go only where the message that replaces them is absent. */
function readLogOptions(message: TcpProxy, path: string): Pick<TcpProxyConfig, 'logOnConnect' | 'logFlushIntervalMs'> {
  const options = message.accessLogOptions ?? message;
  const at = message.accessLogOptions === undefined ? path : `${path}.access_log_options`;
  const logFlushIntervalMs = durationMs(options.accessLogFlushInterval, 0, `${at}.access_log_flush_interval`);
  if (options.accessLogFlushInterval !== undefined && logFlushIntervalMs < 1) {
    throw new FieldError(`${at}.access_log_flush_interval`, `${logFlushIntervalMs}ms`, 'must be at least 1 ms');
  }
  return { logOnConnect: options.flushAccessLogOnConnected, logFlushIntervalMs };
}

function readClusters({ clusterSpecifier: target }: TcpProxy, path: string): TcpProxyConfig['clusters'] {
  switch (target.case) {
    case 'cluster':
      if (target.value === '') throw new FieldError(`${path}.cluster`, '', 'must not be empty');
      return [{ name: target.value, weight: 1 }];
    case 'weightedClusters':
      if (target.value.clusters.length === 0) {
        throw new FieldError(`${path}.weighted_clusters.clusters`, '[]', 'must not be empty');
      }
      return mapAt(target.value.clusters, `${path}.weighted_clusters.clusters`, ({ name, weight }, at) => {
        if (name === '') throw new FieldError(`${at}.name`, '', 'must not be empty');
        if (weight < 1) throw new FieldError(`${at}.weight`, weight, 'must be at least 1');
        return { name, weight };
      });
    case undefined:
      throw new FieldError(path, undefined, 'must have one of cluster, weighted_clusters');
  }
}
