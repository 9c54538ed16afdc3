import { randomUUID } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { systemClock } from '@sofamesh/base/clock';
import { CodedError } from '@sofamesh/base/errors';
import { systemRandom } from '@sofamesh/base/random';
import { TimerWheel } from '@sofamesh/base/timer-wheel';
import type { DatagramTransport } from '@sofamesh/contract/datagram';
import type { Stats } from '@sofamesh/contract/stats';
import type { Transport } from '@sofamesh/contract/transport';
import { NodeDatagrams } from '@sofamesh/net/datagram';
import { NodeTransport } from '@sofamesh/net/transport';
import { Engine } from '@sofamesh/proxy/engine';
import type { EngineApi, PreparedUpdate } from '@sofamesh/proxy/engine-api';
import type { EngineEnvironment } from '@sofamesh/proxy/environment';
import { AccessLogs } from '@sofamesh/telemetry/access-log/access-logs';
import { compileFormat, compileJsonFormat } from '@sofamesh/telemetry/access-log/format';
import { spanFormat } from '@sofamesh/telemetry/trace/span-format';
import { balancers, composedProtocols, filters, networkFilters, protocols } from '../catalogue.gen.ts';
import type { ProgramLog } from '../lifecycle/program-log.ts';
import { youngCollector } from '../lifecycle/startup-heap.ts';
import { type LoadedPlugins, noPlugins } from '../plugins/loaded-plugins.ts';
import { byName, protocolMap } from './extensions.ts';
import type { CommandName, Commands, DownstreamLimitSettings } from './messages.ts';

/** What a worker has from the thread that it runs in. */
export interface WorkerParts {
  readonly stats: Stats;
  readonly log: ProgramLog;
  /** Among the workers, from 0 (default). */
  readonly place?: number;
  /** How long connections of replaced filter chains may take to end. */
  readonly drainMs: number;
  /** The limit of client connections of all listeners together. */
  readonly downstream?: DownstreamLimitSettings | undefined;
  /** What was added from outside. Default: nothing. */
  readonly plugins?: LoadedPlugins;
  /** Real sockets unless given: a configuration can be checked without opening any. */
  readonly transport?: Transport;
  readonly datagrams?: DatagramTransport;
}

type Handlers = {
  readonly [Name in CommandName]: (argument: Commands[Name]['takes']) => Promise<Commands[Name]['gives']>;
};

/**
 * One engine in one thread, under the supervisor's commands. The same class runs in a worker thread and, with one thread
 * for everything, in the main one.
 */
export class EngineWorker {
  readonly #engine: EngineApi;
  readonly #accessLogs: AccessLogs;
  readonly #log: ProgramLog;
  #prepared: PreparedUpdate | undefined;

  constructor(parts: WorkerParts) {
    const { stats, log, place = 0, drainMs, downstream, plugins = noPlugins } = parts;
    const { transport = new NodeTransport({ logger: log.logger('proxy'), collectYoung: youngCollector() }) } = parts;
    this.#log = log;
    this.#accessLogs = new AccessLogs(systemClock, stats);
    const environment: EngineEnvironment = {
      clock: systemClock,
      wheel: new TimerWheel(systemClock),
      random: systemRandom,
      transport,
      datagrams: parts.datagrams ?? new NodeDatagrams(),
      stats,
      logger: log.logger('proxy'),
      protocols: protocolMap([...protocols, ...plugins.protocols], composedProtocols),
      balancers: byName([...balancers, ...plugins.balancers]),
      filters: byName([...filters, ...plugins.filters]),
      networkFilters: byName(networkFilters),
      openAccessLog: (config) => this.#accessLogs.open(config),
      compileFormat,
      compileJsonFormat,
      spanFormat,
      localAddress: machineAddress(),
      requestId: randomUUID,
      drainMs,
      worker: place,
      ...(downstream !== undefined && {
        downstreamConnectionsMax: downstream.connectionsMax,
        downstreamPlaces: downstream.places,
      }),
    };
    this.#engine = new Engine(environment);
  }

  /** Rejects with what the engine threw, which never happens for a mere bad configuration. */
  handle<Name extends CommandName>(name: Name, argument: Commands[Name]['takes']): Promise<Commands[Name]['gives']> {
    return this.#handlers[name](argument);
  }

  readonly #handlers: Handlers = {
    prepare: async (update) => {
      this.#prepared?.abandon();
      this.#prepared = undefined;
      const prepared = await this.#engine.prepare(update);
      this.#prepared = prepared;
      return prepared.rejections;
    },
    commit: async (except) => {
      const prepared = this.#prepared;
      if (prepared === undefined) throw new CodedError('nothing_prepared', 'commit without prepare');
      this.#prepared = undefined;
      prepared.commit(except);
      return undefined;
    },
    abandon: async () => {
      this.#prepared?.abandon();
      this.#prepared = undefined;
      return undefined;
    },
    status: async () => this.#engine.status(),
    drain: async (deadlineMs) => {
      await this.#engine.drain(deadlineMs);
      return undefined;
    },
    close: async () => {
      await this.#engine.close();
      await this.#accessLogs.close();
      return undefined;
    },
    levels: async (levels) => {
      this.#log.levels = levels;
      return undefined;
    },
    'reopen-logs': async () => {
      this.#accessLogs.reopen();
      this.#log.reopen();
      return undefined;
    },
  };
}

/** The first address that is not for this machine alone, as Envoy finds its own. */
function machineAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}
