import type { Clock } from '@sofamesh/base/clock';
import type { Stats } from '@sofamesh/contract/stats';
import { NodeDatagrams } from '@sofamesh/net/datagram';
import { NodeTransport } from '@sofamesh/net/transport';
import { sharedMemory } from '@sofamesh/proxy/listener/shared-numbers';
import type { StatsAggregate } from '@sofamesh/telemetry/metrics/aggregate';
import type { ProgramLog } from '../lifecycle/program-log.ts';
import type { LoadedPlugins } from '../plugins/loaded-plugins.ts';
import type { PluginSource } from '../plugins/plugin-source.ts';
import type { Probe } from './listen-addresses.ts';
import { ThreadLink } from './thread-link.ts';
import { LocalLink } from './worker-link.ts';
import { WorkerPool } from './worker-pool.ts';

export interface PoolParts {
  readonly concurrency: number;
  readonly entry: URL;
  readonly log: ProgramLog;
  readonly drainMs: number;
  readonly downstreamConnectionsMax: number | undefined;
  /** Every thread loads them for itself. */
  readonly pluginSources: readonly PluginSource[];
  /** Those of the main thread. */
  readonly plugins: LoadedPlugins;
  readonly clock: Clock;
  /** Of the main thread. */
  readonly stats: Stats;
  readonly aggregate: StatsAggregate;
  readonly onFatal: (reason: string) => void;
}

/** Workers in threads of their own or, when one is asked for, in this one. */
export function createPool({
  concurrency,
  entry,
  log,
  drainMs,
  downstreamConnectionsMax,
  pluginSources,
  plugins,
  clock,
  stats,
  aggregate,
  onFatal,
}: PoolParts): WorkerPool {
  const downstream =
    downstreamConnectionsMax === undefined
      ? undefined
      : { connectionsMax: downstreamConnectionsMax, places: sharedMemory(concurrency) };
  let lastThread = 0;
  const startThread = (place: number) => {
    const id = ++lastThread;
    const onMetrics: Parameters<typeof ThreadLink.start>[0]['onMetrics'] = (definitions) => {
      for (const definition of definitions) aggregate.define(id, definition);
    };
    const settings = {
      place,
      levels: log.levels,
      logPath: log.path,
      drainMs,
      downstream,
      plugins: pluginSources,
    };
    return ThreadLink.start({ id, entry, settings, clock, onMetrics });
  };
  const startHere = async () => {
    // Where workers have threads of their own, this one does without the engine and the codecs.
    const { EngineWorker } = await import('../worker/worker.ts');
    return new LocalLink(new EngineWorker({ stats, log, drainMs, downstream, plugins }));
  };
  return new WorkerPool({
    concurrency,
    downstreamPlaces: downstream?.places,
    start: concurrency === 1 ? startHere : startThread,
    probe: probeWith(new NodeTransport({ clock }), new NodeDatagrams()),
    clock,
    logger: log.logger('supervisor'),
    onWorkerGone: (id) => aggregate.retire(id),
    onFatal,
  });
}

/** A client that connects in the very moment is turned away, and will try again. */
function probeWith(transport: NodeTransport, datagrams: NodeDatagrams): Probe {
  return async (address, kind) => {
    if (kind === 'udp') {
      const socket = await datagrams.bind({ address }, () => {});
      await socket.close();
      return socket.address;
    }
    const listener = await transport.listen({ address }, (connection) => {
      connection.setHandler({ onBytes() {}, onEnd() {}, onClose() {} });
      connection.close('reset');
    });
    await listener.close();
    return listener.address;
  };
}
