import { formatAddress } from '@sofamesh/base/address';
import type { AccessLog, LogRecord, LogRecordType } from '@sofamesh/contract/access-log';
import type { Host, PickContext } from '@sofamesh/contract/balancer';
import { type Headers, ResponseFlag, type ResponseHead } from '@sofamesh/contract/message';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import type { Clusters, UpstreamCluster } from '../cluster/upstream.ts';
import type { EngineEnvironment } from '../environment.ts';
import { passOn } from '../pass-on.ts';
import { IdleWatch } from '../pool/idle-watch.ts';
import { hashText } from '../route/hash-policy.ts';
import { SessionTimer } from './session-timer.ts';
import type { TcpStats } from './tcp-stats.ts';
import { Tunnel, type TunnelHandler } from './tunnel.ts';
import type { TunnelHeads } from './tunnel-head.ts';
import type { UpstreamLink } from './upstream-link.ts';

/** What the sessions of one proxy share. */
export interface TcpSessionScope {
  readonly environment: Pick<EngineEnvironment, 'clock' | 'wheel'>;
  readonly clusters: Clusters;
  readonly stats: TcpStats;
  readonly accessLogs: readonly AccessLog[];
  /** Undefined: upstream connections are plain ones. */
  readonly tunnel: TunnelHeads | undefined;
  readonly idleTimeoutMs: number;
  readonly maxConnectAttempts: number;
  readonly maxDurationMs: number;
  readonly hashSourceIp: boolean;
  readonly logOnConnect: boolean;
  readonly logFlushIntervalMs: number;
}

/**
 * A client's connection and the upstream connection that it is joined to. Either side is read only as fast as the other
 * takes it; an end is passed on as an end, a reset as a reset. Nothing is read from the client before the upstream
 * connection stands, so what it sent can go to another host if it does not.
 *
 * The session is its own access log record, and as a handler it is told about the client's side.
 */
export class TcpSession extends IdleWatch implements ConnectionHandler, LogRecord, PickContext {
  readonly request = undefined;
  readonly response = undefined;
  readonly status = 0;
  readonly routeName = '';
  readonly virtualHost = '';
  readonly upstreamServiceMs = -1;
  readonly startWallMs: number;
  readonly downstream: Connection;
  readonly upstreamCluster: string;
  type: LogRecordType = 'TcpConnectionEnd';
  durationMs = 0;
  flags = ResponseFlag.none as number;
  details = '';
  upstreamFailure = '';
  filterState: Readonly<Record<string, string>> | undefined = undefined;
  attempts = 0;
  /** Without what was read before: a PROXY protocol header, a handshake. */
  bytesReceived = 0;
  readonly hash: number | undefined;
  avoid: Host | undefined = undefined;

  readonly #scope: TcpSessionScope;
  readonly #onDone: (session: TcpSession) => void;
  readonly #startMs: number;
  #cluster: UpstreamCluster | undefined = undefined;
  /** Of the attempt that is being made or has succeeded, also when it is gone. */
  #upstream: UpstreamLink | undefined = undefined;
  #upstreamOpen = false;
  #connected = false;
  #downstreamOpen = true;
  #downstreamEnded = false;
  /** What the client's connection delivered although it was paused (bytes that were looked at before). */
  #early: Buffer[] = [];
  readonly #timers: SessionTimer[] = [];

  /** `onDone` is called when both sides are gone. */
  constructor(
    scope: TcpSessionScope,
    downstream: Connection,
    clusterName: string,
    onDone: (session: TcpSession) => void,
  ) {
    super();
    const { clock } = scope.environment;
    this.#scope = scope;
    this.#onDone = onDone;
    this.#startMs = clock.now();
    this.startWallMs = clock.wallMs();
    this.downstream = downstream;
    this.upstreamCluster = clusterName;
    const { remote } = downstream;
    this.hash = scope.hashSourceIp && remote.kind === 'ip' ? hashText(remote.host) >>> 0 : undefined;
  }

  start(): void {
    const { environment, clusters, stats, idleTimeoutMs } = this.#scope;
    stats.cxTotal.increment();
    this.downstream.setHandler(this);
    this.downstream.pauseReading();
    this.watchIdle(environment.wheel, idleTimeoutMs);
    this.#startTimers();
    this.#cluster = clusters.get(this.upstreamCluster);
    if (this.#cluster === undefined) {
      stats.cxNoRoute.increment();
      this.#refuse(ResponseFlag.noClusterFound, 'cluster_not_found');
    } else this.#connect(this.#cluster);
  }

  /** Cuts the session off. Where the bytes of a peer end may be what tells that they are complete: both see a reset. */
  cut(details: string): void {
    this.#close('reset', details);
  }

  get bytesSent(): number {
    return this.downstream.bytesSent;
  }

  get upstreamHost(): string {
    return this.avoid?.name ?? '';
  }

  get upstreamLocal(): string {
    return this.#connected ? formatAddress(this.#upstream!.local) : '';
  }

  // ── the client's side ─────────────────────────────────────────────────────────────────────────────────────────

  onBytes(chunk: Buffer): void {
    const { stats } = this.#scope;
    stats.cxRxBytesTotal.add(chunk.length);
    this.bytesReceived += chunk.length;
    if (!this.#connected) {
      this.#early.push(chunk);
      return;
    }
    const upstream = this.#upstream!;
    passOn(upstream, chunk);
    if (upstream.writable) return;
    stats.flowControlPausedReadingTotal.increment();
    this.downstream.pauseReading();
  }

  onEnd(): void {
    this.#downstreamEnded = true;
    if (this.#connected) this.#upstream!.end();
  }

  onWritable(): void {
    if (this.#upstreamOpen) this.#upstream!.resumeReading();
  }

  onClose(cause: CloseCause): void {
    this.#downstreamOpen = false;
    if (!this.#upstreamOpen) {
      this.#finish();
      return;
    }
    if (!this.#connected && this.details === '') this.flags |= ResponseFlag.downstreamConnectionTermination;
    this.#upstream!.close(cause.kind === 'closed' && this.#connected ? 'flush' : 'reset');
  }

  // ── the upstream's side ───────────────────────────────────────────────────────────────────────────────────────

  onUpstreamConnect(): void {
    this.#connected = true;
    const upstream = this.#upstream!;
    for (const chunk of this.#early) upstream.write(chunk);
    this.#early = [];
    if (this.#downstreamEnded) upstream.end();
    if (upstream.writable) this.downstream.resumeReading();
    if (this.#scope.logOnConnect) this.#log('TcpUpstreamConnected');
  }

  onUpstreamBytes(chunk: Buffer): void {
    this.#scope.stats.cxTxBytesTotal.add(chunk.length);
    // What a tunnel delivers may be a part of what its connection read.
    if (this.#upstream!.passOn === undefined) this.downstream.write(chunk);
    else passOn(this.downstream, chunk);
    if (!this.downstream.writable) this.#upstream!.pauseReading();
  }

  onUpstreamEnd(): void {
    this.downstream.end();
  }

  onUpstreamWritable(): void {
    this.#scope.stats.flowControlResumedReadingTotal.increment();
    this.downstream.resumeReading();
  }

  onUpstreamClose(cause: CloseCause): void {
    this.#upstreamOpen = false;
    if (!this.#downstreamOpen) this.#finish();
    else if (!this.#connected) this.#onConnectFailed(cause);
    else if (cause.kind === 'closed') this.downstream.close('flush');
    else {
      this.flags |= ResponseFlag.upstreamRemoteReset;
      this.upstreamFailure = cause.reason;
      this.downstream.close('reset');
    }
  }

  // ── what the proxy said that a tunnel leads through ───────────────────────────────────────────────────────────

  onTunnelHead(head: ResponseHead): void {
    if (!this.#scope.tunnel?.keepsHead) return;
    this.#keep('envoy.tcp_proxy.propagate_response_headers', head, [{ key: ':status', value: String(head.status) }]);
  }

  onTunnelTrailers(trailers: Headers): void {
    if (this.#scope.tunnel?.keepsTrailers) this.#keep('envoy.tcp_proxy.propagate_response_trailers', trailers, []);
  }

  #keep(key: string, fields: Headers, headers: { key: string; value: string }[]): void {
    fields.visit((name, value) => headers.push({ key: name, value }));
    this.filterState = { ...this.filterState, [key]: JSON.stringify({ headers }) };
  }

  // ── of the idle watch ─────────────────────────────────────────────────────────────────────────────────────────

  protected override useMark(): number {
    const { downstream } = this;
    const upstream = this.#upstream;
    const upstreamBytes = upstream === undefined ? 0 : upstream.bytesReceived + upstream.bytesSent;
    return downstream.bytesReceived + downstream.bytesSent + upstreamBytes;
  }

  protected override onIdle(): void {
    this.#scope.stats.idleTimeout.increment();
    const { downstream } = this;
    const waits = downstream.bufferedBytes > 0 || (this.#upstream?.bufferedBytes ?? 0) > 0;
    this.#close(waits ? 'reset' : 'now', 'idle_timeout');
  }

  #startTimers(): void {
    const { environment, maxDurationMs, logFlushIntervalMs } = this.#scope;
    const start = (delayMs: number, repeats: boolean, onTime: () => void) => {
      if (delayMs > 0) this.#timers.push(new SessionTimer(environment.wheel, delayMs, repeats, onTime));
    };
    start(maxDurationMs, false, () => this.#onMaxDuration());
    start(logFlushIntervalMs, true, () => this.#log('TcpPeriodic'));
  }

  #onMaxDuration(): void {
    this.#scope.stats.maxDuration.increment();
    this.flags |= ResponseFlag.durationTimeout;
    this.cut('max_downstream_connection_duration');
  }

  #close(how: 'now' | 'reset', details: string): void {
    if (this.details === '') this.details = details;
    this.downstream.close(how);
    if (this.#upstreamOpen) this.#upstream!.close(how);
  }

  #connect(cluster: UpstreamCluster): void {
    const host = cluster.pick(this);
    if (host === undefined) {
      cluster.stats.cxNoneHealthy.increment();
      this.#refuse(ResponseFlag.noHealthyUpstream, 'no_healthy_upstream');
      return;
    }
    this.avoid = host;
    const upstream = this.#open(cluster, host);
    if (upstream === undefined) {
      this.#refuse(ResponseFlag.upstreamOverflow, 'overflow');
      return;
    }
    this.attempts++;
    this.#upstream = upstream;
    this.#upstreamOpen = true;
  }

  #open(cluster: UpstreamCluster, host: Host): UpstreamLink | undefined {
    const { tunnel } = this.#scope;
    const side = new UpstreamSide(this);
    if (tunnel === undefined) return cluster.dial(host, side, this.downstream);
    return Tunnel.open(cluster, host, tunnel.headFor(this), side, this.downstream);
  }

  #onConnectFailed(cause: CloseCause): void {
    // The session was closed from this side, and the dial with it.
    if (this.details !== '') return;
    this.flags |= ResponseFlag.upstreamConnectionFailure;
    this.upstreamFailure = cause.reason;
    const cluster = this.#cluster!;
    if (this.attempts < this.#scope.maxConnectAttempts) {
      this.#connect(cluster);
      return;
    }
    cluster.stats.cxConnectAttemptsExceeded.increment();
    this.#refuse(ResponseFlag.upstreamRetryLimitExceeded, 'upstream_connect_failure');
  }

  #refuse(flag: number, details: string): void {
    this.flags |= flag;
    this.details = details;
    this.downstream.close('now');
  }

  #finish(): void {
    this.stopIdleWatch();
    for (const timer of this.#timers) timer.stop();
    this.#log('TcpConnectionEnd');
    this.#onDone(this);
  }

  #log(type: LogRecordType): void {
    this.type = type;
    const { environment, accessLogs } = this.#scope;
    this.durationMs = environment.clock.now() - this.#startMs;
    for (const accessLog of accessLogs) accessLog.log(this);
  }
}

/** Told about one upstream connection of a session. */
class UpstreamSide implements TunnelHandler {
  readonly #session: TcpSession;

  constructor(session: TcpSession) {
    this.#session = session;
  }

  onConnect(): void {
    this.#session.onUpstreamConnect();
  }

  onTunnelHead(head: ResponseHead): void {
    this.#session.onTunnelHead(head);
  }

  onTunnelTrailers(trailers: Headers): void {
    this.#session.onTunnelTrailers(trailers);
  }

  onBytes(chunk: Buffer): void {
    this.#session.onUpstreamBytes(chunk);
  }

  onEnd(): void {
    this.#session.onUpstreamEnd();
  }

  onWritable(): void {
    this.#session.onUpstreamWritable();
  }

  onClose(cause: CloseCause): void {
    this.#session.onUpstreamClose(cause);
  }
}
