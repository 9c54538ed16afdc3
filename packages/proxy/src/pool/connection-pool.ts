import type { ResetReason } from '@sofamesh/contract/message';
import type { Protocol } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import type { PendingStream, UpstreamAttempt, UpstreamProtocol } from '../cluster/upstream.ts';
import type { Pool, PoolEnvironment } from './pool.ts';
import { type ConnectionOwner, UpstreamConnection } from './upstream-connection.ts';
import { WaitingQueue } from './waiting-queue.ts';

/**
 * What all pools do alike: attempts that find no connection wait in one queue, connections are dialled for them, and
 * whoever waits for a connection that cannot be had is told. Kinds of pool differ in which connection takes a stream and
 * how many are dialled.
 *
 * Attempts are told from inside the pool and may come back with another request at once, so every count is right before
 * anybody is told.
 */
export abstract class ConnectionPool implements Pool, ConnectionOwner {
  readonly protocol: UpstreamProtocol;
  readonly environment: PoolEnvironment;
  protected readonly waiting = new WaitingQueue(() => this.#onCancel());
  /** See {@link ConnectionOwner.expectedStreams}. */
  expectedStreams = Number.POSITIVE_INFINITY;
  /** Connections that are being dialled for those that wait. */
  protected connecting = 0;
  /** Connections ever dialled. */
  protected dials = 0;
  protected draining = false;
  /** All that are not closed, those being dialled included. */
  readonly #connections = new Set<UpstreamConnection>();
  #closed = false;

  constructor(protocol: UpstreamProtocol, environment: PoolEnvironment) {
    this.protocol = protocol;
    this.environment = environment;
  }

  /** A connection with capacity, taken from where the pool keeps such. */
  protected abstract take(): UpstreamConnection | undefined;
  /** Dials for those that wait, as many as this kind of pool wants and the limit allows. */
  protected abstract grow(): void;
  /** How many of those that wait, the oldest first, have no hope left in the connections that are being dialled. */
  protected abstract get uncovered(): number;
  /** A connection that has just been connected, or whose state has changed, finds its place. */
  protected abstract place(connection: UpstreamConnection): void;
  /** A connection is gone: forget it. */
  protected abstract forget(connection: UpstreamConnection): void;
  /** The last connection is gone and nobody waits. */
  protected onEmpty(): void {}

  newStream(_downstream: Connection, attempt: UpstreamAttempt): PendingStream | undefined {
    const { host, breakers } = this.environment;
    const apart = attempt.wantsFresh ? this.#dialFor(attempt) : undefined;
    if (apart !== undefined) return apart;
    const connection = this.take();
    if (connection !== undefined) {
      host.activeRequests++;
      connection.open(attempt);
      return undefined;
    }
    if (this.#closed) {
      attempt.onPoolFailure('connection-failure', 'the cluster was closed');
      return undefined;
    }
    if (!breakers.pending.acquire()) {
      attempt.onPoolFailure('overflow', 'too many pending requests');
      return undefined;
    }
    this.#enterPending();
    const waiting = this.waiting.push(attempt);
    this.grow();
    waiting.lastDial = this.dials;
    return waiting;
  }

  drain(): void {
    this.draining = true;
    for (const connection of [...this.#connections]) if (connection.connected) this.closeIfDone(connection);
  }

  close(): void {
    this.draining = this.#closed = true;
    for (const connection of this.#connections) connection.close('now');
    this.#failWaiting(this.waiting.length, 'connection-failure', 'the cluster was closed');
  }

  // ── of the connections ────────────────────────────────────────────────────────────────────────────────────────

  /** Where the connection does not decide, all speak the pool's one protocol. */
  protocolOf(_connection: Connection): Protocol {
    return this.protocol as Protocol;
  }

  onConnected(connection: UpstreamConnection): void {
    const { reservedFor } = connection;
    if (reservedFor === undefined) this.connecting--;
    else {
      connection.reservedFor = undefined;
      this.#leavePending();
      if (connection.capacity > 0) connection.open(reservedFor);
      else this.#failPending(reservedFor, 'connection-failure', 'the connection takes no request');
    }
    this.onChange(connection);
  }

  onConnectFailed(connection: UpstreamConnection, reason: ResetReason, detail: string): void {
    const { reservedFor } = connection;
    this.#connections.delete(connection);
    if (reservedFor === undefined) {
      this.connecting--;
      this.#failUncovered(reason, detail);
    } else {
      connection.reservedFor = undefined;
      this.#leavePending();
      this.#failPending(reservedFor, reason, detail);
    }
    this.afterGone();
  }

  onChange(connection: UpstreamConnection): void {
    this.place(connection);
    this.serveWaiting();
    this.closeIfDone(connection);
  }

  onGone(connection: UpstreamConnection, unused: boolean, detail: string): void {
    this.#connections.delete(connection);
    this.forget(connection);
    // One that stood and never took a stream was no better than none.
    if (unused) this.#failUncovered('connection-failure', detail);
  }

  afterGone(): void {
    this.serveWaiting();
    if (this.empty) this.onEmpty();
  }

  /** No connection, and nobody waits for one. */
  get empty(): boolean {
    return this.#connections.size === 0 && this.waiting.length === 0;
  }

  get idle(): boolean {
    if (this.waiting.length > 0) return false;
    for (const { connected, activeStreams } of this.#connections) if (!connected || activeStreams > 0) return false;
    return true;
  }

  // ── for the kinds of pool ─────────────────────────────────────────────────────────────────────────────────────

  /**
   * False: over the connection limit. A pool without a connection may have one all the same, or its host could not be
   * reached at all while others hold the connections; Envoy does so too.
   */
  protected dial(): boolean {
    if (this.#closed) return false;
    const { connections } = this.environment.breakers;
    if (!connections.acquire()) {
      if (this.#connections.size > 0) return false;
      connections.force();
    }
    this.connecting++;
    this.#addConnection();
    return true;
  }

  #addConnection(): UpstreamConnection {
    const connection = new UpstreamConnection(this, ++this.dials);
    this.#connections.add(connection);
    return connection;
  }

  /** A connection that nobody but this attempt gets; undefined where the limits allow none, or this kind of pool. */
  #dialFor(attempt: UpstreamAttempt): PendingStream | undefined {
    const { breakers } = this.environment;
    if (this.#closed || !this.dialsApart || !breakers.pending.acquire()) return undefined;
    if (!breakers.connections.acquire()) {
      breakers.pending.release();
      return undefined;
    }
    this.#enterPending();
    const connection = this.#addConnection();
    connection.reservedFor = attempt;
    return {
      cancel: () => {
        if (connection.reservedFor !== attempt) return;
        // Now it is like any other that is being dialled.
        connection.reservedFor = undefined;
        this.connecting++;
        this.#onCancel();
      },
    };
  }

  /** More than the usual connections may be there. */
  protected get dialsApart(): boolean {
    return true;
  }

  protected serveWaiting(): void {
    if (this.waiting.length === 0) return;
    while (this.waiting.length > 0) {
      const connection = this.take();
      if (connection === undefined) break;
      const attempt = this.waiting.shift()!;
      this.#leavePending();
      connection.open(attempt);
    }
    this.grow();
  }

  /** Of the oldest connection that is being dialled for those that wait, counted from 1; infinite when none is. */
  protected get oldestDial(): number {
    for (const { connected, reservedFor, dial } of this.#connections) {
      if (!connected && reservedFor === undefined) return dial;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Closes a connection that has nothing to do and never will have. */
  protected closeIfDone(connection: UpstreamConnection): void {
    if (connection.activeStreams === 0 && (this.draining || connection.retired)) connection.close('flush');
  }

  /**
   * Tells those for whom no connection is coming. With a connection that will take streams again, each failure costs one
   * attempt: the rest has something to wait for, and a host that refuses connections is not dialled more often than it
   * is asked for.
   */
  #failUncovered(reason: ResetReason, detail: string): void {
    const { uncovered } = this;
    if (uncovered > 0) this.#failWaiting(this.#hasUsableConnection() ? 1 : uncovered, reason, detail);
  }

  #hasUsableConnection(): boolean {
    for (const connection of this.#connections) if (connection.connected && !connection.retired) return true;
    return false;
  }

  #failWaiting(count: number, reason: ResetReason, detail: string): void {
    for (let left = count; left > 0; left--) {
      const attempt = this.waiting.shift();
      if (attempt === undefined) return;
      this.#leavePending();
      this.#failPending(attempt, reason, detail);
    }
  }

  #failPending(attempt: UpstreamAttempt, reason: ResetReason, detail: string): void {
    this.environment.host.activeRequests--;
    this.environment.stats.rqPendingFailureEject.increment();
    attempt.onPoolFailure(reason, detail);
  }

  #onCancel(): void {
    this.#leavePending();
    this.environment.host.activeRequests--;
    this.environment.stats.rqCancelled.increment();
  }

  #enterPending(): void {
    const { host, stats } = this.environment;
    host.activeRequests++;
    stats.rqPendingTotal.increment();
    stats.rqPendingActive.add(1);
  }

  #leavePending(): void {
    this.environment.breakers.pending.release();
    this.environment.stats.rqPendingActive.add(-1);
  }
}
