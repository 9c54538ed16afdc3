import type { Clock } from '@sofamesh/base/clock';
import type { Logger } from '@sofamesh/base/logger';
import type { Random } from '@sofamesh/base/random';
import type { TimerWheel } from '@sofamesh/base/timer-wheel';
import type { ConfigReader } from './filter.ts';
import type { Stats } from './stats.ts';
import type { Connection } from './transport.ts';

/**
 * A network filter of one filter chain in one worker, with all connections that it was given. It has a connection to
 * itself from {@link accept} on: its handler and its bytes, which it keeps or hands to the filter behind it.
 */
export interface NetworkFilter {
  /**
   * Takes over a connection that a listener accepted (TLS, if the chain ends it, is done; but see `beforeTls`). A handler
   * must be set before this returns. `done` is called once, when the connection is gone. `state` is what filters before
   * this one found out; absent: nothing.
   */
  accept(connection: Connection, done: () => void, state?: ConnectionState): void;
  /** Asks for no new requests: goAway on every connection that can be told; `done` follows each. */
  drain(): void;
  /** Closes every connection. */
  close(): void;
  /** Those whose `done` is still to come. */
  readonly activeConnections: number;
}

/** What filters of a chain tell those behind them about one connection (Envoy: its filter state). Pass all on that came. */
export interface ConnectionState {
  /** Where `tcp_proxy` connects it to, instead of its own choice (Envoy: `envoy.tcp_proxy.cluster`). */
  readonly cluster?: string;
}

/** What an extension folder exports: one that ends a chain, or one that stands before others. */
export type NetworkFilterKind<Config = unknown> = TerminalNetworkFilterKind<Config> | EarlyNetworkFilterKind<Config>;

/** Ends a chain: what it is given goes no further. */
export interface TerminalNetworkFilterKind<Config = unknown> {
  /** Envoy's name: `envoy.filters.network.echo`. */
  readonly name: string;
  readonly terminal: true;
  /** Runs when configuration arrives. Throws a CodedError where it cannot be used. */
  create(config: Config, environment: NetworkFilterEnvironment): NetworkFilter;
}

/** Stands before the filter that ends the chain, and before it may stand others. */
export interface EarlyNetworkFilterKind<Config = unknown> {
  readonly name: string;
  readonly terminal: false;
  /** It asks for {@link Connection.requestedServerName}: a TLS inspector of the listener waits for the client's hello. */
  readonly readsServerName?: boolean;
  /**
   * It needs nothing that a handshake brings: it gets connections before theirs, which those that it refuses do not cost,
   * unless a filter before it needs TLS.
   */
  readonly beforeTls?: boolean;
  /** As {@link TerminalNetworkFilterKind.create}; the result drains and closes `next` with itself. */
  wrap(config: Config, environment: NetworkFilterEnvironment, next: NetworkFilter): NetworkFilter;
}

export interface NetworkFilterEnvironment {
  readonly clock: Clock;
  /** For timers of connections. */
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly stats: Stats;
  readonly logger: Logger;
  readonly shared: SharedNumbers;
}

/** Numbers that one filter of one chain has in common in all workers, so that its limit holds for the program. */
export interface SharedNumbers {
  /** Takes one of `max` places; false: all are taken. What a worker held that crashed is free again. */
  takePlace(max: number): boolean;
  returnPlace(): void;
  /**
   * Changes a whole number (0 at first) of at most 53 bits. `change` makes the next from the present one, or undefined to
   * leave it; it is called again when another worker came first. False: it was left.
   */
  update(change: (value: number) => number | undefined): boolean;
}

/** The main-thread half: a folder's `config.ts` exports one as `reader`. */
export interface NetworkFilterReader<Config = unknown> extends ConfigReader<Config> {
  /** As the kind has it. */
  readonly terminal: boolean;
  /** As {@link ConfigReader.read}. A FieldError is told with the path of the filter before its own. */
  read(typeName: string, value: Uint8Array): Config;
  /** Filters of this kind with the same text have their {@link SharedNumbers} in common; undefined: this one has its own. */
  sharesAs?(config: Config): string | undefined;
}
