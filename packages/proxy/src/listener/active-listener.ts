import type { Address } from '@sofamesh/base/address';
import type { Connection, ConnectionHandler, Listener, ServerTls } from '@sofamesh/contract/transport';
import type { ListenerStatus } from '../engine-api.ts';
import type { EngineEnvironment } from '../environment.ts';
import type { Inspected } from './chain-match.ts';
import type { ChainSet, FilterChainEntry } from './chain-set.ts';
import { ConnectionInspector, nothingKnown } from './connection-inspector.ts';
import type { DownstreamLimit } from './downstream-limit.ts';
import { InspectedConnection } from './inspected-connection.ts';
import { asksOriginalDestination } from './listener-filters.ts';
import { ListenerStats } from './listener-stats.ts';

/** What the listeners of one thread share. */
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
  /** Being looked at, or in a TLS handshake. */
  readonly #unserved = new Set<Connection>();

  constructor(chains: ChainSet, environment: EngineEnvironment, group: ListenerGroup) {
    this.name = chains.config.name;
    this.#chains = chains;
    this.#environment = environment;
    this.#group = group;
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
    stats.cxTotal.increment();
    if (this.#connections >= config.connectionsMax) {
      stats.cxOverflow.increment();
      refuse(connection);
      return;
    }
    if (!config.ignoreGlobalLimit && !this.#group.limit.admits()) {
      stats.globalCxOverflow.increment();
      refuse(connection);
      return;
    }
    this.#take(connection, nothing, stats, config.useOriginalDst);
  }

  #statsOf({ local }: Connection): ListenerStats {
    return this.#stats ?? new ListenerStats(this.#environment.stats, local, this.#chains.config.statPrefix);
  }

  /** A connection that another listener accepted, and that was going to this one's address; `received` was read of it. */
  takeOver(connection: InspectedConnection, received: Buffer): void {
    const stats = this.#statsOf(connection);
    stats.cxTotal.increment();
    this.#take(connection, received, stats, false);
  }

  #take(connection: Connection, received: Buffer, stats: ListenerStats, handsOver: boolean): void {
    const { inspection } = this.#chains;
    this.#connections++;
    this.#group.limit.active++;
    stats.cxActive.add(1);
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
      wheel.stop(inspector);
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
        this.#release(stats);
        target.takeOver(whole, rest);
      },
      gone: () => {
        forget();
        this.#gone(stats);
      },
      timedOut: () => stats.preCxTimeout.increment(),
      ended: () => stats.filterRemoteClose.increment(),
      refused: () => stats.filterError.increment(),
    });
    const { inspectTimeoutMs } = this.#chains.config;
    if (inspectTimeoutMs > 0) wheel.start(inspector, inspectTimeoutMs);
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
      this.#gone(stats);
      return;
    }
    if (entry.tls !== undefined) {
      this.#secure(connection, entry, entry.tls, received, stats);
      return;
    }
    this.#serve(connection, entry, stats);
    if (connection instanceof InspectedConnection) connection.deliver(received);
  }

  /** The chain ends TLS: its network filter gets the connection when the handshake is done. */
  #secure(
    connection: Connection,
    entry: FilterChainEntry,
    tls: ServerTls,
    received: Buffer,
    stats: ListenerStats,
  ): void {
    this.#unserved.add(connection);
    connection.setHandler({
      onBytes() {},
      onEnd() {},
      onClose: (cause) => {
        this.#unserved.delete(connection);
        stats.tls.ended(cause);
        this.#gone(stats);
      },
    });
    connection.startTls(tls, received, () => {
      this.#unserved.delete(connection);
      stats.tls.secured(connection.tls!);
      this.#serve(connection, entry, stats);
    });
  }

  #serve(connection: Connection, entry: FilterChainEntry, stats: ListenerStats): void {
    const { clock } = this.#environment;
    const startMs = clock.now();
    entry.network.accept(connection, () => {
      stats.cxLengthMs.record(clock.now() - startMs);
      this.#gone(stats);
    });
  }

  #gone(stats: ListenerStats): void {
    this.#release(stats);
    stats.cxDestroy.increment();
  }

  #release(stats: ListenerStats): void {
    this.#connections--;
    this.#group.limit.active--;
    stats.cxActive.add(-1);
  }
}

function refuse(connection: Connection): void {
  connection.setHandler(deaf);
  connection.close('now');
}

const deaf: ConnectionHandler = { onBytes() {}, onEnd() {}, onClose() {} };
