import type { JsonObject } from '@bufbuild/protobuf';
import { silentLogger } from '@sofamesh/base/logger';
import { ManualClock } from '@sofamesh/base/manual-clock';
import type { Counter, Gauge, Stats } from '@sofamesh/contract/stats';
import type { ConfigUpdate } from '@sofamesh/proxy/config/update';
import type { Rejection } from '@sofamesh/proxy/engine-api';
import type { AdsSink } from '@sofamesh/xds/client/ads-client';
import {
  clusterTypeUrl,
  endpointsTypeUrl,
  listenerTypeUrl,
  routeTypeUrl,
  secretTypeUrl,
} from '@sofamesh/xds/type-urls';
import { readBootstrap } from '../../config/bootstrap.ts';
import { ads, extensions, registry, resource } from '../../config/test-support/readers.ts';
import type { Applier, Subscriptions } from '../applier.ts';
import type { Resolve } from '../dns.ts';
import { ResourceState } from '../resource-state.ts';
import type { StateEnvironment } from '../state-environment.ts';

export class MapStats implements Stats {
  readonly values = new Map<string, number>();

  counter(name: string): Counter {
    const add = (amount: number) => void this.values.set(name, this.value(name) + amount);
    const value = () => this.value(name);
    return {
      add,
      increment: () => add(1),
      get value() {
        return value();
      },
    };
  }

  gauge(name: string): Gauge {
    const counter = this.counter(name);
    return Object.assign(counter, { set: (value: number) => void this.values.set(name, value) });
  }

  histogram() {
    return { record() {} };
  }

  value(name: string): number {
    return this.values.get(name) ?? 0;
  }
}

/** A data plane that keeps what it is told by name, and refuses what the test says. */
class RecordingApplier implements Applier {
  readonly log: string[] = [];
  readonly clusters = new Map<string, string>();
  readonly endpoints = new Map<string, string>();
  readonly routes = new Map<string, string>();
  readonly listeners = new Map<string, string>();
  refuse: Rejection[] = [];
  down = false;

  async apply(update: ConfigUpdate): Promise<readonly Rejection[]> {
    if (this.down) throw new Error('no worker');
    const rejections: Rejection[] = [];
    const take = (
      kind: Rejection['kind'],
      held: Map<string, string>,
      given: readonly { name: string; version: string }[] = [],
    ) => {
      for (const { name, version } of given) {
        const refused = this.refuse.find((rejection) => rejection.kind === kind && rejection.name === name);
        this.log.push(`${refused === undefined ? '+' : '!'}${kind} ${name}`);
        if (refused === undefined) held.set(name, version);
        else rejections.push(refused);
      }
    };
    const drop = (kind: string, held: Map<string, string>, names: readonly string[] = []) => {
      for (const name of names) {
        this.log.push(`-${kind} ${name}`);
        held.delete(name);
      }
    };
    take('cluster', this.clusters, update.clusters);
    take('endpoints', this.endpoints, update.endpoints);
    take('route', this.routes, update.routes);
    take('listener', this.listeners, update.listeners);
    drop('listener', this.listeners, update.removedListeners);
    drop('route', this.routes, update.removedRoutes);
    drop('cluster', this.clusters, update.removedClusters);
    return rejections;
  }

  /** What happened since the last call. */
  take(): string[] {
    return this.log.splice(0);
  }
}

class RecordingSubscriptions implements Subscriptions {
  readonly names = new Map<string, Set<string> | undefined>();

  subscribe(typeUrl: string, names: Iterable<string> | undefined): void {
    if (names === undefined) this.names.set(typeUrl, undefined);
    else this.names.set(typeUrl, new Set([...(this.names.get(typeUrl) ?? []), ...names]));
  }

  unsubscribe(typeUrl: string, names: Iterable<string>): void {
    for (const name of names) this.names.get(typeUrl)?.delete(name);
  }

  of(typeUrl: string): string[] | '*' | undefined {
    if (!this.names.has(typeUrl)) return undefined;
    const names = this.names.get(typeUrl);
    return names === undefined ? '*' : [...names].sort();
  }
}

export const dynamicBootstrap: JsonObject = {
  node: { id: 'n' },
  dynamic_resources: {
    ads_config: {
      api_type: 'GRPC',
      transport_api_version: 'V3',
      grpc_services: [
        {
          google_grpc: { target_uri: '127.0.0.1:1', stat_prefix: 'x' },
          initial_metadata: [{ key: 'authorization', value: 'Bearer secret' }],
        },
      ],
    },
    cds_config: ads,
    lds_config: ads,
  },
};

export function world(
  bootstrap: JsonObject = dynamicBootstrap,
  resolve: Resolve = () => Promise.reject(new Error('no DNS here')),
) {
  const clock = new ManualClock();
  const applier = new RecordingApplier();
  const subscriptions = new RecordingSubscriptions();
  const stats = new MapStats();
  const config = readBootstrap([{ text: JSON.stringify(bootstrap), origin: 'test' }], registry, extensions);
  const services = new Map<string, { subscriptions: RecordingSubscriptions; sink: AdsSink; open: boolean }>();
  const openSecretService: StateEnvironment['openSecretService'] = ({ name }, sink) => {
    const service = { subscriptions: new RecordingSubscriptions(), sink, open: true };
    services.set(name, service);
    return Object.assign(service.subscriptions, { stop: () => void (service.open = false) });
  };
  const environment = { clock, logger: silentLogger, stats, extensions, applier, resolve, openSecretService };
  const state = new ResourceState(config, environment, subscriptions);
  const initialized: number[] = [];
  const of =
    (kind: Parameters<typeof resource>[0], typeUrl: string) =>
    async (version: string, ...resources: JsonObject[]) => {
      const { errors } = await state.apply(
        typeUrl,
        version,
        resources.map((json) => resource(kind, json)),
      );
      return errors.map(({ name, reason }) => `${name}: ${reason}`);
    };
  return {
    clock,
    applier,
    subscriptions,
    stats,
    state,
    initialized,
    start: () => state.start(() => initialized.push(clock.now())),
    cds: of('Cluster', clusterTypeUrl),
    eds: of('ClusterLoadAssignment', endpointsTypeUrl),
    lds: of('Listener', listenerTypeUrl),
    rds: of('RouteConfiguration', routeTypeUrl),
    sds: of('Secret', secretTypeUrl),
    /** Servers of secrets alone, by the name of their cluster. */
    services,
    /** Lets time pass, and what it starts come to rest. */
    pass: async (durationMs: number) => {
      await rest();
      clock.advance(durationMs);
      await rest();
    },
  };
}

async function rest(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
