import type { Stats } from '@sofamesh/contract/stats';
import type { StatsAggregate } from '@sofamesh/telemetry/metrics/aggregate';
import { type ServerState, serverPhases } from './server-state.ts';

/** The `server.*` gauges. They are set when somebody looks. */
export class ServerStats {
  readonly #state: ServerState;
  readonly #aggregate: StatsAggregate;
  readonly #gauges;

  constructor(stats: Stats, aggregate: StatsAggregate, state: ServerState, concurrency: number) {
    this.#state = state;
    this.#aggregate = aggregate;
    this.#gauges = {
      live: stats.gauge('server.live'),
      state: stats.gauge('server.state'),
      uptime: stats.gauge('server.uptime'),
      memoryAllocated: stats.gauge('server.memory_allocated'),
      memoryHeapSize: stats.gauge('server.memory_heap_size'),
      memoryPhysicalSize: stats.gauge('server.memory_physical_size'),
      totalConnections: stats.gauge('server.total_connections'),
    };
    stats.gauge('server.concurrency').set(concurrency);
    stats.gauge('server.parent_connections').set(0);
  }

  refresh(): void {
    const { phase, uptimeMs } = this.#state;
    const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
    this.#gauges.live.set(phase === 'DRAINING' ? 0 : 1);
    this.#gauges.state.set(serverPhases.indexOf(phase));
    this.#gauges.uptime.set(Math.floor(uptimeMs / 1000));
    this.#gauges.memoryAllocated.set(heapUsed + external);
    this.#gauges.memoryHeapSize.set(heapTotal);
    this.#gauges.memoryPhysicalSize.set(rss);
    this.#gauges.totalConnections.set(this.#connections());
  }

  #connections(): number {
    let sum = 0;
    for (const { value } of this.#aggregate.scalars(connectionGauges)) sum += value;
    return sum;
  }
}

const connectionGauges = {
  test: (name: string) => name.startsWith('listener.') && name.endsWith('.downstream_cx_active'),
};
