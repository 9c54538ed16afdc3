import { create, toBinary } from '@bufbuild/protobuf';
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_DnsLookupFamily,
  Cluster_EdsClusterConfigSchema,
  ClusterSchema,
} from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { Instance, Service, ServicePort } from '@sofamesh/contract/registry';
import type { Subset } from '@sofamesh/model/kinds/destination-rule/types';
import type { TranslationCache } from '../cache.ts';
import type { NamedResource, TranslationNote } from '../input.ts';
import { applyConnectionPool } from '../policies/connection-pool/connection-pool.ts';
import { applyLoadBalancing } from '../policies/load-balancing/load-balancing.ts';
import { applyRpc } from '../policies/rpc/rpc.ts';
import { applyTls } from '../policies/tls/tls.ts';
import { draftCluster, encodeCluster } from './cluster-draft.ts';
import { adsSource } from './config-source.ts';
import { policyFor, subsetsOf } from './destination-policy.ts';
import { encodeAssignment, loadAssignment } from './endpoints.ts';
import { BLACK_HOLE_CLUSTER, outboundClusterName } from './names.ts';
import { portKind } from './port-kind.ts';
import { duration } from './protobuf.ts';
import type { Scope, ScopedService } from './scope.ts';

export interface OutboundClusters {
  readonly clusters: readonly NamedResource[];
  readonly endpoints: readonly NamedResource[];
  readonly notes: readonly TranslationNote[];
}

/**
 * A cluster for every service, port and subset that a scope sees, and the endpoints of those that have EDS.
 * `knowsRpcOptions`: see RPC_OPTIONS_TYPE_URL.
 */
export function outboundClusters(scope: Scope, knowsRpcOptions: boolean, cache: TranslationCache): OutboundClusters {
  return cache.memo('outbound-clusters', [scope, String(knowsRpcOptions)], () => {
    const clusters: NamedResource[] = [blackHole(cache)];
    const endpoints: NamedResource[] = [];
    const notes: TranslationNote[] = [];
    for (const entry of scope.services) {
      const made = clustersOf(entry, scope.mesh.connectTimeoutMs, knowsRpcOptions, cache);
      clusters.push(...made.clusters);
      notes.push(...made.notes);
      if (entry.service.resolution === 'static') endpoints.push(...endpointsOf(entry, made.withEndpoints, cache));
    }
    return { clusters, endpoints, notes };
  });
}

interface ServiceClusters {
  readonly clusters: readonly NamedResource[];
  /** Names of those whose endpoints come by EDS. */
  readonly withEndpoints: ReadonlySet<string>;
  readonly notes: readonly TranslationNote[];
}

function clustersOf(
  { service, rules, instances }: ScopedService,
  connectTimeoutMs: number,
  knowsRpcOptions: boolean,
  cache: TranslationCache,
): ServiceClusters {
  // Host names that the proxy resolves are part of the cluster itself.
  const inline = service.resolution === 'dns' ? instances : none;
  return cache.memo('clusters', [service, inline, `${connectTimeoutMs} ${knowsRpcOptions}`, ...rules], () => {
    const clusters: NamedResource[] = [];
    const withEndpoints = new Set<string>();
    const notes: TranslationNote[] = [];
    for (const { port, subset, name } of variants(service, rules)) {
      const draft = draftCluster(name, service.host, portKind(port), connectTimeoutMs);
      discover(draft.cluster, service, inline, port, subset);
      const policy = policyFor(rules, subset, port.number);
      applyConnectionPool(draft, policy.connectionPool);
      applyLoadBalancing(draft, policy.loadBalancer);
      applyTls(draft, policy.tls);
      if (knowsRpcOptions) applyRpc(draft, rules, subset?.name);
      if (draft.cluster.edsClusterConfig !== undefined) withEndpoints.add(name);
      clusters.push(encodeCluster(draft));
      notes.push(...draft.notes);
    }
    return { clusters, withEndpoints, notes };
  });
}

function endpointsOf(
  { service, rules, instances }: ScopedService,
  names: ReadonlySet<string>,
  cache: TranslationCache,
): readonly NamedResource[] {
  return cache.memo('endpoints', [service, instances, ...rules], () =>
    variants(service, rules)
      .filter(({ name }) => names.has(name))
      .map(({ name, port, subset }) => encodeAssignment(loadAssignment(name, instances, port, subset?.labels ?? {}))),
  );
}

const none: readonly Instance[] = [];

interface Variant {
  readonly port: ServicePort;
  readonly subset: Subset | undefined;
  readonly name: string;
}

function variants(service: Service, rules: ScopedService['rules']): readonly Variant[] {
  const subsets = [undefined, ...subsetsOf(rules)];
  return service.ports
    .filter((port) => portKind(port).kind !== 'udp')
    .flatMap((port) =>
      subsets.map((subset) => ({
        port,
        subset,
        name: outboundClusterName(port.number, subset?.name ?? '', service.host),
      })),
    );
}

function discover(
  cluster: Cluster,
  service: Service,
  instances: readonly Instance[],
  port: ServicePort,
  subset: Subset | undefined,
): void {
  switch (service.resolution) {
    case 'static':
      cluster.clusterDiscoveryType = { case: 'type', value: Cluster_DiscoveryType.EDS };
      cluster.edsClusterConfig = create(Cluster_EdsClusterConfigSchema, {
        edsConfig: adsSource(),
        serviceName: cluster.name,
      });
      return;
    case 'dns':
      cluster.clusterDiscoveryType = { case: 'type', value: Cluster_DiscoveryType.STRICT_DNS };
      cluster.dnsLookupFamily = Cluster_DnsLookupFamily.V4_PREFERRED;
      cluster.loadAssignment = loadAssignment(cluster.name, instances.filter(isInNetwork), port, subset?.labels ?? {});
      return;
    case 'passthrough':
      cluster.clusterDiscoveryType = { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST };
  }
}

/** A socket in the file system cannot be resolved. */
function isInNetwork({ address }: Instance): boolean {
  return !address.startsWith('unix:');
}

/** Has no hosts: whatever is sent there ends with 503, or with a closed connection. */
function blackHole(cache: TranslationCache): NamedResource {
  return cache.memoText(BLACK_HOLE_CLUSTER, () => ({
    name: BLACK_HOLE_CLUSTER,
    bytes: toBinary(
      ClusterSchema,
      create(ClusterSchema, {
        name: BLACK_HOLE_CLUSTER,
        clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.STATIC },
        connectTimeout: duration(1000),
      }),
    ),
  }));
}
