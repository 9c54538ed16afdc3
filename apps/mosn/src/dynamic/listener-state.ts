import { fromBinary } from '@bufbuild/protobuf';
import { ListenerSchema } from '@sofamesh/api/gen/envoy/config/listener/v3/listener_pb';
import { RouteConfigurationSchema } from '@sofamesh/api/gen/envoy/config/route/v3/route_pb';
import type { RouteTableConfig } from '@sofamesh/proxy/config/route';
import type { ConfigUpdate } from '@sofamesh/proxy/config/update';
import type { Rejection } from '@sofamesh/proxy/engine-api';
import type { ReceivedResource, ResourceError } from '@sofamesh/xds/client/ads-client';
import { routeTypeUrl } from '@sofamesh/xds/type-urls';
import type { ReadContext } from '../config/context.ts';
import { type ReadListener, readListener } from '../config/listener.ts';
import { readRouteTable } from '../config/route.ts';
import type { SecretReference } from '../config/secret-reference.ts';
import { applyUpdate } from './apply-update.ts';
import { clustersOfListener, clustersOfTable } from './cluster-references.ts';
import { rejectionsOf } from './cluster-state.ts';
import { decodeResponse } from './decode.ts';
import { Entry, type Stored } from './entry.ts';
import { NamedSubscription } from './named-subscription.ts';
import { reread, type SecretChange } from './reread.ts';
import type { StateContext } from './state-environment.ts';

/** Listeners and the route tables that they name: a listener warms until all its tables have come. */
export class ListenerState {
  readonly listeners = new Map<string, Entry<ReadListener>>();
  readonly routes = new Map<string, Entry<RouteTableConfig>>();
  versionInfo = '';
  readonly #context: StateContext;
  readonly #rds: NamedSubscription;
  #removedListeners: string[] = [];
  #removedRoutes: string[] = [];
  readonly #metrics;

  constructor(context: StateContext) {
    this.#context = context;
    this.#rds = new NamedSubscription(routeTypeUrl, context.subscriptions);
    const { stats } = context;
    this.#metrics = {
      added: stats.counter('listener_manager.listener_added'),
      modified: stats.counter('listener_manager.listener_modified'),
      removed: stats.counter('listener_manager.listener_removed'),
      active: stats.gauge('listener_manager.total_listeners_active'),
      warming: stats.gauge('listener_manager.total_listeners_warming'),
    };
  }

  get warming(): boolean {
    return [...this.listeners.values()].some((entry) => entry.warming !== undefined);
  }

  /** Clusters that requests may still be sent to. */
  clustersInUse(): ReadonlySet<string> {
    const listeners = [...this.listeners.values()].flatMap(({ active, warming }) =>
      [active, warming].flatMap((stored) => (stored === undefined ? [] : clustersOfListener(stored.read.config))),
    );
    const tables = [...this.routes.values()].flatMap(({ active }) =>
      active === undefined ? [] : clustersOfTable(active.read),
    );
    return new Set([...listeners, ...tables]);
  }

  addStatic(name: string, stored: Stored<ReadListener>): void {
    const entry = new Entry<ReadListener>(name, true);
    this.listeners.set(name, entry);
    entry.warm(stored);
  }

  async applyListeners(versionInfo: string, received: readonly ReceivedResource[]): Promise<ResourceError[]> {
    const { logger, clock } = this.#context;
    const { resources, errors, incomplete } = decodeResponse(
      ListenerSchema,
      ({ name }) => name,
      (message, version) => readListener(message, version, this.#readContext(message.name)),
      received,
      versionInfo,
      clock.wallMs(),
    );
    this.versionInfo = versionInfo;
    const names = new Set(resources.map(({ name }) => name));
    for (const { name, stored } of resources) {
      const entry = this.listeners.get(name) ?? new Entry<ReadListener>(name, false);
      this.listeners.set(name, entry);
      if (entry.isStatic) logger.warn('a static listener cannot be replaced', { listener: name });
      else if (stored === undefined) entry.failure = this.#failure(name, versionInfo, errors);
      else offer(entry, stored);
    }
    if (!incomplete) {
      for (const [name, entry] of this.listeners) {
        if (entry.isStatic || names.has(name)) continue;
        entry.stopWaiting();
        this.listeners.delete(name);
        if (entry.active !== undefined) this.#removedListeners.push(name);
      }
    }
    const rejections = await this.settle();
    return [...errors, ...rejectionsOf('listener', names, rejections)];
  }

  get secretFiles(): readonly string[] {
    return [...this.listeners.values()].flatMap(({ newest }) => newest?.read.secretFiles ?? []);
  }

  /** Of the versions in use and of those that warm. */
  get secrets(): readonly SecretReference[] {
    return [...this.listeners.values()].flatMap(({ active, warming }) =>
      [active, warming].flatMap((stored) => stored?.read.secrets ?? []),
    );
  }

  /** What has one of these secrets warms anew. */
  rereadSecrets(change: SecretChange): void {
    for (const entry of this.listeners.values()) {
      const read = (value: Uint8Array, version: string) =>
        readListener(fromBinary(ListenerSchema, value), version, this.#readContext(entry.name));
      const stored = reread('listener', entry, change, read, this.#context);
      if (stored !== undefined) entry.warm(stored);
    }
  }

  async applyRoutes(versionInfo: string, received: readonly ReceivedResource[]): Promise<ResourceError[]> {
    const { extensions, logger, clock } = this.#context;
    const { resources, errors } = decodeResponse(
      RouteConfigurationSchema,
      ({ name }) => name,
      (message, version) => {
        const ignored = (path: string) => logger.debug('a field has no effect', { route: message.name, path });
        return readRouteTable(message, version, { extensions, ignored });
      },
      received,
      versionInfo,
      clock.wallMs(),
    );
    const names = new Set<string>();
    for (const { name, stored } of resources) {
      if (!this.#rds.has(name)) continue;
      names.add(name);
      const entry = this.routes.get(name) ?? new Entry<RouteTableConfig>(name, false);
      this.routes.set(name, entry);
      if (stored === undefined) entry.failure = this.#failure(name, versionInfo, errors);
      else offer(entry, stored);
    }
    const rejections = await this.settle();
    return [...errors, ...rejectionsOf('route', names, rejections)];
  }

  /** Tables go first, then the listeners that they make ready, and last what nothing names any more. */
  async settle(): Promise<readonly Rejection[]> {
    this.#subscribe();
    const tables = [...this.routes.values()].filter(({ warming }) => warming !== undefined);
    const aboutTables = await this.#apply({ routes: tables.map(({ warming }) => warming!.read) });
    this.#commit('route', tables, aboutTables);
    const ready = [...this.listeners.values()].filter((entry) => entry.warming !== undefined && this.#isReady(entry));
    const removedListeners = this.#removedListeners.splice(0);
    const aboutListeners = await this.#apply({
      listeners: ready.map(({ warming }) => warming!.read.config),
      removedListeners,
    });
    const before = new Map(ready.map((entry) => [entry, entry.active]));
    this.#commit('listener', ready, aboutListeners);
    for (const [entry, active] of before) {
      if (entry.active !== active) (active === undefined ? this.#metrics.added : this.#metrics.modified).increment();
    }
    this.#metrics.removed.add(removedListeners.length);
    this.#subscribe();
    await this.#apply({ removedRoutes: this.#removedRoutes.splice(0) });
    const entries = [...this.listeners.values()];
    this.#metrics.active.set(entries.filter(({ active }) => active !== undefined).length);
    this.#metrics.warming.set(entries.filter(({ warming }) => warming !== undefined).length);
    return [...aboutTables, ...aboutListeners];
  }

  /** All that is in use, for a worker that starts. */
  current(): Pick<ConfigUpdate, 'routes' | 'listeners'> {
    return {
      routes: [...this.routes.values()].flatMap(({ active }) => active?.read ?? []),
      listeners: [...this.listeners.values()].flatMap(({ active }) => active?.read.config ?? []),
    };
  }

  stop(): void {
    for (const entry of this.listeners.values()) entry.stopWaiting();
  }

  #readContext(listener: string): ReadContext {
    const { extensions, runtime, secrets, tracing, node, logger } = this.#context;
    const ignored = (path: string) => logger.debug('a field has no effect', { listener, path });
    return { extensions, runtime, secrets, tracing, node, ignored };
  }

  #failure(name: string, versionInfo: string, errors: readonly ResourceError[]) {
    const details = errors.find((error) => error.name === name)?.reason ?? '';
    return { versionInfo, lastAttemptMs: this.#context.clock.wallMs(), details };
  }

  async #apply(update: ConfigUpdate): Promise<readonly Rejection[]> {
    if (Object.values(update).every((items) => items.length === 0)) return [];
    return applyUpdate(this.#context.applier, update);
  }

  #commit(kind: Rejection['kind'], entries: readonly Entry<unknown>[], rejections: readonly Rejection[]): void {
    for (const entry of entries) {
      const reason = rejections.find((rejection) => rejection.kind === kind && rejection.name === entry.name)?.reason;
      if (reason === undefined) {
        entry.activate();
        continue;
      }
      this.#context.logger.warn(`a ${kind} was refused`, { name: entry.name, reason });
      entry.fail(reason, this.#context.clock.wallMs());
    }
  }

  #isReady(entry: Entry<ReadListener>): boolean {
    const { routes, secrets } = entry.warming!.read;
    const missing = [
      ...routes.filter(({ name }) => this.routes.get(name)?.active === undefined),
      ...secrets.filter(({ id }) => !this.#context.receivedSecrets.has(id)),
    ];
    if (missing.length === 0 || entry.timedOut) return true;
    const waits = missing.map(({ fetchTimeoutMs }) => fetchTimeoutMs);
    entry.waitFor(() => {
      if (waits.includes(0)) return undefined;
      return this.#context.clock.after(Math.max(...waits), () => {
        entry.timedOut = true;
        this.#context.logger.warn('no routes or secrets came in time', {
          listener: entry.name,
          missing: missing.map(({ name }) => name),
        });
        this.#context.wake();
      });
    });
    return false;
  }

  #subscribe(): void {
    const needed = new Set<string>();
    for (const { active, warming } of this.listeners.values()) {
      for (const stored of [active, warming]) for (const { name } of stored?.read.routes ?? []) needed.add(name);
    }
    for (const name of this.#rds.replace(needed)) {
      if (this.routes.get(name)?.active !== undefined) this.#removedRoutes.push(name);
      this.routes.delete(name);
    }
  }
}

/** A new version warms, an equal one changes nothing, and the one in use calls off another that warms. */
function offer<Read>(entry: Entry<Read>, stored: Stored<Read>): void {
  entry.failure = undefined;
  if (stored.contentVersion === entry.newest?.contentVersion) return;
  if (stored.contentVersion === entry.active?.contentVersion) {
    entry.warming = undefined;
    entry.stopWaiting();
  } else entry.warm(stored);
}
