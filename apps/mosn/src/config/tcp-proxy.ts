import type { TcpProxy } from '@sofamesh/api/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';
import type { TcpProxyConfig } from '@sofamesh/proxy/config/listener';
import { readAccessLog } from './access-log.ts';
import { durationMs, FieldError, mapAt, present } from './fields.ts';

const defaultIdleTimeoutMs = 3_600_000;

/** Reads `envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy`. */
export function readTcpProxy(message: TcpProxy, path: string): TcpProxyConfig {
  if (message.statPrefix === '') throw new FieldError(`${path}.stat_prefix`, '', 'must not be empty');
  if (message.tunnelingConfig !== undefined) {
    throw new FieldError(`${path}.tunneling_config`, present, 'is not supported');
  }
  const maxConnectAttempts = message.maxConnectAttempts ?? 1;
  if (maxConnectAttempts < 1)
    throw new FieldError(`${path}.max_connect_attempts`, maxConnectAttempts, 'must be at least 1');
  return {
    kind: 'tcp',
    statPrefix: message.statPrefix,
    clusters: readClusters(message, path),
    idleTimeoutMs: durationMs(message.idleTimeout, defaultIdleTimeoutMs, `${path}.idle_timeout`),
    maxConnectAttempts,
    accessLogs: mapAt(message.accessLog, `${path}.access_log`, readAccessLog),
  };
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
