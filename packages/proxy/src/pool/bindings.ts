import type { Connection } from '@sofamesh/contract/transport';
import type { SharedPool } from './shared-pool.ts';

/** Which upstream connections belong to which downstream connection, over all clusters of a thread. */
export class Bindings {
  readonly #pools = new Map<Connection, Set<SharedPool>>();
  readonly #released = new WeakSet<Connection>();

  /** Downstream connections with something bound to them. */
  get size(): number {
    return this.#pools.size;
  }

  /** What is bound to a connection that is gone, by a one-way call that outlives its client, ends with its last stream. */
  add(downstream: Connection, pool: SharedPool): void {
    if (this.#released.has(downstream)) pool.drain();
    const pools = this.#pools.get(downstream);
    if (pools === undefined) this.#pools.set(downstream, new Set([pool]));
    else pools.add(pool);
  }

  remove(downstream: Connection, pool: SharedPool): void {
    const pools = this.#pools.get(downstream);
    if (pools?.delete(pool) && pools.size === 0) this.#pools.delete(downstream);
  }

  /** The downstream connection is gone: what was bound to it ends with its last stream. */
  release(downstream: Connection): void {
    this.#released.add(downstream);
    for (const pool of [...(this.#pools.get(downstream) ?? [])]) pool.drain();
  }
}
