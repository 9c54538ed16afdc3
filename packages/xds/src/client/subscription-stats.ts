import type { Stats } from '@sofamesh/contract/stats';
import { clusterTypeUrl, endpointsTypeUrl, listenerTypeUrl, routeTypeUrl, secretTypeUrl } from '../type-urls.ts';

/** Envoy's names. It counts EDS per cluster, RDS per listener and SDS per secret; here each is one subscription and counts as such. */
const prefixes: Readonly<Record<string, string>> = {
  [clusterTypeUrl]: 'cluster_manager.cds',
  [listenerTypeUrl]: 'listener_manager.lds',
  [endpointsTypeUrl]: 'cluster_manager.eds',
  [routeTypeUrl]: 'listener_manager.rds',
  [secretTypeUrl]: 'sds',
};

export function subscriptionStats(stats: Stats, typeUrl: string) {
  const prefix = prefixes[typeUrl] ?? `xds.${typeUrl.slice(typeUrl.lastIndexOf('.') + 1).toLowerCase()}`;
  return {
    attempt: stats.counter(`${prefix}.update_attempt`),
    success: stats.counter(`${prefix}.update_success`),
    rejected: stats.counter(`${prefix}.update_rejected`),
    failure: stats.counter(`${prefix}.update_failure`),
    /** Hash of the version that was last accepted, so that two proxies can be compared. */
    version: stats.gauge(`${prefix}.version`),
    /** Wall clock of the last accepted version, in milliseconds. */
    updateTime: stats.gauge(`${prefix}.update_time`),
  };
}

/** FNV-1a, 32 bits: gauges hold numbers, and a version is text. */
export function versionHash(version: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(version)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
