import { Deadline } from '@sofamesh/base/timer-wheel';
import type { ResetReason } from '@sofamesh/contract/message';
import type { ClientCodec, ClientHost, Protocol, ProtocolFault } from '@sofamesh/contract/protocol';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import { ChunkTime } from '../chunk-time.ts';
import { ConnectionTally } from '../cluster/connection-tally.ts';
import { isHttp } from '../cluster/http-protocols.ts';
import type { UpstreamAttempt, UpstreamCarrier } from '../cluster/upstream.ts';
import { IdleWatch } from './idle-watch.ts';
import { Keepalive, type KeepaliveOwner } from './keepalive.ts';
import type { PoolEnvironment } from './pool.ts';

/** The pool, as its connections see it. */
export interface ConnectionOwner {
  readonly environment: PoolEnvironment;
  /** Streams that the host is known to take on one connection; infinite when nothing is known. */
  readonly expectedStreams: number;
  /** What is spoken on a connection that has just been made. */
  protocolOf(connection: Connection): Protocol;
  onConnected(connection: UpstreamConnection): void;
  onConnectFailed(connection: UpstreamConnection, reason: ResetReason, detail: string): void;
  /** `capacity` and `retired` may have changed. */
  onChange(connection: UpstreamConnection): void;
  /** It was connected and is gone; its streams are told after this. `unused`: it never had any. */
  onGone(connection: UpstreamConnection, unused: boolean, detail: string): void;
  /** All its streams have been told. */
  afterGone(): void;
}

/**
 * A reply to a request that was given up is no fault of the upstream's, and every stream can cause one. What exceeds that
 * by so many says that the peer and this side no longer mean the same by an id.
 */
const unsolicitedSlack = 100;

/** One pooled connection: passes bytes to its codec and events to its pool, and keeps the books. */
export class UpstreamConnection
  extends IdleWatch
  implements ConnectionHandler, ClientHost, KeepaliveOwner, UpstreamCarrier
{
  readonly connection: Connection;
  /** Which dial of its pool it was, counted from 1. */
  readonly dial: number;
  /** Streams that are open on it. */
  activeStreams = 0;
  connected = false;
  /** In the pool's list of connections that may take a stream. */
  listed = false;
  /** It takes many streams at a time. Known when connected. */
  shared = false;
  /** It was dialled for this attempt alone. */
  reservedFor: UpstreamAttempt | undefined = undefined;
  readonly #owner: ConnectionOwner;
  readonly #tally: ConnectionTally;
  readonly #time: ChunkTime;
  readonly #requestsMax: number;
  #protocolName = '';
  #codec: ClientCodec | undefined = undefined;
  #keepalive: Keepalive | undefined = undefined;
  /** The maximum age (`max_connection_duration`). */
  #ageLimit: Deadline | undefined = undefined;
  /** It has just been made: what is sent now cannot cross an end that the peer decided on while nobody used it. */
  #fresh = false;
  #openedStreams = 0;
  #unsolicited = 0;
  /** No stream may be opened any more by our own will, or it is gone. */
  #closing = false;
  /** The peer has said, or shown, how many streams it takes. */
  #peerSpoke = false;
  /** It has reached its maximum age. */
  #old = false;
  #peerEnded = false;
  /** Streams were open when its end began. */
  #brokeBusy = false;

  /** Dials. The place under the connection limit must have been taken. */
  constructor(owner: ConnectionOwner, dial: number) {
    super();
    this.dial = dial;
    this.#owner = owner;
    this.#requestsMax = owner.environment.config.maxRequestsPerConnection;
    this.#tally = new ConnectionTally(owner.environment);
    this.#time = new ChunkTime(owner.environment.clock);
    this.connection = owner.environment.dial(this);
  }

  /** Streams that may be opened now. */
  get capacity(): number {
    if (this.#closing || this.#old || this.#exhausted || this.#codec === undefined) return 0;
    const { available } = this.#codec;
    // The codec takes its peer for a generous one until the peer has spoken; an earlier connection may have told better.
    if (this.#peerSpoke) return available;
    return Math.min(available, Math.max(0, this.#owner.expectedStreams - this.activeStreams));
  }

  /** Streams that the peer takes at a time; undefined as long as it has not said so. */
  get streamsMax(): number | undefined {
    return this.#peerSpoke && !this.retired ? this.#codec!.available + this.activeStreams : undefined;
  }

  /** No stream will ever be opened again. */
  get retired(): boolean {
    return this.#closing || this.#old || this.#exhausted || this.#codec?.retired === true;
  }

  get #exhausted(): boolean {
    return this.#requestsMax > 0 && this.#openedStreams >= this.#requestsMax;
  }

  /** Only while there is {@link capacity}. The attempt was counted as one of the host's active requests before. */
  open(attempt: UpstreamAttempt): void {
    const { stats, host } = this.#owner.environment;
    this.activeStreams++;
    const last = ++this.#openedStreams === this.#requestsMax;
    stats.rqTotal.increment();
    stats.rqActive.add(1);
    host.rqTotal++;
    this.#keepalive?.beforeRequest();
    attempt.onPoolReady(this.#codec!.openStream(attempt), this, this.#fresh);
    if (!last) return;
    stats.cxMaxRequests.increment();
    this.#owner.onChange(this);
  }

  now(): number {
    return this.#time.now();
  }

  close(how: 'flush' | 'now'): void {
    this.#closing = true;
    this.connection.close(how);
  }

  // ── of the connection ─────────────────────────────────────────────────────────────────────────────────────────

  onConnect(): void {
    const { environment } = this.#owner;
    const { config, stats, wheel, clock, random } = environment;
    const protocol = this.#owner.protocolOf(this.connection);
    this.connected = true;
    this.shared = protocol.pooling !== 'exclusive';
    this.#protocolName = protocol.name;
    this.#tally.connected(this.connection);
    if (protocol.httpVersion === 2) stats.cxHttp2Total.increment();
    else if (protocol.httpVersion === 1) stats.cxHttp1Total.increment();
    this.#codec = protocol.createClientCodec(this.connection, this, environment.codecOptionsOf(protocol));
    this.watchIdle(wheel, config.idleTimeoutMs);
    const pings = protocol.httpVersion === 2 ? config.keepalive : undefined;
    const keepalive = isHttp(protocol) ? pings : config.rpc?.heartbeat;
    if (keepalive !== undefined) this.#keepalive = new Keepalive(keepalive, this, clock, wheel, random);
    if (config.connectionDurationMs > 0) {
      this.#ageLimit = new Deadline({ onDeadline: () => this.#onOld() });
      wheel.start(this.#ageLimit, config.connectionDurationMs);
    }
    this.#fresh = true;
    this.#owner.onConnected(this);
    this.#fresh = false;
  }

  onBytes(chunk: Buffer): void {
    this.#tally.received(chunk.length, this.connection);
    this.#keepalive?.onReceived();
    this.#time.beginChunk();
    this.#codec?.receive(chunk);
    this.#time.endChunk();
  }

  onEnd(): void {
    this.#peerEnded = true;
    this.#brokeBusy ||= this.activeStreams > 0;
    this.#codec?.receiveEnd();
  }

  onWritable(): void {
    this.#codec?.connectionWritable();
  }

  onClose(cause: CloseCause): void {
    const owner = this.#owner;
    this.#closing = true;
    this.stopIdleWatch();
    this.#keepalive?.stop();
    if (this.#ageLimit !== undefined) owner.environment.wheel.stop(this.#ageLimit);
    this.#tally.closed(this.connection, cause, this.#peerEnded, this.#brokeBusy || this.activeStreams > 0);
    if (!this.connected) {
      const reason = cause.kind === 'connect-timeout' ? 'connection-timeout' : 'connection-failure';
      owner.onConnectFailed(this, reason, cause.reason);
      return;
    }
    owner.onGone(this, this.#openedStreams === 0, cause.reason);
    this.#codec?.connectionClosed(cause);
    owner.afterGone();
  }

  // ── of the codec ──────────────────────────────────────────────────────────────────────────────────────────────

  onStreamEnd(): void {
    const { stats, host } = this.#owner.environment;
    this.activeStreams--;
    this.#peerSpoke = true;
    stats.rqActive.add(-1);
    host.activeRequests--;
    this.#owner.onChange(this);
  }

  onAvailabilityChange(): void {
    this.#peerSpoke = true;
    this.#owner.onChange(this);
  }

  onFault(fault: ProtocolFault): void {
    const { stats } = this.#owner.environment;
    stats.recordCodecEvent(this.#protocolName, fault.code);
    if (fault.scope !== 'connection') return;
    stats.cxProtocolError.increment();
    this.#brokeBusy ||= this.activeStreams > 0;
  }

  onHeartbeatReply(): void {
    this.#keepalive?.onAnswer();
  }

  onUnsolicited(): void {
    this.#owner.environment.stats.rqUnsolicited.increment();
    if (++this.#unsolicited <= this.#openedStreams + unsolicitedSlack || this.#closing) return;
    this.#brokeBusy ||= this.activeStreams > 0;
    this.close('now');
    this.#owner.onChange(this);
  }

  // ── of the timers ─────────────────────────────────────────────────────────────────────────────────────────────

  sendHeartbeat(): boolean {
    return !this.#closing && this.#codec!.sendHeartbeat();
  }

  onKeepaliveTimeout(): void {
    this.#owner.environment.stats.recordCodecEvent(this.#protocolName, 'keepalive_timeout');
    this.#brokeBusy ||= this.activeStreams > 0;
    this.close('now');
    this.#owner.onChange(this);
  }

  #onOld(): void {
    if (this.retired) return;
    this.#old = true;
    this.#owner.environment.stats.cxMaxDurationReached.increment();
    this.#owner.onChange(this);
  }

  // ── of the idle watch ─────────────────────────────────────────────────────────────────────────────────────────

  protected override useMark(): number {
    return this.activeStreams > 0 ? Number.NaN : this.#openedStreams;
  }

  protected override onIdle(): void {
    this.#owner.environment.stats.cxIdleTimeout.increment();
    this.close('flush');
    this.#owner.onChange(this);
  }
}
