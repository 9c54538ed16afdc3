import type { ResetReason } from '@sofamesh/contract/message';
import type { ClientCodec, ClientHost, Protocol, ProtocolFault } from '@sofamesh/contract/protocol';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import { ConnectionTally } from '../cluster/connection-tally.ts';
import type { UpstreamAttempt } from '../cluster/upstream.ts';
import { IdleWatch } from './idle-watch.ts';
import type { PoolEnvironment } from './pool.ts';

/** The pool, as its connections see it. */
export interface ConnectionOwner {
  readonly protocol: Protocol;
  readonly environment: PoolEnvironment;
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
export class UpstreamConnection extends IdleWatch implements ConnectionHandler, ClientHost {
  readonly connection: Connection;
  /** Which dial of its pool it was, counted from 1. */
  readonly dial: number;
  /** Streams that are open on it. */
  activeStreams = 0;
  connected = false;
  /** In the pool's list of connections that may take a stream. */
  listed = false;
  readonly #owner: ConnectionOwner;
  readonly #tally: ConnectionTally;
  readonly #requestsMax: number;
  #codec: ClientCodec | undefined = undefined;
  #openedStreams = 0;
  #unsolicited = 0;
  /** No stream may be opened any more by our own will, or it is gone. */
  #closing = false;
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
    this.connection = owner.environment.dial(this);
  }

  /** Streams that may be opened now. */
  get capacity(): number {
    if (this.#closing || this.#exhausted || this.#codec === undefined) return 0;
    return this.#codec.available;
  }

  /** No stream will ever be opened again. */
  get retired(): boolean {
    return this.#closing || this.#exhausted || this.#codec?.retired === true;
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
    attempt.onPoolReady(this.#codec!.openStream(attempt), this.connection);
    if (!last) return;
    stats.cxMaxRequests.increment();
    this.#owner.onChange(this);
  }

  close(how: 'flush' | 'now'): void {
    this.#closing = true;
    this.connection.close(how);
  }

  // ── of the connection ─────────────────────────────────────────────────────────────────────────────────────────

  onConnect(): void {
    const { protocol, environment } = this.#owner;
    this.connected = true;
    this.#tally.connected();
    if (protocol.name === 'http1') environment.stats.cxHttp1Total.increment();
    this.#codec = protocol.createClientCodec(this.connection, this, environment.codecOptions);
    this.watchIdle(environment.wheel, environment.config.idleTimeoutMs);
    this.#owner.onConnected(this);
  }

  onBytes(chunk: Buffer): void {
    this.#tally.received(chunk.length, this.connection);
    this.#codec?.receive(chunk);
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
    stats.rqActive.add(-1);
    host.activeRequests--;
    this.#owner.onChange(this);
  }

  onAvailabilityChange(): void {
    this.#owner.onChange(this);
  }

  onFault(fault: ProtocolFault): void {
    this.#owner.environment.stats.cxProtocolError.increment();
    if (fault.scope === 'connection') this.#brokeBusy ||= this.activeStreams > 0;
  }

  onUnsolicited(): void {
    this.#owner.environment.stats.rqUnsolicited.increment();
    if (++this.#unsolicited <= this.#openedStreams + unsolicitedSlack || this.#closing) return;
    this.#brokeBusy ||= this.activeStreams > 0;
    this.close('now');
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
