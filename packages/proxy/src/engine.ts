import { messageOf } from '@sofamesh/base/errors';
import { ClusterSet } from './cluster/clusters.ts';
import type { ConfigUpdate } from './config/update.ts';
import type { EngineApi, EngineStatus, PreparedUpdate, Rejection } from './engine-api.ts';
import type { EngineEnvironment } from './environment.ts';
import { ListenerSet } from './listener/listener-set.ts';
import { RouteSlots } from './route/route-slots.ts';
import { RouteTable } from './route/route-table.ts';
import { filteredLogs } from './stream/log-filter.ts';
import { SpanReporters } from './tracing/span-reporters.ts';

/** The data plane of one thread. It has everything from its environment: network, time, chance, extensions. */
export class Engine implements EngineApi {
  readonly #environment: EngineEnvironment;
  readonly #clusters: ClusterSet;
  readonly #routes = new RouteSlots();
  readonly #listeners: ListenerSet;
  readonly #spans: SpanReporters;

  constructor(given: EngineEnvironment) {
    const environment = { ...given, openAccessLog: filteredLogs(given) };
    this.#environment = environment;
    this.#clusters = new ClusterSet(environment);
    const clusters = this.#clusters;
    this.#spans = new SpanReporters(environment, clusters);
    this.#listeners = new ListenerSet({ environment, clusters, routes: this.#routes, spans: this.#spans });
  }

  async prepare(update: ConfigUpdate): Promise<PreparedUpdate> {
    const clusters = this.#clusters.prepare(update);
    const { tables, rejections } = this.#compileTables(update);
    const listeners = await this.#listeners.prepare(update);
    const own = [...clusters.rejections, ...rejections, ...listeners.rejections];
    return {
      rejections: own,
      commit: (except) => {
        // What is named comes before what names it.
        clusters.commit(except);
        for (const table of tables) {
          const refused = except.some(({ kind, name }) => kind === 'route' && name === table.name);
          if (!refused) this.#routes.named(table.name).table = table;
        }
        listeners.commit(except);
        for (const name of update.removedRoutes ?? []) this.#routes.named(name).table = undefined;
      },
      abandon: () => listeners.abandon(),
    };
  }

  #compileTables({ routes = [] }: ConfigUpdate): { tables: RouteTable[]; rejections: Rejection[] } {
    const { compileFormat, stats } = this.#environment;
    const tables: RouteTable[] = [];
    const rejections: Rejection[] = [];
    for (const config of routes) {
      if (this.#routes.named(config.name).table?.version === config.version) continue;
      try {
        tables.push(new RouteTable(config, compileFormat, stats));
      } catch (thrown) {
        rejections.push({ kind: 'route', name: config.name, reason: messageOf(thrown) });
      }
    }
    return { tables, rejections };
  }

  status(): EngineStatus {
    return { listeners: this.#listeners.status(), clusters: this.#clusters.status() };
  }

  async drain(deadlineMs: number): Promise<void> {
    await this.#listeners.drain(deadlineMs);
    await this.#spans.flush(deadlineMs);
    this.#clusters.close();
  }

  close(): Promise<void> {
    return this.drain(0);
  }
}
