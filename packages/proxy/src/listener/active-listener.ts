import type { Address } from '@sofamesh/base/address';
import type { Connection, ConnectionHandler, Listener, ServerTls } from '@sofamesh/contract/transport';
import type { ListenerStatus } from '../engine-api.ts';
import type { EngineEnvironment } from '../environment.ts';
import type { TlsStats } from '../tls-stats.ts';
import type { Inspected } from './chain-match.ts';
import type { ChainSet, FilterChainEntry } from './chain-set.ts';
import { ConnectionInspector, nothingKnown } from './connection-inspector.ts';
import type { DownstreamLimit } from './downstream-limit.ts';
import { InspectedConnection } from './inspected-connection.ts';
import { asksOriginalDestination } from './listener-filters.ts';
import { ListenerStats } from './listener-stats.ts';
import { MemoryNumbers, sharedMemory } from './shared-numbers.ts';
import type { Secure, UnsecuredState } from './tls-stage.ts';

/** What the listeners of one thread have in common. */
export interface ListenerGroup {
  readonly limit: DownstreamLimit;
  /** The listener of that address, or of that port at any address, whether it has a socket or not. */
  find(address: Address): ActiveListener | undefined;
}

const nothing = Buffer.alloc(0);

/** Sockets that accept, and the filter chains that their connections go to: these may change, the sockets stay. */
export class ActiveListener {
  readonly name: string;
  readonly #environment: EngineEnvironment;
  #chains: ChainSet;
  readonly #group: ListenerGroup;
  readonly #listeners: Listener[] = [];
  #stats: ListenerStats | undefined = undefined;
  #connections = 0;
  /** Those of all workers, and of a listener that this one replaces. */
  readonly #places: MemoryNumbers;
  /** Being looked at, or in a TLS handshake. */
  readonly #unserved = new Set<Connection>();

  constructor(chains: ChainSet, environment: EngineEnvironment, group: ListenerGroup) {
    this.name = chains.config.name;
    this.#chains = chains;
    this.#environment = environment;
    this.#group = group;
    const { worker = 0 } = environment;
    this.#places = new MemoryNumbers(chains.config.places ?? sharedMemory(worker + 1), worker);
  }

  get chains(): ChainSet {
    return this.#chains;
  }

  get connections(): number {
    return this.#connections;
  }

  /** Rejects with the system's code when an address cannot be had. */
  async open(): Promise<void> {
    const { config } = this.#chains;
    const addresses = config.bindToPort ? [config.address, ...config.additionalAddresses] : [];
    try {
      for (const address of addresses) this.#listeners.push(await this.#listen(address));
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
    this.#stats = new ListenerStats(this.#environment.stats, this.address, config.statPrefix);
  }

  #listen(address: Address): Promise<Listener> {
    const { config } = this.#chains;
    const high = config.bufferBytesMax;
    return this.#environment.transport.listen(
      {
        address,
        reusePort: config.reusePort,
        ...(config.transparent ? { transparent: true } : undefined),
        ...(asksOriginalDestination(config) ? { asksOriginalDestination: true } : undefined),
        watermarks: { highBytes: high, lowBytes: Math.floor(high / 2) },
        // Out of descriptors.
        onRefused: () => this.#stats?.cxOverflow.increment(),
      },
      (connection) => this.#accept(connection),
    );
  }

  /** Connections that are accepted from now on go to the new chains. */
  become(next: ChainSet): void {
    this.#chains = next;
  }

  /** Stops accepting. Connections stay with their chains. */
  async stop(): Promise<void> {
    for (const connection of this.#unserved) connection.close('now');
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  status(): ListenerStatus {
    return { name: this.name, address: this.address, connections: this.#connections };
  }

  get address(): Address {
    return this.#listeners[0]?.address ?? this.#chains.config.address;
  }

  #accept(connection: Connection): void {
    const { config } = this.#chains;
    const stats = this.#statsOf(connection);
    if (!this.#group.limit.take(config.ignoreGlobalLimit)) {
      stats.globalCxOverflow.increment();
      refuse(connection);
      return;
    }
    if (!this.#places.takePlace(config.connectionsMax)) {
      this.#group.limit.giveBack();
      stats.cxOverflow.increment();
      refuse(connection);
      return;
    }
    this.#take(connection, nothing, stats, config.useOriginalDst);
  }

  #statsOf({ local }: Connection): ListenerStats {
    return this.#stats ?? new ListenerStats(this.#environment.stats, local, this.#chains.config.statPrefix);
  }

  /**
   * A connection that another listener accepted, and that was going to this one's address; `received` was read of it. As
   * in Envoy, the limit of that listener alone held for it.
   */
  takeOver(connection: InspectedConnection, received: Buffer): void {
    const stats = this.#statsOf(connection);
    this.#places.takePlace(Number.POSITIVE_INFINITY);
    this.#take(connection, received, stats, false);
  }

  #take(connection: Connection, received: Buffer, stats: ListenerStats, handsOver: boolean): void {
    const { inspection } = this.#chains;
    this.#connections++;
    if (inspection !== undefined) {
      this.#inspect(connection, received, stats, handsOver);
      return;
    }
    this.#pass(connection, nothingKnown, received, stats);
  }

  #inspect(connection: Connection, received: Buffer, stats: ListenerStats, handsOver: boolean): void {
    const { wheel } = this.#environment;
    this.#unserved.add(connection);
    stats.preCxActive.add(1);
    const forget = () => {
      this.#unserved.delete(connection);
      stats.preCxActive.add(-1);
      wheel.stop(inspector.deadline);
    };
    const inspector = new ConnectionInspector(connection, this.#chains.inspection!, {
      inspected: (findings, rest) => {
        forget();
        const whole = new InspectedConnection(connection, findings);
        const target = handsOver && findings.localRestored ? this.#group.find(findings.local) : undefined;
        if (target === undefined || target === this) {
          this.#pass(whole, findings, rest, stats);
          return;
        }
        this.#leave();
        target.takeOver(whole, rest);
      },
      gone: () => {
        forget();
        this.#release();
      },
      timedOut: () => stats.preCxTimeout.increment(),
      ended: () => stats.filterRemoteClose.increment(),
      refused: () => stats.filterError.increment(),
    });
    const { inspectTimeoutMs } = this.#chains.config;
    if (inspectTimeoutMs > 0) wheel.start(inspector.deadline, inspectTimeoutMs);
    inspector.start(received);
  }

  /** `received`: bytes that were read before there was a filter chain to take them. */
  #pass(
    connection: Connection | InspectedConnection,
    inspected: Inspected,
    received: Buffer,
    stats: ListenerStats,
  ): void {
    const entry: FilterChainEntry | undefined = this.#chains.choose(connection, inspected);
    if (entry === undefined) {
      stats.noFilterChainMatch.increment();
      refuse(connection);
      this.#release();
      return;
    }
    // As in Envoy, one that was refused, or left before it had a chain, is none.
    stats.cxTotal.increment();
    stats.cxActive.add(1);
    const { tls } = entry;
    if (tls !== undefined) {
      const secure: Secure = (secured, gone) => this.#secure(connection, tls, received, stats.tls, secured, gone);
      if (entry.tlsInside) this.#serve(connection, entry, stats, { secure });
      else
        secure(
          () => this.#serve(connection, entry, stats),
          () => this.#gone(stats),
        );
      return;
    }
    this.#serve(connection, entry, stats);
    if (connection instanceof InspectedConnection) connection.deliver(received);
  }

  /** The chain ends TLS: one of both is called, when the handshake is done or the connection is gone before. */
  #secure(
    connection: Connection,
    tls: ServerTls,
    received: Buffer,
    stats: TlsStats,
    secured: () => void,
    gone: () => void,
  ): void {
    this.#unserved.add(connection);
    connection.setHandler({
      onBytes() {},
      onEnd() {},
      onClose: (cause) => {
        this.#unserved.delete(connection);
        stats.ended(cause);
        gone();
      },
    });
    connection.startTls(tls, received, () => {
      this.#unserved.delete(connection);
      stats.secured(connection.tls!);
      secured();
    });
  }

  #serve(connection: Connection, entry: FilterChainEntry, stats: ListenerStats, state?: UnsecuredState): void {
    const { clock } = this.#environment;
    const startMs = clock.now();
    const done = () => {
      stats.cxLengthMs.record(clock.now() - startMs);
      this.#gone(stats);
    };
    entry.network.accept(connection, done, state);
  }

  /** One that had a chain. */
  #gone(stats: ListenerStats): void {
    this.#release();
    stats.cxActive.add(-1);
    stats.cxDestroy.increment();
  }

  #release(): void {
    this.#leave();
    this.#group.limit.giveBack();
  }

  /** It is no connection of this listener any more. */
  #leave(): void {
    this.#connections--;
    this.#places.returnPlace();
  }
}

function refuse(connection: Connection): void {
  connection.setHandler(deaf);
  connection.close('now');
}

const deaf: ConnectionHandler = { onBytes() {}, onEnd() {}, onClose() {} };
