import { anyPack } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '@sofamesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import type { Timer } from '@sofamesh/base/clock';
import { messageOf } from '@sofamesh/base/errors';
import type { ConfigUpdate } from '@sofamesh/proxy/config/update';
import type { Rejection } from '@sofamesh/proxy/engine-api';
import type { AdsSink, ReceivedResource, ResourceError } from '@sofamesh/xds/client/ads-client';
import {
  clusterTypeUrl,
  endpointsTypeUrl,
  listenerTypeUrl,
  routeTypeUrl,
  secretTypeUrl,
} from '@sofamesh/xds/type-urls';
import type { BootstrapConfig, StaticResource } from '../config/bootstrap.ts';
import type { ReadCluster } from '../config/cluster.ts';
import type { DiscoverySource } from '../config/config-source.ts';
import type { ReadListener } from '../config/listener.ts';
import type { Subscriptions } from './applier.ts';
import { ClusterState } from './cluster-state.ts';
import type { Stored } from './entry.ts';
import { ListenerState } from './listener-state.ts';
import type { SecretChange } from './reread.ts';
import { SecretFiles } from './secret-files.ts';
import { SecretState, serverOf } from './secret-state.ts';
import type { StateContext, StateEnvironment } from './state-environment.ts';

/**
 * The main thread's picture of all resources, static and by xDS: reads them, lets them warm, and puts them into use in
 * an order in which nothing names what is not there. A resource that cannot be used is refused by name, and the last
 * good version of it goes on.
 */
export class ResourceState implements AdsSink {
  readonly bootstrap: BootstrapConfig;
  readonly startedAtMs: number;
  readonly clusters: ClusterState;
  readonly listeners: ListenerState;
  readonly secrets: SecretState;
  readonly #context: StateContext;
  /** Changes are made one after the other. */
  #queue: Promise<unknown> = Promise.resolve();
  #woken = false;
  readonly #secretFiles: SecretFiles;
  #stopped = false;
  readonly #first: Record<'cds' | 'lds', FirstFetch>;
  #initialized = false;
  #onInitialized: () => void = () => {};

  constructor(bootstrap: BootstrapConfig, environment: StateEnvironment, subscriptions: Subscriptions) {
    this.bootstrap = bootstrap;
    this.startedAtMs = environment.clock.wallMs();
    const servers = bootstrap.clusters.map(({ read }) => read.config);
    this.secrets = new SecretState({ ...environment, subscriptions }, (service) => {
      const sink: AdsSink = {
        apply: (_typeUrl, version, resources) =>
          this.#enqueue(() => this.#applySecrets(service.id, version, resources)).then((errors) => ({ errors })),
      };
      return environment.openSecretService(serverOf(service, servers), sink);
    });
    const { received } = this.secrets;
    this.#context = {
      ...environment,
      runtime: bootstrap.runtime,
      secrets: bootstrap.secrets.withReceived(received, (service) => serverOf(service, servers)),
      receivedSecrets: received,
      tracing: bootstrap.tracing,
      node: bootstrap.node,
      subscriptions,
      wake: () => this.#wake(),
    };
    this.listeners = new ListenerState(this.#context);
    this.clusters = new ClusterState(this.#context, () => this.listeners.clustersInUse());
    this.#secretFiles = new SecretFiles(environment.clock, (names) => {
      void this.#enqueue(async () => {
        this.#reread({ kind: 'file', names });
        this.#wake();
      });
    });
    const settled = () => this.#wake();
    this.#first = {
      cds: new FirstFetch(clusterTypeUrl, bootstrap.cds, this.#context, settled),
      lds: new FirstFetch(listenerTypeUrl, bootstrap.lds, this.#context, settled),
    };
  }

  /** Everything that the proxy waits for before it is ready has come, or did not come in time. */
  get initialized(): boolean {
    return this.#initialized;
  }

  /**
   * Puts static resources into use and subscribes to the others: clusters first, listeners when those are warm, as Envoy
   * does. Returns what the data plane refuses of the static part. `onInitialized` is called once.
   */
  start(onInitialized: () => void): Promise<readonly Rejection[]> {
    this.#onInitialized = onInitialized;
    return this.#enqueue(async () => {
      const nowMs = this.startedAtMs;
      for (const resource of this.bootstrap.clusters) {
        this.clusters.addStatic(resource.read.config.name, storedCluster(resource, nowMs));
      }
      for (const resource of this.bootstrap.listeners) {
        this.listeners.addStatic(resource.read.config.name, storedListener(resource, nowMs));
      }
      const aboutClusters = await this.clusters.settle();
      const aboutListeners = await this.listeners.settle();
      this.#progress();
      return [...aboutClusters, ...aboutListeners];
    });
  }

  apply(
    typeUrl: string,
    version: string,
    resources: readonly ReceivedResource[],
  ): Promise<{ readonly errors: readonly ResourceError[] }> {
    return this.#enqueue(async () => {
      if (this.#stopped) return { errors: [] };
      const errors = await this.#applyType(typeUrl, version, resources);
      this.#progress();
      return { errors };
    });
  }

  /** All that is in use, for a worker that starts. */
  current(): ConfigUpdate {
    return { ...this.clusters.current(), ...this.listeners.current() };
  }

  /** Nothing more is changed: the proxy drains. */
  stop(): void {
    this.#stopped = true;
    this.#secretFiles.stop();
    this.secrets.stop();
    this.clusters.stop();
    this.listeners.stop();
    this.#first.cds.stop();
    this.#first.lds.stop();
  }

  async #applyType(typeUrl: string, version: string, resources: readonly ReceivedResource[]): Promise<ResourceError[]> {
    switch (typeUrl) {
      case clusterTypeUrl: {
        const errors = await this.clusters.applyClusters(version, resources);
        this.#first.cds.arrived();
        return errors;
      }
      case endpointsTypeUrl:
        return this.clusters.applyEndpoints(version, resources);
      case listenerTypeUrl: {
        const errors = await this.listeners.applyListeners(version, resources);
        this.#first.lds.arrived();
        await this.clusters.settle();
        return errors;
      }
      case routeTypeUrl: {
        const errors = await this.listeners.applyRoutes(version, resources);
        // A cluster that was kept for the old routes may go now.
        await this.clusters.settle();
        return errors;
      }
      case secretTypeUrl:
        return this.#applySecrets(undefined, version, resources);
      default:
        return [{ name: '', reason: `${typeUrl} is not known` }];
    }
  }

  /** `service`: see {@link SecretState.apply}. */
  async #applySecrets(
    service: string | undefined,
    version: string,
    resources: readonly ReceivedResource[],
  ): Promise<ResourceError[]> {
    if (this.#stopped) return [];
    const { errors, changed } = this.secrets.apply(service, version, resources);
    if (changed.size > 0) {
      this.#reread({ kind: 'sds', names: changed });
      await this.#settle();
      this.#progress();
    }
    return [...errors];
  }

  /** What has one of these secrets warms anew. */
  #reread(change: SecretChange): void {
    this.clusters.rereadSecrets(change);
    this.listeners.rereadSecrets(change);
  }

  async #settle(): Promise<void> {
    await this.clusters.settle();
    await this.listeners.settle();
    await this.clusters.settle();
  }

  /** Several reasons to look again within one turn are one. */
  #wake(): void {
    if (this.#woken || this.#stopped) return;
    this.#woken = true;
    void this.#enqueue(async () => {
      this.#woken = false;
      await this.#settle();
      this.#progress();
    }).catch((thrown: unknown) => {
      this.#context.logger.error('configuration could not be settled', { error: messageOf(thrown) });
    });
  }

  #enqueue<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(task);
    this.#queue = result.catch(() => {});
    return result;
  }

  #progress(): void {
    if (this.#stopped) return;
    this.#secretFiles.watch([...this.clusters.secretFiles, ...this.listeners.secretFiles]);
    this.secrets.require([...this.clusters.secrets, ...this.listeners.secrets]);
    if (this.#initialized) return;
    const { cds, lds } = this.#first;
    cds.begin();
    if (!cds.over || this.clusters.warming) return;
    lds.begin();
    if (!lds.over || this.listeners.warming) return;
    this.#initialized = true;
    this.#onInitialized();
  }
}

/** The first response of a type, which the start of the proxy waits for. */
class FirstFetch {
  readonly #typeUrl: string;
  readonly #source: DiscoverySource | undefined;
  readonly #context: StateContext;
  readonly #onTimeout: () => void;
  #begun = false;
  #timer: Timer | undefined;
  over = false;

  constructor(typeUrl: string, source: DiscoverySource | undefined, context: StateContext, onTimeout: () => void) {
    this.#typeUrl = typeUrl;
    this.#source = source;
    this.#context = context;
    this.#onTimeout = onTimeout;
  }

  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    if (this.#source === undefined) {
      this.over = true;
      return;
    }
    this.#context.subscriptions.subscribe(this.#typeUrl, undefined);
    const { fetchTimeoutMs } = this.#source;
    if (fetchTimeoutMs === 0) return;
    this.#timer = this.#context.clock.after(fetchTimeoutMs, () => {
      this.#context.logger.warn('the control plane did not answer in time', { typeUrl: this.#typeUrl });
      this.over = true;
      this.#onTimeout();
    });
  }

  arrived(): void {
    this.over = true;
    this.stop();
  }

  stop(): void {
    this.#timer?.cancel();
  }
}

function storedCluster(
  { message, read }: StaticResource<BootstrapConfig['clusters'][number]['message'], ReadCluster>,
  nowMs: number,
): Stored<ReadCluster> {
  return {
    any: anyPack(ClusterSchema, message),
    read,
    contentVersion: read.config.version,
    versionInfo: '',
    lastUpdatedMs: nowMs,
  };
}

function storedListener(
  { message, read }: StaticResource<BootstrapConfig['listeners'][number]['message'], ReadListener>,
  nowMs: number,
): Stored<ReadListener> {
  return {
    any: anyPack(ListenerSchema, message),
    read,
    contentVersion: read.config.version,
    versionInfo: '',
    lastUpdatedMs: nowMs,
  };
}
