import { Cluster_DiscoveryType, Cluster_LbPolicy } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { LoadBalancer, SimpleLoadBalancer } from '@sofamesh/model/kinds/destination-rule/types';
import type { ClusterDraft } from '../../core/cluster-draft.ts';

const policies: Readonly<Record<SimpleLoadBalancer, Cluster_LbPolicy>> = {
  UNSPECIFIED: Cluster_LbPolicy.LEAST_REQUEST,
  LEAST_REQUEST: Cluster_LbPolicy.LEAST_REQUEST,
  ROUND_ROBIN: Cluster_LbPolicy.ROUND_ROBIN,
  RANDOM: Cluster_LbPolicy.RANDOM,
  PASSTHROUGH: Cluster_LbPolicy.CLUSTER_PROVIDED,
};

/** How an instance is chosen: `trafficPolicy.loadBalancer.simple`; least request where nothing is said. */
export function applyLoadBalancing({ cluster }: ClusterDraft, balancer: LoadBalancer | undefined): void {
  const simple = balancer?.simple ?? 'UNSPECIFIED';
  const isOriginal =
    cluster.clusterDiscoveryType.case === 'type' &&
    cluster.clusterDiscoveryType.value === Cluster_DiscoveryType.ORIGINAL_DST;
  cluster.lbPolicy = isOriginal ? Cluster_LbPolicy.CLUSTER_PROVIDED : policies[simple];
  if (simple !== 'PASSTHROUGH' || isOriginal) return;
  // The address that the client asked for is kept, so there is nothing to discover.
  cluster.clusterDiscoveryType = { case: 'type', value: Cluster_DiscoveryType.ORIGINAL_DST };
  delete cluster.edsClusterConfig;
  delete cluster.loadAssignment;
}
