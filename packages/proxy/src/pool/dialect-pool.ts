import type { Protocol } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import type { PendingStream, UpstreamAttempt } from '../cluster/upstream.ts';
import type { Pool, PoolEnvironment } from './pool.ts';
import { SharedPool } from './shared-pool.ts';

/**
 * Many requests on a connection (`multiplexed`), but only such as are written alike: a {@link SharedPool} for each of the
 * few dialects of a protocol.
 */
export class DialectPool implements Pool {
  readonly protocol: Protocol;
  readonly #environment: PoolEnvironment;
  /** By dialect, with holes. */
  readonly #pools: (SharedPool | undefined)[] = [];
  #draining = false;
  #closed = false;

  constructor(protocol: Protocol, environment: PoolEnvironment) {
    this.protocol = protocol;
    this.#environment = environment;
  }

  newStream(downstream: Connection, attempt: UpstreamAttempt): PendingStream | undefined {
    const { dialect } = attempt;
    const pool = this.#pools[dialect] ?? this.#add(dialect);
    return pool.newStream(downstream, attempt);
  }

  drain(): void {
    this.#draining = true;
    for (const pool of this.#pools) pool?.drain();
  }

  close(): void {
    this.#closed = true;
    for (const pool of this.#pools) pool?.close();
  }

  get idle(): boolean {
    return this.#pools.every((pool) => pool === undefined || pool.idle);
  }

  #add(dialect: number): SharedPool {
    const pool = new SharedPool(
      this.protocol,
      this.#environment,
      this.#environment.config.multiplexedConnections,
      true,
    );
    if (this.#draining) pool.drain();
    if (this.#closed) pool.close();
    this.#pools[dialect] = pool;
    return pool;
  }
}
