import type { Connection } from '@sofamesh/contract/transport';
import type { ClusterStats } from '../cluster/cluster-stats.ts';
import type { PendingStream, UpstreamAttempt, UpstreamProtocol } from '../cluster/upstream.ts';
import type { Pool } from './pool.ts';

/** Server names of one host that have connections at a time. Clients choose the names. */
const serverNamesMax = 256;

/** A pool for each TLS server name that requests ask for, and one for those that ask for none. */
export class ServerNamePools implements Pool {
  readonly protocol: UpstreamProtocol;
  readonly #stats: ClusterStats;
  readonly #create: (serverName: string | undefined) => Pool;
  readonly #pools = new Map<string | undefined, Pool>();
  #draining = false;
  #closed = false;

  constructor(protocol: UpstreamProtocol, stats: ClusterStats, create: (serverName: string | undefined) => Pool) {
    this.protocol = protocol;
    this.#stats = stats;
    this.#create = create;
  }

  newStream(downstream: Connection, attempt: UpstreamAttempt): PendingStream | undefined {
    const { serverName } = attempt;
    const pool = this.#pools.get(serverName) ?? this.#add(serverName);
    if (pool !== undefined) return pool.newStream(downstream, attempt);
    this.#stats.cxPoolOverflow.increment();
    attempt.onPoolFailure('overflow', 'too many server names');
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

  #add(serverName: string | undefined): Pool | undefined {
    if (this.#pools.size >= serverNamesMax && !this.#dropIdle()) return undefined;
    const pool = this.#create(serverName);
    if (this.#draining) pool.drain();
    if (this.#closed) pool.close();
    this.#pools.set(serverName, pool);
    return pool;
  }

  /** The oldest one that has nothing to do goes. */
  #dropIdle(): boolean {
    for (const [serverName, pool] of this.#pools) {
      if (!pool.idle) continue;
      pool.drain();
      this.#pools.delete(serverName);
      return true;
    }
    return false;
  }
}
