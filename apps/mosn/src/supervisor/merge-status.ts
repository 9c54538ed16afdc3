import { formatAddress } from '@sofamesh/base/address';
import type { ClusterStatus, EngineStatus, HostStatus, ListenerStatus } from '@sofamesh/proxy/engine-api';

/** All workers' status as one: counts are added up. */
export function mergeStatus(parts: readonly EngineStatus[]): EngineStatus {
  const [first, ...others] = parts;
  if (first === undefined) return { listeners: [], clusters: [] };
  if (others.length === 0) return first;
  const listeners = new Map<string, ListenerStatus>();
  const clusters = new Map<string, ClusterStatus>();
  for (const part of parts) {
    for (const listener of part.listeners) {
      const known = listeners.get(listener.name);
      const connections = (known?.connections ?? 0) + listener.connections;
      listeners.set(listener.name, { ...(known ?? listener), connections });
    }
    for (const cluster of part.clusters) {
      const known = clusters.get(cluster.name);
      clusters.set(cluster.name, known === undefined ? cluster : mergeCluster(known, cluster));
    }
  }
  return { listeners: [...listeners.values()], clusters: [...clusters.values()] };
}

function mergeCluster(one: ClusterStatus, other: ClusterStatus): ClusterStatus {
  const hosts = new Map(one.hosts.map((host) => [formatAddress(host.address), host]));
  for (const host of other.hosts) {
    const key = formatAddress(host.address);
    const known = hosts.get(key);
    hosts.set(key, known === undefined ? host : mergeHost(known, host));
  }
  return { ...one, hosts: [...hosts.values()] };
}

/** A host is healthy as long as one worker takes it for healthy. */
function mergeHost(one: HostStatus, other: HostStatus): HostStatus {
  return {
    ...one,
    healthy: one.healthy || other.healthy,
    cxActive: one.cxActive + other.cxActive,
    cxConnectFail: one.cxConnectFail + other.cxConnectFail,
    cxTotal: one.cxTotal + other.cxTotal,
    rqActive: one.rqActive + other.rqActive,
    rqError: one.rqError + other.rqError,
    rqSuccess: one.rqSuccess + other.rqSuccess,
    rqTimeout: one.rqTimeout + other.rqTimeout,
    rqTotal: one.rqTotal + other.rqTotal,
  };
}
