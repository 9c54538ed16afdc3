import type { Connection } from '@sofamesh/contract/transport';
import type { ClusterStats } from '../cluster/cluster-stats.ts';
import type { UpstreamProtocol } from '../cluster/upstream.ts';
import type { UpstreamProxyConfig } from '../config/cluster.ts';
import { upstreamProxyHeader } from '../proxy-protocol/upstream-header.ts';
import { KeyedPools } from './keyed-pools.ts';
import type { Pool } from './pool.ts';

/** Clients of one host that have connections at a time. */
const proxyHeadersMax = 1024;

/** A pool for each PROXY protocol header: requests of two clients never share a connection that speaks for one of them. */
export class ProxyHeaderPools extends KeyedPools<string> {
  readonly #config: UpstreamProxyConfig;
  readonly #create: (preamble: Buffer) => Pool;

  constructor(
    protocol: UpstreamProtocol,
    stats: ClusterStats,
    config: UpstreamProxyConfig,
    create: (preamble: Buffer) => Pool,
  ) {
    super(protocol, stats, proxyHeadersMax);
    this.#config = config;
    this.#create = create;
  }

  protected override keyOf(downstream: Connection): string {
    return upstreamProxyHeader(this.#config, downstream).toString('latin1');
  }

  protected override create(key: string): Pool {
    return this.#create(Buffer.from(key, 'latin1'));
  }
}
