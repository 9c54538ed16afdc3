import type { Address } from '@sofamesh/base/address';
import type { AccessLog, LogRecord } from '@sofamesh/contract/access-log';
import type { Host } from '@sofamesh/contract/balancer';
import type { BoundSocket, DatagramTransport, PeerHandler, PeerSocket } from '@sofamesh/contract/datagram';
import { ResponseFlag } from '@sofamesh/contract/message';
import type { UpstreamCluster } from '../cluster/upstream.ts';
import type { UpstreamHost } from '../cluster/upstream-host.ts';
import type { UdpProxyConfig } from '../config/listener.ts';
import type { EngineEnvironment } from '../environment.ts';
import { IdleWatch } from '../pool/idle-watch.ts';
import { DatagramClient } from './datagram-client.ts';
import type { UdpClusterStats, UdpStats } from './udp-stats.ts';

/** What the sessions of one proxy share. */
export interface UdpSessionScope {
  readonly config: UdpProxyConfig;
  readonly environment: Pick<EngineEnvironment, 'clock' | 'wheel'>;
  readonly datagrams: DatagramTransport;
  readonly stats: UdpStats;
  readonly accessLogs: readonly AccessLog[];
}

/**
 * The datagrams between one client and one host, until none has come for a while. The place under the cluster's connection
 * limit must have been taken, and is given back at the end.
 *
 * The session is its own access log record, and as a handler it is told about the host's side.
 */
export class UdpSession extends IdleWatch implements PeerHandler, LogRecord {
  readonly request = undefined;
  readonly response = undefined;
  readonly status = 0;
  readonly flags = ResponseFlag.none as number;
  readonly routeName = '';
  readonly virtualHost = '';
  readonly upstreamServiceMs = -1;
  readonly upstreamLocal = '';
  readonly attempts = 1;
  readonly startWallMs: number;
  readonly downstream: DatagramClient;
  readonly upstreamCluster: string;
  readonly upstreamHost: string;
  readonly cluster: UpstreamCluster;
  readonly host: UpstreamHost;
  readonly type = 'UdpSessionEnd';
  durationMs = 0;
  details = '';
  upstreamFailure = '';
  bytesReceived = 0;
  bytesSent = 0;

  readonly #scope: UdpSessionScope;
  readonly #clusterStats: UdpClusterStats;
  readonly #socket: BoundSocket;
  readonly #peer: PeerSocket;
  readonly #startMs: number;
  readonly #onEnd: (session: UdpSession) => void;
  #datagrams = 0;
  #over = false;

  constructor(
    scope: UdpSessionScope,
    clusterStats: UdpClusterStats,
    cluster: UpstreamCluster,
    host: Host,
    socket: BoundSocket,
    client: Address,
    onEnd: (session: UdpSession) => void,
  ) {
    super();
    const { clock, wheel } = scope.environment;
    this.#scope = scope;
    this.#clusterStats = clusterStats;
    this.#socket = socket;
    this.#startMs = clock.now();
    this.#onEnd = onEnd;
    this.startWallMs = clock.wallMs();
    this.downstream = new DatagramClient(socket.address, client);
    this.cluster = cluster;
    this.host = host as UpstreamHost;
    this.upstreamCluster = cluster.name;
    this.upstreamHost = host.name;
    this.host.activeRequests++;
    cluster.stats.cxTotal.increment();
    cluster.stats.cxActive.add(1);
    scope.stats.sessTotal.increment();
    scope.stats.sessActive.add(1);
    this.#peer = scope.datagrams.connect({ address: host.address }, this);
    this.watchIdle(wheel, scope.config.idleTimeoutMs);
  }

  /** A datagram of the client. */
  forward(bytes: Buffer): void {
    this.#datagrams++;
    this.bytesReceived += bytes.length;
    this.#clusterStats.txDatagrams.increment();
    this.cluster.stats.cxTxBytesTotal.add(bytes.length);
    this.#peer.send(bytes);
  }

  onDatagram(bytes: Buffer): void {
    if (this.#over) return;
    const { stats, config } = this.#scope;
    this.#datagrams++;
    if (bytes.length > config.upstreamDatagramBytesMax) {
      this.#clusterStats.rxDatagramsDropped.increment();
      return;
    }
    this.#clusterStats.rxDatagrams.increment();
    this.cluster.stats.cxRxBytesTotal.add(bytes.length);
    this.bytesSent += bytes.length;
    stats.txDatagrams.increment();
    stats.txBytes.add(bytes.length);
    this.#socket.send(bytes, this.downstream.remote, this.#onNotSent);
  }

  onError(code: string): void {
    this.upstreamFailure = code;
    // Nobody receives there: the system tells so with the next datagram from there.
    (code === 'ECONNREFUSED' ? this.#clusterStats.rxErrors : this.#clusterStats.txErrors).increment();
  }

  end(details: string): void {
    if (this.#over) return;
    this.#over = true;
    const { stats, environment, accessLogs } = this.#scope;
    this.stopIdleWatch();
    this.#peer.close();
    this.host.activeRequests--;
    this.cluster.releaseConnection();
    this.cluster.stats.cxActive.add(-1);
    this.cluster.stats.cxDestroy.increment();
    stats.sessActive.add(-1);
    this.details = details;
    this.durationMs = environment.clock.now() - this.#startMs;
    for (const accessLog of accessLogs) accessLog.log(this);
    this.#onEnd(this);
  }

  readonly #onNotSent = (): void => {
    this.#scope.stats.txErrors.increment();
  };

  protected override useMark(): number {
    return this.#datagrams;
  }

  protected override onIdle(): void {
    this.#scope.stats.idleTimeout.increment();
    this.end('idle_timeout');
  }
}
