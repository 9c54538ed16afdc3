import type { ClusterConfig, EndpointsConfig } from './cluster.ts';
import type { ListenerConfig } from './listener.ts';
import type { RouteTableConfig } from './route.ts';

/**
 * A change of configuration. Applied in two phases: `prepare` compiles everything and may fail without a trace;
 * `commit` switches in one turn. Clusters come before the listeners and routes that name them.
 */
export interface ConfigUpdate {
  readonly clusters?: readonly ClusterConfig[];
  readonly removedClusters?: readonly string[];
  readonly endpoints?: readonly EndpointsConfig[];
  readonly routes?: readonly RouteTableConfig[];
  readonly removedRoutes?: readonly string[];
  readonly listeners?: readonly ListenerConfig[];
  readonly removedListeners?: readonly string[];
}
