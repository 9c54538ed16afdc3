import type { AccessLog } from '@sofamesh/contract/access-log';
import type { ConnectionState, NetworkFilter } from '@sofamesh/contract/network-filter';
import type { Connection } from '@sofamesh/contract/transport';
import type { Clusters } from '../cluster/upstream.ts';
import type { TcpProxyConfig } from '../config/listener.ts';
import type { EngineEnvironment } from '../environment.ts';
import { TcpSession, type TcpSessionScope } from './tcp-session.ts';
import { TcpStats } from './tcp-stats.ts';
import { TunnelHeads } from './tunnel-head.ts';

type TcpProxyEnvironment = Pick<
  EngineEnvironment,
  'clock' | 'wheel' | 'random' | 'stats' | 'openAccessLog' | 'compileFormat'
>;

/** `envoy.filters.network.tcp_proxy`: joins each connection to a host of one of its clusters, chosen by weight. */
export class TcpProxy implements NetworkFilter {
  readonly #config: TcpProxyConfig;
  readonly #environment: TcpProxyEnvironment;
  readonly #scope: TcpSessionScope;
  readonly #weightSum: number;
  readonly #sessions = new Set<TcpSession>();

  /** Throws a CodedError when the format of an access log or of a tunnel's request is not usable. */
  constructor(config: TcpProxyConfig, environment: TcpProxyEnvironment, clusters: Clusters) {
    this.#config = config;
    this.#environment = environment;
    this.#weightSum = config.clusters.reduce((sum, cluster) => sum + cluster.weight, 0);
    const accessLogs: AccessLog[] = config.accessLogs.map((accessLog) => environment.openAccessLog(accessLog));
    this.#scope = {
      environment,
      clusters,
      stats: new TcpStats(environment.stats, config.statPrefix),
      accessLogs,
      tunnel: config.tunnel && new TunnelHeads(config.tunnel, environment.compileFormat),
      idleTimeoutMs: config.idleTimeoutMs,
      maxConnectAttempts: Math.max(1, config.maxConnectAttempts),
      maxDurationMs: config.maxDurationMs,
      hashSourceIp: config.hashSourceIp,
      logOnConnect: config.logOnConnect,
      logFlushIntervalMs: config.logFlushIntervalMs,
    };
  }

  get activeConnections(): number {
    return this.#sessions.size;
  }

  accept(connection: Connection, done: () => void, state?: ConnectionState): void {
    const cluster = state?.cluster ?? this.#pickCluster();
    const session = new TcpSession(this.#scope, connection, cluster, (ended) => {
      this.#sessions.delete(ended);
      done();
    });
    this.#sessions.add(session);
    session.start();
  }

  /** Bytes carry no word for "please go": sessions end by themselves or are cut by {@link close}. */
  drain(): void {}

  close(): void {
    for (const session of this.#sessions) session.cut('shutdown');
  }

  #pickCluster(): string {
    const { clusters } = this.#config;
    let point = this.#environment.random.next() * this.#weightSum;
    for (const cluster of clusters) {
      point -= cluster.weight;
      if (point < 0) return cluster.name;
    }
    return clusters[0]?.name ?? '';
  }
}
