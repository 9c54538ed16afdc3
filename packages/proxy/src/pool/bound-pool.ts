import type { Protocol } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import type { PendingStream, UpstreamAttempt } from '../cluster/upstream.ts';
import type { Bindings } from './bindings.ts';
import type { Pool, PoolEnvironment } from './pool.ts';
import { SharedPool } from './shared-pool.ts';

/** A connection for each downstream connection, so that order and state are kept (`bound`). */
export class BoundPool implements Pool {
  readonly protocol: Protocol;
  readonly #environment: PoolEnvironment;
  readonly #bindings: Bindings;
  readonly #pools = new Map<Connection, SharedPool>();
  #draining = false;
  #closed = false;

  constructor(protocol: Protocol, environment: PoolEnvironment, bindings: Bindings) {
    this.protocol = protocol;
    this.#environment = environment;
    this.#bindings = bindings;
  }

  newStream(downstream: Connection, attempt: UpstreamAttempt): PendingStream | undefined {
    const pool = this.#pools.get(downstream) ?? this.#bind(downstream);
    const pending = pool.newStream(downstream, attempt);
    if (pool.empty) this.#unbind(downstream, pool);
    return pending;
  }

  drain(): void {
    this.#draining = true;
    for (const pool of [...this.#pools.values()]) pool.drain();
  }

  close(): void {
    this.#closed = true;
    for (const pool of [...this.#pools.values()]) pool.close();
  }

  get idle(): boolean {
    for (const pool of this.#pools.values()) if (!pool.idle) return false;
    return true;
  }

  #bind(downstream: Connection): SharedPool {
    const pool = new PoolOfOne(this.protocol, this.#environment, (emptied) => this.#unbind(downstream, emptied));
    if (this.#draining) pool.drain();
    if (this.#closed) pool.close();
    this.#pools.set(downstream, pool);
    this.#bindings.add(downstream, pool);
    return pool;
  }

  #unbind(downstream: Connection, pool: SharedPool): void {
    if (this.#pools.get(downstream) === pool) this.#pools.delete(downstream);
    this.#bindings.remove(downstream, pool);
  }
}

class PoolOfOne extends SharedPool {
  readonly #onEmptied: (pool: SharedPool) => void;

  constructor(protocol: Protocol, environment: PoolEnvironment, onEmptied: (pool: SharedPool) => void) {
    super(protocol, environment, 1, false);
    this.#onEmptied = onEmptied;
  }

  protected override onEmpty(): void {
    this.#onEmptied(this);
  }
}
