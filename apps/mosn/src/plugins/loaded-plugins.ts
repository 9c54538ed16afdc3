import type { BalancerKind } from '@sofamesh/contract/balancer';
import type { PluginFilter } from '@sofamesh/contract/plugin';
import type { Protocol } from '@sofamesh/contract/protocol';

/** What all plug-ins add, in one thread. */
export interface LoadedPlugins {
  readonly protocols: readonly Protocol[];
  readonly filters: readonly PluginFilter[];
  readonly balancers: readonly BalancerKind[];
}

export const noPlugins: LoadedPlugins = { protocols: [], filters: [], balancers: [] };
