import { fromBinary } from '@bufbuild/protobuf';
import { ClusterSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { ClusterLoadAssignmentSchema } from '@sofamesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { Timer } from '@sofamesh/base/clock';
import type { ClusterConfig, EndpointsConfig } from '@sofamesh/proxy/config/cluster';
import type { ConfigUpdate } from '@sofamesh/proxy/config/update';
import type { Rejection } from '@sofamesh/proxy/engine-api';
import type { ReceivedResource, ResourceError } from '@sofamesh/xds/client/ads-client';
import { endpointsTypeUrl } from '@sofamesh/xds/type-urls';
import { type ReadCluster, readCluster } from '../config/cluster.ts';
import { readEndpoints } from '../config/endpoints.ts';
import type { SecretReference } from '../config/secret-reference.ts';
import { applyUpdate } from './apply-update.ts';
import { decodeResponse } from './decode.ts';
import { DnsDiscovery } from './dns.ts';
import { Entry, type Stored } from './entry.ts';
import { NamedSubscription } from './named-subscription.ts';
import { reread, type SecretChange } from './reread.ts';
import type { StateContext } from './state-environment.ts';

/**
 * A cluster that is removed stays as long as a route or listener in use names it, but not longer than this: the removal
 * of a cluster and the route that left it come in two responses, and the requests between them must not fail.
 */
const removalGraceMs = 5_000;

/** Clusters and their endpoints: what is in use, what warms, and when the one becomes the other. */
export class ClusterState {
  readonly clusters = new Map<string, Entry<ReadCluster>>();
  readonly endpoints = new Map<string, Entry<EndpointsConfig>>();
  versionInfo = '';
  readonly #context: StateContext;
  readonly #eds: NamedSubscription;
  readonly #dns = new Map<
    Stored<ReadCluster>,
    { discovery: DnsDiscovery; endpoints?: EndpointsConfig; changed: boolean }
  >();
  /** In use and no longer configured. */
  readonly #leaving = new Map<string, { graceOver: boolean; readonly timer: Timer }>();
  readonly #inUse: () => ReadonlySet<string>;
  readonly #metrics;

  /** `inUse`: clusters that routes and listeners in use name. */
  constructor(context: StateContext, inUse: () => ReadonlySet<string>) {
    this.#context = context;
    this.#inUse = inUse;
    this.#eds = new NamedSubscription(endpointsTypeUrl, context.subscriptions);
    const { stats } = context;
    this.#metrics = {
      added: stats.counter('cluster_manager.cluster_added'),
      modified: stats.counter('cluster_manager.cluster_modified'),
      removed: stats.counter('cluster_manager.cluster_removed'),
      active: stats.gauge('cluster_manager.active_clusters'),
      warming: stats.gauge('cluster_manager.warming_clusters'),
    };
  }

  get warming(): boolean {
    return [...this.clusters.values()].some((entry) => entry.warming !== undefined);
  }

  addStatic(name: string, stored: Stored<ReadCluster>): void {
    const entry = new Entry<ReadCluster>(name, true);
    this.clusters.set(name, entry);
    this.#warm(entry, stored);
  }

  async applyClusters(versionInfo: string, received: readonly ReceivedResource[]): Promise<ResourceError[]> {
    const { resources, errors, incomplete } = decodeResponse(
      ClusterSchema,
      ({ name }) => name,
      (message, version) => readCluster(message, version, this.#readContext(message.name)),
      received,
      versionInfo,
      this.#context.clock.wallMs(),
    );
    this.versionInfo = versionInfo;
    const names = new Set(resources.map(({ name }) => name));
    for (const { name, stored } of resources) {
      const entry = this.clusters.get(name) ?? new Entry<ReadCluster>(name, false);
      if (entry.isStatic) {
        this.#context.logger.warn('a static cluster cannot be replaced', { cluster: name });
      } else if (stored === undefined) {
        entry.failure = this.#failureOf(name, versionInfo, errors);
        this.clusters.set(name, entry);
      } else {
        this.clusters.set(name, entry);
        this.#offer(entry, stored);
      }
    }
    if (!incomplete)
      for (const [name, entry] of this.clusters) if (!entry.isStatic && !names.has(name)) this.#remove(entry);
    const rejections = await this.settle();
    return [...errors, ...rejectionsOf('cluster', names, rejections)];
  }

  get secretFiles(): readonly string[] {
    return [...this.clusters.values()].flatMap(({ newest }) => newest?.read.secretFiles ?? []);
  }

  /** Of the versions in use and of those that warm. */
  get secrets(): readonly SecretReference[] {
    return [...this.clusters.values()].flatMap(({ active, warming }) =>
      [active, warming].flatMap((stored) => stored?.read.secrets ?? []),
    );
  }

  /** What has one of these secrets warms anew. */
  rereadSecrets(change: SecretChange): void {
    for (const entry of this.clusters.values()) {
      const read = (value: Uint8Array, version: string) =>
        readCluster(fromBinary(ClusterSchema, value), version, this.#readContext(entry.name));
      const stored = reread('cluster', entry, change, read, this.#context);
      if (stored === undefined) continue;
      this.#stopWarming(entry);
      this.#warm(entry, stored);
    }
  }

  async applyEndpoints(versionInfo: string, received: readonly ReceivedResource[]): Promise<ResourceError[]> {
    const { resources, errors } = decodeResponse(
      ClusterLoadAssignmentSchema,
      ({ clusterName }) => clusterName,
      readEndpoints,
      received,
      versionInfo,
      this.#context.clock.wallMs(),
    );
    const names = new Set<string>();
    for (const { name, stored } of resources) {
      if (!this.#eds.has(name)) continue;
      const entry = this.endpoints.get(name) ?? new Entry<EndpointsConfig>(name, false);
      this.endpoints.set(name, entry);
      names.add(name);
      if (stored === undefined) entry.failure = this.#failureOf(name, versionInfo, errors);
      else if (stored.contentVersion !== entry.newest?.contentVersion) entry.warm(stored);
      else entry.failure = undefined;
    }
    const rejections = await this.settle();
    return [...errors, ...rejectionsOf('endpoints', names, rejections)];
  }

  /** Puts into use what is ready, and takes away what nothing uses any more. */
  async settle(): Promise<readonly Rejection[]> {
    this.#subscribe();
    const ready = [...this.clusters.values()].filter((entry) => entry.warming !== undefined && this.#isReady(entry));
    const removed = this.#removable();
    const endpoints = this.#endpointsOf(ready);
    let rejections: readonly Rejection[] = [];
    if (ready.length > 0 || removed.length > 0 || endpoints.length > 0) {
      const update: ConfigUpdate = {
        clusters: ready.map(({ warming }) => warming!.read.config),
        endpoints,
        removedClusters: removed,
      };
      rejections = await applyUpdate(this.#context.applier, update);
      this.#commit(ready, endpoints, removed, rejections);
    }
    this.#metrics.active.set([...this.clusters.values()].filter(({ active }) => active !== undefined).length);
    this.#metrics.warming.set([...this.clusters.values()].filter(({ warming }) => warming !== undefined).length);
    return rejections;
  }

  /** All that is in use, for a worker that starts. */
  current(): Pick<ConfigUpdate, 'clusters' | 'endpoints'> {
    const active = [...this.clusters.values()].flatMap((entry) => (entry.active === undefined ? [] : [entry.active]));
    const byDns = active.flatMap((stored) => this.#dns.get(stored)?.endpoints ?? []);
    const byEds = [...this.endpoints.values()].flatMap((entry) => entry.active?.read ?? []);
    return { clusters: active.map(({ read }) => read.config), endpoints: [...byEds, ...byDns] };
  }

  stop(): void {
    for (const { discovery } of this.#dns.values()) discovery.stop();
    for (const { timer } of this.#leaving.values()) timer.cancel();
    for (const entry of this.clusters.values()) entry.stopWaiting();
  }

  #readContext(cluster: string) {
    const { extensions, secrets, logger } = this.#context;
    return {
      extensions,
      secrets,
      ignored: (path: string) => logger.debug('a field has no effect', { cluster, path }),
    };
  }

  #failureOf(name: string, versionInfo: string, errors: readonly ResourceError[]) {
    const details = errors.find((error) => error.name === name)?.reason ?? '';
    return { versionInfo, lastAttemptMs: this.#context.clock.wallMs(), details };
  }

  #offer(entry: Entry<ReadCluster>, stored: Stored<ReadCluster>): void {
    entry.failure = undefined;
    if (stored.contentVersion === entry.newest?.contentVersion) return;
    this.#stopWarming(entry);
    // Back to what is in use.
    if (stored.contentVersion === entry.active?.contentVersion) return;
    this.#warm(entry, stored);
  }

  #warm(entry: Entry<ReadCluster>, stored: Stored<ReadCluster>): void {
    entry.warm(stored);
    const { config } = stored.read;
    if (config.discovery.kind !== 'dns') return;
    const { discovery } = config;
    const dns = new DnsDiscovery(config, discovery, this.#context, (endpoints) => {
      const state = this.#dns.get(stored);
      if (state === undefined) return;
      state.endpoints = endpoints;
      state.changed = true;
      this.#context.wake();
    });
    this.#dns.set(stored, { discovery: dns, changed: false });
  }

  #stopWarming(entry: Entry<ReadCluster>): void {
    if (entry.warming !== undefined) this.#stopDns(entry.warming);
    entry.warming = undefined;
    entry.stopWaiting();
  }

  #stopDns(stored: Stored<ReadCluster>): void {
    this.#dns.get(stored)?.discovery.stop();
    this.#dns.delete(stored);
  }

  #remove(entry: Entry<ReadCluster>): void {
    this.#stopWarming(entry);
    this.clusters.delete(entry.name);
    if (entry.active === undefined) return;
    this.#stopDns(entry.active);
    const leaving = {
      graceOver: false,
      timer: this.#context.clock.after(removalGraceMs, () => {
        leaving.graceOver = true;
        this.#context.wake();
      }),
    };
    this.#leaving.set(entry.name, leaving);
  }

  #cancelRemoval(name: string): void {
    this.#leaving.get(name)?.timer.cancel();
    this.#leaving.delete(name);
  }

  #removable(): string[] {
    if (this.#leaving.size === 0) return [];
    const inUse = this.#inUse();
    return [...this.#leaving].flatMap(([name, { graceOver }]) => {
      const returns = this.clusters.get(name)?.warming !== undefined;
      return !returns && (graceOver || !inUse.has(name)) ? [name] : [];
    });
  }

  #isReady(entry: Entry<ReadCluster>): boolean {
    const { fetchTimeoutMs, secrets } = entry.warming!.read;
    const missing = secrets.filter(({ id }) => !this.#context.receivedSecrets.has(id));
    const waits = missing.map((secret) => secret.fetchTimeoutMs);
    if (!this.#hasEndpoints(entry.warming!)) waits.push(fetchTimeoutMs);
    if (waits.length === 0 || entry.timedOut) return true;
    entry.waitFor(() => {
      if (waits.includes(0)) return undefined;
      return this.#context.clock.after(Math.max(...waits), () => {
        entry.timedOut = true;
        this.#context.logger.warn('no endpoints or secrets came in time', {
          cluster: entry.name,
          secrets: missing.map(({ name }) => name),
        });
        this.#context.wake();
      });
    });
    return false;
  }

  #hasEndpoints(stored: Stored<ReadCluster>): boolean {
    const { discovery } = stored.read.config;
    switch (discovery.kind) {
      case 'dns':
        return this.#dns.get(stored)?.endpoints !== undefined;
      case 'eds':
        return this.endpoints.get(discovery.serviceName)?.newest !== undefined;
      default:
        return true;
    }
  }

  #subscribe(): void {
    const needed = new Set<string>();
    for (const { active, warming } of this.clusters.values()) {
      for (const stored of [active, warming]) {
        if (stored?.read.config.discovery.kind === 'eds') needed.add(stored.read.config.discovery.serviceName);
      }
    }
    for (const name of this.#eds.replace(needed)) this.endpoints.delete(name);
  }

  /** Endpoints that go with the update: those of clusters that become active, and those that changed. */
  #endpointsOf(ready: readonly Entry<ReadCluster>[]): EndpointsConfig[] {
    const result = new Map<string, EndpointsConfig>();
    const add = (config: ClusterConfig, stored: Stored<ReadCluster>, always: boolean) => {
      const { discovery } = config;
      if (discovery.kind === 'dns') {
        const state = this.#dns.get(stored);
        if (state?.endpoints !== undefined && (always || state.changed)) result.set(config.name, state.endpoints);
      } else if (discovery.kind === 'eds') {
        const entry = this.endpoints.get(discovery.serviceName);
        const newest = always ? entry?.newest : entry?.warming;
        if (newest !== undefined) result.set(discovery.serviceName, newest.read);
      }
    };
    for (const { active } of this.clusters.values()) if (active !== undefined) add(active.read.config, active, false);
    for (const { warming } of ready) add(warming!.read.config, warming!, true);
    return [...result.values()];
  }

  #commit(
    ready: readonly Entry<ReadCluster>[],
    endpoints: readonly EndpointsConfig[],
    removed: readonly string[],
    rejections: readonly Rejection[],
  ): void {
    const nowMs = this.#context.clock.wallMs();
    const reasonOf = (kind: Rejection['kind'], name: string) =>
      rejections.find((rejection) => rejection.kind === kind && rejection.name === name)?.reason;
    for (const entry of ready) {
      const reason = reasonOf('cluster', entry.name);
      if (reason !== undefined) {
        this.#context.logger.warn('a cluster was refused', { cluster: entry.name, reason });
        this.#stopDns(entry.warming!);
        entry.fail(reason, nowMs);
        continue;
      }
      (entry.active === undefined ? this.#metrics.added : this.#metrics.modified).increment();
      if (entry.active !== undefined) this.#stopDns(entry.active);
      entry.activate();
      this.#cancelRemoval(entry.name);
    }
    for (const { name } of endpoints) {
      const entry = this.endpoints.get(name);
      const reason = reasonOf('endpoints', name);
      if (entry?.warming === undefined) continue;
      if (reason === undefined) entry.activate();
      else entry.fail(reason, nowMs);
    }
    for (const [stored, state] of this.#dns) {
      if (stored.read.config.discovery.kind === 'dns' && endpoints.includes(state.endpoints!)) state.changed = false;
    }
    for (const name of removed) {
      this.#cancelRemoval(name);
      this.#metrics.removed.increment();
    }
  }
}

export function rejectionsOf(
  kind: Rejection['kind'],
  names: ReadonlySet<string>,
  rejections: readonly Rejection[],
): ResourceError[] {
  return rejections.filter((rejection) => rejection.kind === kind && names.has(rejection.name));
}
