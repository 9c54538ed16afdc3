import type { Connection } from '@sofamesh/contract/transport';
import type { ClusterStats } from '../cluster/cluster-stats.ts';
import type { PendingStream, UpstreamAttempt, UpstreamProtocol } from '../cluster/upstream.ts';
import type { Pool } from './pool.ts';

/** Pools of one host that requests with different keys must not share. Clients choose the keys, so there is a limit. */
export abstract class KeyedPools<Key> implements Pool {
  readonly protocol: UpstreamProtocol;
  readonly #stats: ClusterStats;
  readonly #max: number;
  readonly #pools = new Map<Key, Pool>();
  #draining = false;
  #closed = false;

  constructor(protocol: UpstreamProtocol, stats: ClusterStats, max: number) {
    this.protocol = protocol;
    this.#stats = stats;
    this.#max = max;
  }

  protected abstract keyOf(downstream: Connection, attempt: UpstreamAttempt): Key;
  protected abstract create(key: Key): Pool;

  newStream(downstream: Connection, attempt: UpstreamAttempt): PendingStream | undefined {
    const key = this.keyOf(downstream, attempt);
    const pool = this.#pools.get(key) ?? this.#add(key);
    if (pool !== undefined) return pool.newStream(downstream, attempt);
    this.#stats.cxPoolOverflow.increment();
    attempt.onPoolFailure('overflow', 'too many connection pools');
    return undefined;
  }

  drain(): void {
    this.#draining = true;
    for (const pool of this.#pools.values()) pool.drain();
  }

  close(): void {
    this.#closed = true;
    for (const pool of this.#pools.values()) pool.close();
  }

  get idle(): boolean {
    for (const pool of this.#pools.values()) if (!pool.idle) return false;
    return true;
  }

  #add(key: Key): Pool | undefined {
    if (this.#pools.size >= this.#max && !this.#dropIdle()) return undefined;
    const pool = this.create(key);
    if (this.#draining) pool.drain();
    if (this.#closed) pool.close();
    this.#pools.set(key, pool);
    return pool;
  }

  /** The oldest one that has nothing to do goes. */
  #dropIdle(): boolean {
    for (const [key, pool] of this.#pools) {
      if (!pool.idle) continue;
      pool.drain();
      this.#pools.delete(key);
      return true;
    }
    return false;
  }
}
