import assert from 'node:assert/strict';
import { silentLogger } from '@sofamesh/base/logger';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { SeededRandom } from '@sofamesh/base/random';
import { TimerWheel } from '@sofamesh/base/timer-wheel';
import type {
  ConnectionState,
  NetworkFilter,
  NetworkFilterEnvironment,
  NetworkFilterKind,
} from '@sofamesh/contract/network-filter';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import { LocalNumbers } from '../local-numbers.ts';
import { MemoryStats } from '../memory-stats.ts';
import { ScriptedConnection } from '../scripted-connection.ts';

const left: CloseCause = { kind: 'reset', reason: 'ECONNRESET' };

/** One network filter and its clients. Time stands still, and connections end when {@link settle} is called. */
export class NetworkFilterWorld {
  readonly clock = new ManualClock();
  readonly wheel = new TimerWheel(this.clock, 1);
  readonly stats = new MemoryStats();
  readonly shared = new LocalNumbers();
  readonly environment: NetworkFilterEnvironment = {
    clock: this.clock,
    wheel: this.wheel,
    random: new SeededRandom(1),
    stats: this.stats,
    logger: silentLogger,
    shared: this.shared,
  };
  /** What stands behind the filter, if it is one that lets others serve. */
  readonly behind = new Behind();
  readonly filter: NetworkFilter;
  readonly clients: SuiteClient[] = [];

  constructor(kind: NetworkFilterKind, config: unknown) {
    this.filter = kind.terminal
      ? kind.create(config, this.environment)
      : kind.wrap(config, this.environment, this.behind);
  }

  /** A connection that the filter takes over; `more`: what is known of it. */
  connect(more: Partial<Connection> = {}, state?: ConnectionState): SuiteClient {
    const client = new SuiteClient(Object.assign(new ScriptedConnection(), more));
    this.clients.push(client);
    this.filter.accept(client.connection, () => client.dones++, state);
    assert.notEqual(client.connection.handler, undefined, 'nobody takes what arrives');
    assert.equal(client.dones, 0, 'a connection is not done before accept has returned');
    return client;
  }

  /** Connections that were closed are gone. */
  settle(): void {
    for (const client of this.clients) {
      if (client.connection.closed !== undefined) client.gone({ kind: 'closed', reason: client.connection.closed });
    }
  }

  pass(durationMs: number): void {
    this.settle();
    this.clock.advance(durationMs);
    this.settle();
  }

  /** Nothing is kept of connections that are gone. */
  checkEmpty(): void {
    for (const [at, { dones }] of this.clients.entries()) assert.equal(dones, 1, `done was called for client ${at}`);
    assert.equal(this.filter.activeConnections, 0);
    assert.equal(this.wheel.waiting, 0, 'timers wait');
    assert.equal(this.shared.places, 0, 'places are taken');
    assert.deepEqual(this.stats.gaugesLeft(), []);
  }

  get waitingForDone(): number {
    return this.clients.filter(({ dones }) => dones === 0).length;
  }
}

/** The client's end, as far as a filter sees it. */
export class SuiteClient {
  readonly connection: ScriptedConnection;
  /** How often `done` was called. */
  dones = 0;
  #gone = false;

  constructor(connection: ScriptedConnection) {
    this.connection = connection;
  }

  /** Nothing arrives where reading is paused. */
  send(text: string): void {
    if (this.#receiving) this.connection.handler?.onBytes(Buffer.from(text));
  }

  /** Half-close. */
  end(): void {
    if (this.#receiving) this.connection.handler?.onEnd();
  }

  /** Breaks the connection. */
  leave(): void {
    this.connection.closed ??= 'reset';
    this.gone(left);
  }

  gone(cause: CloseCause): void {
    if (this.#gone) return;
    this.#gone = true;
    this.connection.handler?.onClose(cause);
  }

  get #receiving(): boolean {
    return this.connection.reading && this.connection.closed === undefined;
  }
}

/** A filter that ends a chain: what comes goes back, and the connection ends when the client does. */
export class Behind implements NetworkFilter {
  readonly connections = new Set<Connection>();
  /** What filters before it said of each connection, in their order. */
  readonly states: (ConnectionState | undefined)[] = [];
  drains = 0;

  get activeConnections(): number {
    return this.connections.size;
  }

  accept(connection: Connection, done: () => void, state?: ConnectionState): void {
    this.connections.add(connection);
    this.states.push(state);
    const handler: ConnectionHandler = {
      onBytes: (chunk) => connection.write(chunk),
      onEnd: () => connection.close('flush'),
      onClose: () => {
        this.connections.delete(connection);
        done();
      },
    };
    connection.setHandler(handler);
  }

  drain(): void {
    this.drains++;
  }

  close(): void {
    for (const connection of this.connections) connection.close('now');
  }
}
