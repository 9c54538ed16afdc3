import type { Connection } from '@sofamesh/contract/transport';
import type { ClusterStats } from '../cluster/cluster-stats.ts';
import type { UpstreamAttempt, UpstreamProtocol } from '../cluster/upstream.ts';
import { KeyedPools } from './keyed-pools.ts';
import type { Pool } from './pool.ts';

/** Server names of one host that have connections at a time. Clients choose the names. */
const serverNamesMax = 256;

/** A pool for each TLS server name that requests ask for, and one for those that ask for none. */
export class ServerNamePools extends KeyedPools<string | undefined> {
  readonly #create: (serverName: string | undefined) => Pool;

  constructor(protocol: UpstreamProtocol, stats: ClusterStats, create: (serverName: string | undefined) => Pool) {
    super(protocol, stats, serverNamesMax);
    this.#create = create;
  }

  protected override keyOf(_downstream: Connection, { serverName }: UpstreamAttempt): string | undefined {
    return serverName;
  }

  protected override create(serverName: string | undefined): Pool {
    return this.#create(serverName);
  }
}
