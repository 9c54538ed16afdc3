import { messageOf } from '@sofamesh/base/errors';
import type { Balancer } from '@sofamesh/contract/balancer';
import type { Connection } from '@sofamesh/contract/transport';
import type { ClusterConfig, EndpointsConfig } from '../config/cluster.ts';
import type { ConfigUpdate } from '../config/update.ts';
import type { ClusterStatus, Rejection } from '../engine-api.ts';
import type { EngineEnvironment } from '../environment.ts';
import { Bindings } from '../pool/bindings.ts';
import { Cluster } from './cluster.ts';
import type { Clusters } from './upstream.ts';

type ClustersUpdate = Pick<ConfigUpdate, 'clusters' | 'removedClusters' | 'endpoints'>;

type ClustersEnvironment = Pick<
  EngineEnvironment,
  'clock' | 'wheel' | 'random' | 'transport' | 'stats' | 'protocols' | 'balancers'
>;

/** The clusters' part of an update, checked and compiled, with no effect so far. Dropping it needs nothing. */
export interface PreparedClusters {
  readonly rejections: readonly Rejection[];
  /** Switches to everything but the own rejections and those in `except`. */
  commit(except: readonly Rejection[]): void;
}

/** All clusters of one thread. */
export class ClusterSet implements Clusters {
  readonly #environment: ClustersEnvironment;
  readonly #bindings = new Bindings();
  readonly #clusters = new Map<string, Cluster>();
  /** By the name under which endpoints arrive: EDS service name, or the cluster's own for DNS. */
  readonly #clustersByService = new Map<string, Set<Cluster>>();
  /** The last endpoints of each such name, for clusters that come later or anew. */
  readonly #endpoints = new Map<string, EndpointsConfig>();

  constructor(environment: ClustersEnvironment) {
    this.#environment = environment;
  }

  get(name: string): Cluster | undefined {
    return this.#clusters.get(name);
  }

  prepare(update: ClustersUpdate): PreparedClusters {
    const rejections: Rejection[] = [];
    const compiled: { readonly config: ClusterConfig; readonly balancer: Balancer }[] = [];
    for (const config of update.clusters ?? []) {
      if (this.#clusters.get(config.name)?.config.version === config.version) continue;
      try {
        compiled.push({ config, balancer: this.#compile(config) });
      } catch (thrown) {
        rejections.push({ kind: 'cluster', name: config.name, reason: messageOf(thrown) });
      }
    }
    return {
      rejections,
      commit: (except) => {
        const refused = (kind: Rejection['kind'], name: string) =>
          except.some((rejection) => rejection.kind === kind && rejection.name === name);
        for (const name of update.removedClusters ?? []) this.#remove(name);
        for (const { config, balancer } of compiled) {
          if (!refused('cluster', config.name)) this.#put(config, balancer);
        }
        for (const endpoints of update.endpoints ?? []) {
          if (!refused('endpoints', endpoints.name)) this.#setEndpoints(endpoints);
        }
      },
    };
  }

  releaseDownstream(downstream: Connection): void {
    this.#bindings.release(downstream);
  }

  status(): readonly ClusterStatus[] {
    return [...this.#clusters.values()].map((cluster) => cluster.status());
  }

  /** Closes every pooled connection. TCP sessions have their own. */
  close(): void {
    for (const cluster of this.#clusters.values()) cluster.close();
  }

  /** Throws with the reason when the cluster cannot be used. */
  #compile({ balancer }: ClusterConfig): Balancer {
    // A codec that is not there is not looked for: TCP sessions and the control plane's own stream do without.
    const { balancers, random } = this.#environment;
    const kind = balancers.get(balancer.name);
    if (kind === undefined) {
      throw new Error(`lb_policy: no balancer ${JSON.stringify(balancer.name)}; there are ${listOf(balancers)}`);
    }
    return kind.create(balancer.options, random);
  }

  #put(config: ClusterConfig, balancer: Balancer): void {
    const before = this.#clusters.get(config.name);
    // The old one lets go of the shared gauges first.
    before?.retire();
    const cluster = new Cluster(config, balancer, { ...this.#environment, bindings: this.#bindings });
    this.#clusters.set(config.name, cluster);
    const service = serviceOf(config);
    if (service !== undefined) {
      let followers = this.#clustersByService.get(service);
      if (followers === undefined) this.#clustersByService.set(service, (followers = new Set()));
      followers.add(cluster);
      const endpoints = this.#endpoints.get(service);
      if (endpoints !== undefined) cluster.setEndpoints(endpoints.groups);
    }
    if (before !== undefined) this.#unfollow(before);
  }

  #remove(name: string): void {
    const cluster = this.#clusters.get(name);
    if (cluster === undefined) return;
    this.#clusters.delete(name);
    cluster.retire();
    cluster.stats.membershipTotal.set(0);
    cluster.stats.membershipHealthy.set(0);
    this.#unfollow(cluster);
  }

  #unfollow(cluster: Cluster): void {
    const service = serviceOf(cluster.config);
    if (service === undefined) return;
    const followers = this.#clustersByService.get(service);
    followers?.delete(cluster);
    if (followers?.size !== 0) return;
    this.#clustersByService.delete(service);
    this.#endpoints.delete(service);
  }

  #setEndpoints(endpoints: EndpointsConfig): void {
    const { name, version, groups } = endpoints;
    if (this.#endpoints.get(name)?.version === version) return;
    this.#endpoints.set(name, endpoints);
    for (const cluster of this.#clustersByService.get(name) ?? []) cluster.setEndpoints(groups);
  }
}

/** Name under which a cluster's endpoints arrive; undefined when they are part of it. */
function serviceOf({ name, discovery }: ClusterConfig): string | undefined {
  if (discovery.kind === 'eds') return discovery.serviceName === '' ? name : discovery.serviceName;
  return discovery.kind === 'dns' ? name : undefined;
}

function listOf(catalogue: ReadonlyMap<string, unknown>): string {
  return [...catalogue.keys()].sort().join(', ');
}
