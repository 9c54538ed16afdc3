import type { ListenerConfig, NetworkConfig } from '@sofamesh/proxy/config/listener';
import type { RouteTableConfig } from '@sofamesh/proxy/config/route';

/** Clusters that a listener names, in its own routes and TCP proxies. */
export function clustersOfListener({ filterChains, defaultFilterChain }: ListenerConfig): string[] {
  const networks: NetworkConfig[] = filterChains.map(({ network }) => network);
  if (defaultFilterChain !== undefined) networks.push(defaultFilterChain.network);
  return networks.flatMap((network) => {
    if (network.kind === 'tcp') return network.clusters.map(({ name }) => name);
    if (network.kind === 'catalogue') return [];
    return network.routes.kind === 'inline' ? clustersOfTable(network.routes.table) : [];
  });
}

export function clustersOfTable({ virtualHosts }: RouteTableConfig): string[] {
  return virtualHosts.flatMap(({ routes }) =>
    routes.flatMap(({ action }) => (action.kind === 'forward' ? action.clusters.map(({ name }) => name) : [])),
  );
}
