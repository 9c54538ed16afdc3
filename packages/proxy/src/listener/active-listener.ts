import type { Address } from '@sofamesh/base/address';
import type { Connection, ConnectionHandler, Listener } from '@sofamesh/contract/transport';
import type { ListenerStatus } from '../engine-api.ts';
import type { EngineEnvironment } from '../environment.ts';
import type { Inspected } from './chain-match.ts';
import type { ChainSet, FilterChainEntry } from './chain-set.ts';
import { ConnectionInspector, nothingKnown } from './connection-inspector.ts';
import { InspectedConnection } from './inspected-connection.ts';
import { ListenerStats } from './listener-stats.ts';

/** A socket that accepts, and the filter chains that its connections go to: these may change, the socket stays. */
export class ActiveListener {
  readonly name: string;
  readonly #environment: EngineEnvironment;
  #chains: ChainSet;
  #listener: Listener | undefined = undefined;
  #stats: ListenerStats | undefined = undefined;
  #connections = 0;
  readonly #inspecting = new Set<Connection>();

  constructor(chains: ChainSet, environment: EngineEnvironment) {
    this.name = chains.config.name;
    this.#chains = chains;
    this.#environment = environment;
  }

  get chains(): ChainSet {
    return this.#chains;
  }

  get connections(): number {
    return this.#connections;
  }

  /** Rejects with the system's code when the address cannot be had. */
  async open(): Promise<void> {
    const { config, tls } = this.#chains;
    const high = config.bufferBytesMax;
    this.#listener = await this.#environment.transport.listen(
      {
        address: config.address,
        reusePort: config.reusePort,
        watermarks: { highBytes: high, lowBytes: Math.floor(high / 2) },
        onTlsFailure: () => this.#stats?.connectionError.increment(),
        // Out of descriptors.
        onRefused: () => this.#stats?.cxOverflow.increment(),
        ...(tls === undefined ? undefined : { tls }),
      },
      (connection) => this.#accept(connection),
    );
    this.#stats = new ListenerStats(this.#environment.stats, this.#listener.address, config.statPrefix);
  }

  /** The same socket can serve `next`: the transport is told of other certificates, where it can be. */
  canBecome(next: ChainSet): boolean {
    if ((next.tls === undefined) !== (this.#chains.tls === undefined)) return false;
    return sameTls(this.#chains, next) || this.#listener?.setTls !== undefined;
  }

  /** Connections that are accepted from now on go to the new chains. */
  become(next: ChainSet): void {
    if (next.tls !== undefined && !sameTls(this.#chains, next)) this.#listener?.setTls?.(next.tls);
    this.#chains = next;
  }

  /** Stops accepting. Connections stay with their chains. */
  async stop(): Promise<void> {
    for (const connection of this.#inspecting) connection.close('now');
    await this.#listener?.close();
  }

  status(): ListenerStatus {
    return { name: this.name, address: this.address, connections: this.#connections };
  }

  get address(): Address {
    return this.#listener?.address ?? this.#chains.config.address;
  }

  #accept(connection: Connection): void {
    const { config, inspection } = this.#chains;
    const stats = this.#stats ?? new ListenerStats(this.#environment.stats, connection.local, config.statPrefix);
    stats.cxTotal.increment();
    if (this.#connections >= config.connectionsMax) {
      stats.cxOverflow.increment();
      refuse(connection);
      return;
    }
    this.#connections++;
    stats.cxActive.add(1);
    if (inspection !== undefined) {
      this.#inspect(connection, stats);
      return;
    }
    const { tls } = connection;
    if (tls === undefined) {
      this.#pass(connection, nothingKnown, stats);
      return;
    }
    stats.handshake.increment();
    this.#pass(
      connection,
      {
        transportProtocol: 'tls',
        serverName: tls.serverName?.toLowerCase() ?? '',
        applicationProtocols: tls.alpn === undefined ? [] : [tls.alpn],
      },
      stats,
    );
  }

  #inspect(connection: Connection, stats: ListenerStats): void {
    const { wheel } = this.#environment;
    this.#inspecting.add(connection);
    stats.preCxActive.add(1);
    const forget = () => {
      this.#inspecting.delete(connection);
      stats.preCxActive.add(-1);
      wheel.stop(inspector);
    };
    const inspector = new ConnectionInspector(connection, this.#chains.inspection!, {
      inspected: (inspected, received) => {
        forget();
        const whole = new InspectedConnection(connection);
        if (this.#pass(whole, inspected, stats)) whole.deliver(received);
      },
      gone: () => {
        forget();
        this.#gone(stats);
      },
      timedOut: () => stats.preCxTimeout.increment(),
    });
    const { inspectTimeoutMs } = this.#chains.config;
    if (inspectTimeoutMs > 0) wheel.start(inspector, inspectTimeoutMs);
    connection.setHandler(inspector);
  }

  #pass(connection: Connection, inspected: Inspected, stats: ListenerStats): boolean {
    const entry: FilterChainEntry | undefined = this.#chains.choose(connection, inspected);
    if (entry === undefined) {
      stats.noFilterChainMatch.increment();
      refuse(connection);
      this.#gone(stats);
      return false;
    }
    const { clock } = this.#environment;
    const startMs = clock.now();
    entry.network.accept(connection, () => {
      stats.cxLengthMs.record(clock.now() - startMs);
      this.#gone(stats);
    });
    return true;
  }

  #gone(stats: ListenerStats): void {
    this.#connections--;
    stats.cxActive.add(-1);
    stats.cxDestroy.increment();
  }
}

function refuse(connection: Connection): void {
  connection.setHandler(deaf);
  connection.close('now');
}

const deaf: ConnectionHandler = { onBytes() {}, onEnd() {}, onClose() {} };

function sameTls(a: ChainSet, b: ChainSet): boolean {
  return JSON.stringify(a.tls) === JSON.stringify(b.tls);
}
