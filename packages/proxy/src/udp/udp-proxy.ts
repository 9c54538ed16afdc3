import { type Address, formatAddress } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';
import type { PickContext } from '@sofamesh/contract/balancer';
import type { BoundSocket } from '@sofamesh/contract/datagram';
import type { Clusters, UpstreamCluster } from '../cluster/upstream.ts';
import type { UdpListenerConfig } from '../config/listener.ts';
import type { EngineEnvironment } from '../environment.ts';
import { hashText } from '../route/hash-policy.ts';
import { UdpSession, type UdpSessionScope } from './udp-session.ts';
import { UdpClusterStats, UdpStats } from './udp-stats.ts';

/**
 * `envoy.filters.udp_listener.udp_proxy`: takes the datagrams of a listener to the hosts of a cluster and the answers back.
 * A client keeps its host for a session, as long as the host is there and healthy.
 */
export class UdpProxy {
  readonly config: UdpListenerConfig;
  readonly #scope: UdpSessionScope;
  readonly #clusters: Clusters;
  readonly #environment: EngineEnvironment;
  /** By the client's address and this side's; with a host for every datagram, by that of the host as well. */
  readonly #sessions = new Map<string, UdpSession>();
  #clusterStats: { readonly prefix: string; readonly stats: UdpClusterStats } | undefined = undefined;

  /** Throws a CodedError when there is no UDP, or the format of an access log is not usable. */
  constructor(config: UdpListenerConfig, environment: EngineEnvironment, clusters: Clusters) {
    const { datagrams } = environment;
    if (datagrams === undefined)
      throw new CodedError('no_udp', 'address.socket_address.protocol: there is no UDP here');
    const { proxy } = config;
    this.config = config;
    this.#environment = environment;
    this.#clusters = clusters;
    this.#scope = {
      config: proxy,
      environment,
      datagrams,
      stats: new UdpStats(environment.stats, proxy.statPrefix),
      accessLogs: proxy.accessLogs.map((accessLog) => environment.openAccessLog(accessLog)),
    };
  }

  get activeSessions(): number {
    return this.#sessions.size;
  }

  /** A datagram of a client, received by `socket`. */
  onDatagram(bytes: Buffer, client: Address, socket: BoundSocket): void {
    const { stats } = this.#scope;
    if (bytes.length > this.config.datagramBytesMax) {
      stats.rxDatagramsDropped.increment();
      return;
    }
    stats.rxDatagrams.increment();
    stats.rxBytes.add(bytes.length);
    this.#sessionOf(client, socket)?.forward(bytes);
  }

  #sessionOf(client: Address, socket: BoundSocket): UdpSession | undefined {
    const { perPacket, cluster: name } = this.#scope.config;
    const key = `${formatAddress(client)} ${formatAddress(socket.address)}`;
    if (!perPacket) {
      const session = this.#sessions.get(key);
      if (session !== undefined && !session.host.draining && session.host.healthy) return session;
    }
    const cluster = this.#clusters.get(name);
    if (cluster === undefined) {
      this.#scope.stats.sessNoRoute.increment();
      this.#sessions.get(key)?.end('cluster_not_found');
      return undefined;
    }
    return this.#open(key, client, socket, cluster);
  }

  #open(key: string, client: Address, socket: BoundSocket, cluster: UpstreamCluster): UdpSession | undefined {
    const { config, stats } = this.#scope;
    const host = cluster.pick(this.#pickContext(client));
    if (host === undefined) {
      cluster.stats.cxNoneHealthy.increment();
      this.#sessions.get(key)?.end('no_healthy_upstream');
      return undefined;
    }
    const ownKey = config.perPacket ? `${key} ${host.name}` : key;
    const before = this.#sessions.get(ownKey);
    if (before !== undefined) {
      if (before.host === host) return before;
      before.end('upstream_host_changed');
    }
    if (this.#sessions.size >= config.sessionsMax) {
      stats.sessOverflow.increment();
      return undefined;
    }
    if (!cluster.acquireConnection()) return undefined;
    const session = new UdpSession(this.#scope, this.#statsOf(cluster), cluster, host, socket, client, (ended) => {
      if (this.#sessions.get(ownKey) === ended) this.#sessions.delete(ownKey);
    });
    this.#sessions.set(ownKey, session);
    return session;
  }

  #pickContext(client: Address): PickContext {
    const hashed = this.#scope.config.hashSourceIp && client.kind === 'ip';
    return { hash: hashed ? hashText(client.host) >>> 0 : undefined, avoid: undefined };
  }

  #statsOf({ stats: { prefix } }: UpstreamCluster): UdpClusterStats {
    if (this.#clusterStats?.prefix !== prefix) {
      this.#clusterStats = { prefix, stats: new UdpClusterStats(this.#environment.stats, prefix) };
    }
    return this.#clusterStats.stats;
  }

  close(): void {
    for (const session of [...this.#sessions.values()]) session.end('shutdown');
  }
}
