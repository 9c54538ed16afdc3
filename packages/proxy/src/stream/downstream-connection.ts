import { Deadline } from '@sofamesh/base/timer-wheel';
import type { RequestHead } from '@sofamesh/contract/message';
import type {
  Protocol,
  ProtocolFault,
  ServerCodec,
  ServerHost,
  ServerStream,
  ServerStreamHandler,
} from '@sofamesh/contract/protocol';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import { ActiveExchange } from './exchange.ts';
import type { StreamProxy } from './stream-proxy.ts';

/**
 * A client's connection, in whatever protocol: bytes go to its codec, and each request that comes out becomes an
 * exchange. As a deadline it is the idle timeout, which is looked at when it comes and never moved by a request.
 */
export class DownstreamConnection extends Deadline implements ConnectionHandler, ServerHost {
  readonly connection: Connection;
  readonly #proxy: StreamProxy;
  readonly #codec: ServerCodec;
  readonly #done: () => void;
  readonly #startMs: number;
  readonly #progress: ProgressDeadline | undefined;
  #active = 0;
  #requests = 0;
  #idleSinceMs: number;
  /** Bytes of incomplete messages, as the listener's total knows them. */
  #heldBytes = 0;
  /** How many requests there had been when bytes were last held. */
  #requestsWhenHeld = 0;
  #draining = false;

  constructor(proxy: StreamProxy, protocol: Protocol, connection: Connection, done: () => void) {
    super();
    this.#proxy = proxy;
    this.connection = connection;
    this.#done = done;
    this.#codec = protocol.createServerCodec(connection, this, proxy.codecOptions);
    const nowMs = proxy.clock.now();
    this.#startMs = nowMs;
    this.#idleSinceMs = nowMs;
    if (proxy.idleTimeoutMs > 0) proxy.wheel.start(this, proxy.idleTimeoutMs, nowMs);
    this.#progress = proxy.messageProgressTimeoutMs > 0 ? new ProgressDeadline(this) : undefined;
  }

  // ── from the transport ────────────────────────────────────────────────────────────────────────────────────────

  onBytes(chunk: Buffer): void {
    const codec = this.#codec;
    codec.receive(chunk);
    const heldBytes = codec.heldBytes;
    if (heldBytes !== 0 || this.#heldBytes !== 0) this.#onHeld(heldBytes);
  }

  onEnd(): void {
    this.#codec.receiveEnd();
  }

  onWritable(): void {
    this.#codec.connectionWritable();
  }

  onClose(cause: CloseCause): void {
    const proxy = this.#proxy;
    const active = this.#active;
    this.#codec.connectionClosed(cause);
    proxy.wheel.stop(this);
    if (this.#progress !== undefined) proxy.wheel.stop(this.#progress);
    proxy.heldBytes -= this.#heldBytes;
    this.#heldBytes = 0;
    if (active > 0) proxy.stats.cxDestroyActiveRq.increment();
    proxy.stats.cxLengthMs.record(proxy.clock.now() - this.#startMs);
    proxy.clusters.releaseDownstream?.(this.connection);
    proxy.connectionGone(this);
    this.#done();
  }

  // ── from the codec ────────────────────────────────────────────────────────────────────────────────────────────

  onRequest(stream: ServerStream, head: RequestHead, end: boolean): ServerStreamHandler {
    const proxy = this.#proxy;
    const { stats } = proxy;
    stats.rqTotal.increment();
    stats.rqActive.add(1);
    this.#active++;
    this.#requests++;
    if (this.#requests === proxy.maxRequestsPerConnection) {
      stats.cxMaxRequests.increment();
      this.#codec.goAway();
    }
    const exchange = new ActiveExchange(proxy, this, stream, head, end, proxy.clock.now());
    exchange.begin();
    return exchange;
  }

  onFault(fault: ProtocolFault): void {
    const proxy = this.#proxy;
    if (fault.scope === 'connection') proxy.stats.cxProtocolError.increment();
    proxy.logger.debug('client broke its protocol', { connection: this.connection.id, ...fault });
  }

  onHeartbeat(): void {
    this.#proxy.stats.heartbeats.increment();
  }

  onDrained(): void {
    this.connection.close('flush');
  }

  // ── from exchanges ────────────────────────────────────────────────────────────────────────────────────────────

  exchangeEnded(nowMs: number): void {
    this.#active--;
    this.#idleSinceMs = nowMs;
  }

  /** Body data arrived: whatever is held has not stood still. */
  progressed(): void {
    const progress = this.#progress;
    if (progress?.waiting) this.#proxy.wheel.stop(progress);
  }

  // ── limits ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A message has begun and is not whole, or was and now is. */
  #onHeld(heldBytes: number): void {
    const proxy = this.#proxy;
    const requestsBefore = this.#requestsWhenHeld;
    const grown = heldBytes - this.#heldBytes;
    this.#heldBytes = heldBytes;
    this.#requestsWhenHeld = this.#requests;
    proxy.heldBytes += grown;
    const progress = this.#progress;
    if (progress !== undefined) {
      if (heldBytes === 0) proxy.wheel.stop(progress);
      // The message that is held now is another one than before: it has all of the time.
      else if (!progress.waiting || requestsBefore !== this.#requests)
        proxy.wheel.start(progress, proxy.messageProgressTimeoutMs);
    }
    if (grown > 0 && proxy.heldBytes > proxy.heldBytesMax) {
      proxy.stats.cxHeldBytesOverflow.increment();
      this.connection.close('reset');
    }
  }

  onProgressTimeout(): void {
    this.#proxy.stats.cxMessageTimeout.increment();
    this.connection.close('flush');
  }

  onDeadline(): void {
    const proxy = this.#proxy;
    const nowMs = proxy.clock.now();
    const idleSinceMs = this.#active > 0 ? nowMs : this.#idleSinceMs;
    const leftMs = idleSinceMs + proxy.idleTimeoutMs - nowMs;
    if (leftMs > 0) {
      proxy.wheel.start(this, leftMs, nowMs);
      return;
    }
    proxy.stats.cxIdleTimeout.increment();
    this.#codec.goAway();
    this.connection.close('flush');
  }

  // ── from the listener ─────────────────────────────────────────────────────────────────────────────────────────

  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#proxy.stats.cxDrainClose.increment();
    this.#codec.goAway();
  }

  /** An answer that is cut by this must not look like one that ended with its connection. */
  close(): void {
    const cuts = this.#active > 0 || this.connection.bufferedBytes > 0;
    this.connection.close(cuts ? 'reset' : 'now');
  }
}

/** A head or frame that has begun must be whole in time. */
class ProgressDeadline extends Deadline {
  readonly #connection: DownstreamConnection;

  constructor(connection: DownstreamConnection) {
    super();
    this.#connection = connection;
  }

  onDeadline(): void {
    this.#connection.onProgressTimeout();
  }
}
