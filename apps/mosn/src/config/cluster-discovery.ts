import { create } from '@bufbuild/protobuf';
import {
  type Cluster,
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_LbPolicy as LbPolicy,
} from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
} from '@sofamesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { ClusterDiscovery, DnsEndpointConfig } from '@sofamesh/proxy/config/cluster';
import { defaultFetchTimeoutMs, readConfigSource } from './config-source.ts';
import { readDnsEndpoints, readEndpoints } from './endpoints.ts';
import { durationMs, FieldError, present } from './fields.ts';

/** Hosts of an ORIGINAL_DST cluster. */
const defaultCleanupMs = 5_000;
const defaultDnsRefreshMs = 5_000;

export interface ReadDiscovery {
  readonly discovery: ClusterDiscovery;
  /** How long a cluster waits for its first endpoints; 0 for ever. */
  readonly fetchTimeoutMs: number;
}

/** Where a cluster's hosts come from. */
export function readDiscovery(cluster: Cluster, version: string): ReadDiscovery {
  const { clusterDiscoveryType: specifier } = cluster;
  if (specifier.case === 'clusterType') {
    throw new FieldError('cluster_type', specifier.value.name, 'is not supported');
  }
  const fetchTimeoutMs = defaultFetchTimeoutMs;
  switch (specifier.value ?? DiscoveryType.STATIC) {
    case DiscoveryType.STATIC:
      return { discovery: { kind: 'static', endpoints: readStatic(cluster, version) }, fetchTimeoutMs };
    case DiscoveryType.STRICT_DNS:
      return {
        discovery: dns(
          cluster,
          true,
          within(() => readDnsEndpoints(assignmentOf(cluster))),
        ),
        fetchTimeoutMs,
      };
    case DiscoveryType.LOGICAL_DNS: {
      const endpoints = within(() => readDnsEndpoints(assignmentOf(cluster)));
      if (endpoints.length !== 1) {
        throw new FieldError('load_assignment', `${endpoints.length} endpoints`, 'a LOGICAL_DNS cluster must have one');
      }
      return { discovery: dns(cluster, false, endpoints), fetchTimeoutMs };
    }
    case DiscoveryType.EDS: {
      const eds = cluster.edsClusterConfig;
      const source = readConfigSource(eds?.edsConfig, 'eds_cluster_config.eds_config');
      return { discovery: { kind: 'eds', serviceName: eds?.serviceName || cluster.name }, ...source };
    }
    case DiscoveryType.ORIGINAL_DST:
      if (cluster.loadAssignment !== undefined) {
        throw new FieldError('load_assignment', present, 'an ORIGINAL_DST cluster must not have one');
      }
      return { discovery: readOriginalDestination(cluster), fetchTimeoutMs };
    default:
      throw new FieldError('type', specifier.value, 'is not known');
  }
}

function readOriginalDestination({ lbPolicy, lbConfig, cleanupInterval }: Cluster): ClusterDiscovery {
  if (lbPolicy !== LbPolicy.CLUSTER_PROVIDED) {
    throw new FieldError('lb_policy', lbPolicy, 'must be CLUSTER_PROVIDED for an ORIGINAL_DST cluster');
  }
  const cleanupMs = durationMs(cleanupInterval, defaultCleanupMs, 'cleanup_interval');
  if (cleanupMs < 1) throw new FieldError('cleanup_interval', `${cleanupMs}ms`, 'must be at least 1 ms');
  const given = lbConfig.case === 'originalDstLbConfig' ? lbConfig.value : undefined;
  if (given?.metadataKey !== undefined) {
    throw new FieldError('original_dst_lb_config.metadata_key', present, 'is not supported');
  }
  const portOverride = given?.upstreamPortOverride;
  if (portOverride !== undefined && portOverride > 65_535) {
    throw new FieldError('original_dst_lb_config.upstream_port_override', portOverride, 'must be at most 65535');
  }
  const header = given?.httpHeaderName || 'x-envoy-original-dst-host';
  return {
    kind: 'original-dst',
    header: given?.useHttpHeader === true ? header.toLowerCase() : undefined,
    // As Envoy: 0 is no port to go to.
    portOverride: portOverride === 0 ? undefined : portOverride,
    cleanupMs,
  };
}

function readStatic(cluster: Cluster, version: string) {
  return { ...within(() => readEndpoints(assignmentOf(cluster), version)), name: cluster.name };
}

function dns(cluster: Cluster, strict: boolean, endpoints: readonly DnsEndpointConfig[]): ClusterDiscovery {
  const refreshMs = durationMs(cluster.dnsRefreshRate, defaultDnsRefreshMs, 'dns_refresh_rate');
  if (refreshMs < 1) throw new FieldError('dns_refresh_rate', `${refreshMs}ms`, 'must be at least 1 ms');
  return { kind: 'dns', strict, endpoints, refreshMs };
}

function assignmentOf({ loadAssignment }: Cluster): ClusterLoadAssignment {
  return loadAssignment ?? create(ClusterLoadAssignmentSchema);
}

function within<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw thrown instanceof FieldError ? thrown.within('load_assignment') : thrown;
  }
}
