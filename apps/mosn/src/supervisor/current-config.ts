import type { ClusterConfig, EndpointsConfig } from '@sofamesh/proxy/config/cluster';
import type { ListenerConfig } from '@sofamesh/proxy/config/listener';
import type { RouteTableConfig } from '@sofamesh/proxy/config/route';
import type { ConfigUpdate } from '@sofamesh/proxy/config/update';
import type { Rejection } from '@sofamesh/proxy/engine-api';

/** All that is in force, as updates have left it: what a worker that joins is brought up to date with. */
export class CurrentConfig {
  readonly #clusters = new Map<string, ClusterConfig>();
  readonly #endpoints = new Map<string, EndpointsConfig>();
  readonly #routes = new Map<string, RouteTableConfig>();
  readonly #listeners = new Map<string, ListenerConfig>();

  get clusters(): ReadonlyMap<string, ClusterConfig> {
    return this.#clusters;
  }

  get listeners(): ReadonlyMap<string, ListenerConfig> {
    return this.#listeners;
  }

  /** A refused resource leaves its last good form in force. */
  fold(update: ConfigUpdate, rejections: readonly Rejection[]): void {
    const refused = new Set(rejections.map(({ kind, name }) => `${kind} ${name}`));
    const put = <Config extends { readonly name: string }>(
      kind: Rejection['kind'],
      into: Map<string, Config>,
      configs: readonly Config[] = [],
    ) => {
      for (const config of configs) if (!refused.has(`${kind} ${config.name}`)) into.set(config.name, config);
    };
    for (const name of update.removedClusters ?? []) this.#removeCluster(name);
    for (const name of update.removedRoutes ?? []) this.#routes.delete(name);
    for (const name of update.removedListeners ?? []) this.#listeners.delete(name);
    put('cluster', this.#clusters, update.clusters);
    put('endpoints', this.#endpoints, update.endpoints);
    put('route', this.#routes, update.routes);
    put('listener', this.#listeners, update.listeners);
  }

  #removeCluster(name: string): void {
    const cluster = this.#clusters.get(name);
    if (cluster === undefined) return;
    this.#clusters.delete(name);
    const endpoints = endpointsNameOf(cluster);
    const shared = [...this.#clusters.values()].some((other) => endpointsNameOf(other) === endpoints);
    if (!shared) this.#endpoints.delete(endpoints);
  }

  /** As one update that starts from nothing. */
  whole(): ConfigUpdate {
    return {
      clusters: [...this.#clusters.values()],
      endpoints: [...this.#endpoints.values()],
      routes: [...this.#routes.values()],
      listeners: [...this.#listeners.values()],
    };
  }
}

function endpointsNameOf({ name, discovery }: ClusterConfig): string {
  return discovery.kind === 'eds' ? discovery.serviceName : name;
}
