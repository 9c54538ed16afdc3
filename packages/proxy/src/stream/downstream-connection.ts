import { Deadline, type Timed } from '@sofamesh/base/timer-wheel';
import type { LocalReply, RequestHead } from '@sofamesh/contract/message';
import type {
  Protocol,
  ProtocolFault,
  ServerCodec,
  ServerHost,
  ServerStream,
  ServerStreamHandler,
} from '@sofamesh/contract/protocol';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import { ChunkTime } from '../chunk-time.ts';
import type { CodecStats } from './downstream-stats.ts';
import { ActiveExchange } from './exchange.ts';
import { FlushWatch } from './flush-watch.ts';
import { Heartbeat } from './heartbeat.ts';
import { RefusedRequest } from './refused-request.ts';
import { requestTimeout } from './replies.ts';
import type { StreamProxy } from './stream-proxy.ts';

/** A client that got an answer just now may have sent its next request already, which a close would lose. */
const lastWaitMs = 1_000;

const noHead = -1;

/** What Envoy's access log calls a fault whose counter has another name. */
const detailsOfFault: Readonly<Record<string, string>> = {
  'http2.rx_messaging_error': 'http2.violation.of.messaging.rule',
};

/**
 * A client's connection, in whatever protocol: bytes go to its codec, and each request that comes out becomes an
 * exchange. As a deadline it is the idle timeout, which is looked at when it comes and never moved by a request.
 */
export class DownstreamConnection implements Timed, ConnectionHandler, ServerHost {
  readonly deadline = new Deadline(this);
  readonly connection: Connection;
  readonly #proxy: StreamProxy;
  readonly #codec: ServerCodec;
  readonly #done: () => void;
  readonly #startMs: number;
  readonly #progress: Deadline | undefined;
  readonly #protocol: string;
  /** HTTP/1.1 can ask a client to go only with an answer. */
  readonly #saysFarewellInAnswers: boolean;
  /** Undefined for RPC. */
  readonly #codecStats: CodecStats | undefined;
  readonly #age: Deadline | undefined;
  readonly #heartbeat: Heartbeat | undefined;
  #drainEnd: Deadline | undefined = undefined;
  #flushWatch: FlushWatch | undefined = undefined;
  /** The drain begins with the next request, or when this comes. */
  #lastWait: Deadline | undefined = undefined;
  #active = 0;
  #requests = 0;
  readonly #time: ChunkTime;
  #idleSinceMs: number;
  /** Bytes of incomplete messages, as the listener's total knows them. */
  #heldBytes = 0;
  /** When the request began whose head is held; `noHead`: none is, or nobody wants to know. */
  #headSinceMs = noHead;
  /** Of a head. 0: no limit. */
  readonly #progressTimeoutMs: number;
  /** How many requests there had been when bytes were last held. */
  #requestsWhenHeld = 0;
  #draining = false;
  /** The head that the codec gives up was too slow, which breaks no rule of the protocol. */
  #abandoning = false;
  /** What is known of a request that the codec is refusing. */
  #refused: RefusedRequest | undefined = undefined;

  constructor(proxy: StreamProxy, protocol: Protocol, connection: Connection, done: () => void) {
    this.#proxy = proxy;
    this.connection = connection;
    this.#done = done;
    this.#time = new ChunkTime(proxy.clock);
    this.#protocol = protocol.name;
    this.#saysFarewellInAnswers = protocol.pooling === 'exclusive';
    if (proxy.closeGraceMs !== undefined) connection.closeGraceMs = proxy.closeGraceMs;
    this.#codec = protocol.createServerCodec(connection, this, proxy.optionsOf(protocol));
    this.#codecStats = proxy.edge === undefined ? undefined : proxy.stats.codec(protocol.name);
    this.#codecStats?.cxTotal.increment();
    this.#codecStats?.cxActive.add(1);
    const nowMs = proxy.clock.now();
    this.#startMs = nowMs;
    this.#idleSinceMs = nowMs;
    if (proxy.idleTimeoutMs > 0) proxy.wheel.start(this.deadline, proxy.idleTimeoutMs, nowMs);
    const { maxConnectionDurationMs, heartbeat } = proxy;
    this.#progressTimeoutMs = progressTimeoutMs(proxy, this.#codec.abandonHead !== undefined);
    if (this.#progressTimeoutMs > 0) this.#progress = new Deadline({ onDeadline: () => this.#onProgressTimeout() });
    if (maxConnectionDurationMs > 0) {
      this.#age = new Deadline({ onDeadline: () => this.#onMaxDuration() });
      proxy.wheel.start(this.#age, maxConnectionDurationMs, nowMs);
    }
    if (heartbeat !== undefined && this.#codec.sendHeartbeat !== undefined) {
      this.#heartbeat = new Heartbeat(
        heartbeat,
        proxy.wheel,
        proxy.random,
        () => this.#codec.sendHeartbeat!(),
        () => this.#onDead(),
      );
      this.#heartbeat.start();
    }
  }

  // ── from the transport ────────────────────────────────────────────────────────────────────────────────────────

  onBytes(chunk: Buffer): void {
    const codec = this.#codec;
    this.#time.beginChunk();
    codec.receive(chunk);
    this.#time.endChunk();
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
    proxy.wheel.stop(this.deadline);
    for (const timer of [this.#progress, this.#age, this.#drainEnd, this.#lastWait])
      if (timer !== undefined) proxy.wheel.stop(timer);
    this.#heartbeat?.stop();
    this.#flushWatch?.stop();
    this.#codecStats?.cxActive.add(-1);
    proxy.heldBytes -= this.#heldBytes;
    this.#heldBytes = 0;
    if (active > 0) proxy.stats.cxDestroyActiveRq.increment();
    if (cause.timedOut) proxy.stats.cxDelayedCloseTimeout.increment();
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
    this.#codecStats?.rqTotal.increment();
    this.#active++;
    this.#requests++;
    if (this.#requests === proxy.maxRequestsPerConnection) {
      stats.cxMaxRequests.increment();
      this.#beginDrain();
      // Not those either that were sent behind it.
      if (this.#saysFarewellInAnswers) this.#codec.goAway();
    } else if (this.#lastWait !== undefined) this.#beginDrain();
    const nowMs = this.#time.now();
    const headMs = this.#headSinceMs === noHead ? 0 : nowMs - this.#headSinceMs;
    this.#headSinceMs = noHead;
    const exchange = new ActiveExchange(proxy, this, stream, head, end, nowMs);
    exchange.begin(headMs);
    return exchange;
  }

  onFault(fault: ProtocolFault): void {
    const proxy = this.#proxy;
    const { stats } = proxy;
    if (!this.#abandoning) {
      if (fault.scope === 'connection') stats.cxProtocolError.increment();
      if (this.#codecStats !== undefined) stats.countFault(this.#protocol, fault.code);
    }
    if (fault.answered !== undefined) this.#logRefused(fault.answered, fault.code);
    proxy.logger.debug('client broke its protocol', { connection: this.connection.id, ...fault });
  }

  /** What the codec answers by itself is like the engine's own answers. */
  decorateReply(given: LocalReply): LocalReply {
    const { edge, localReplies } = this.#proxy;
    const late = this.#limitsWholeRequest ? requestTimeout.body : 'request header timeout';
    const reply = this.#abandoning ? { ...given, body: late } : given;
    if (edge === undefined) return reply;
    const refused = this.#refuse(reply.status, reply.details);
    refused.showReply(reply);
    const answer = localReplies?.rewrite(reply, refused) ?? reply;
    refused.showReply(answer);
    return edge.onReply(answer, undefined);
  }

  #refuse(status: number, details: string): RefusedRequest {
    const late = this.#limitsWholeRequest ? requestTimeout.details : 'request_header_timeout';
    const why = this.#abandoning ? late : details;
    this.#refused = new RefusedRequest(status, why, this.connection, this.#proxy.clock.wallMs());
    return this.#refused;
  }

  /** The request whose head was refused counts, and is logged, like any other. */
  #logRefused(status: number, code: string): void {
    const { stats, accessLogs } = this.#proxy;
    const why = `${this.#protocol}.${code}`;
    const record = this.#refused ?? this.#refuse(status, detailsOfFault[why] ?? why);
    this.#refused = undefined;
    stats.rqTotal.increment();
    this.#codecStats?.rqTotal.increment();
    if (record.status === 0) stats.rqTxReset.increment();
    else stats.recordResponse(record.status);
    for (const log of accessLogs) log.log(record);
  }

  onHeartbeatReply(): void {
    this.#heartbeat?.answered();
  }

  onHeartbeat(): void {
    this.#proxy.stats.heartbeats.increment();
  }

  onDrained(): void {
    this.connection.close('flush');
  }

  // ── from exchanges ────────────────────────────────────────────────────────────────────────────────────────────

  exchangeEnded(stream: ServerStream, nowMs: number): void {
    this.#active--;
    this.#idleSinceMs = nowMs;
    if (stream.unsent === true) this.#awaitFlush(stream, nowMs);
  }

  #awaitFlush(stream: ServerStream, nowMs: number): void {
    const { wheel, streamIdleTimeoutMs, stats } = this.#proxy;
    if (streamIdleTimeoutMs <= 0) return;
    const onTimeout = () => stats.countFault(this.#protocol, 'tx_flush_timeout');
    this.#flushWatch ??= new FlushWatch(wheel, streamIdleTimeoutMs, onTimeout);
    this.#flushWatch.add(stream, nowMs);
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
      else if (!progress.waiting || requestsBefore !== this.#requests) {
        proxy.wheel.start(progress, this.#progressTimeoutMs);
        if (this.#active === 0 && proxy.requestTimeoutMs > 0) this.#headSinceMs = proxy.clock.now();
      }
    }
    if (grown > 0 && proxy.heldBytes > proxy.heldBytesMax) {
      proxy.stats.cxHeldBytesOverflow.increment();
      this.connection.close('reset');
    }
  }

  #onProgressTimeout(): void {
    const { stats } = this.#proxy;
    stats.cxMessageTimeout.increment();
    if (this.#active === 0 && this.#codec.abandonHead !== undefined) {
      this.#abandoning = true;
      (this.#limitsWholeRequest ? stats.rqTimeout : stats.rqHeaderTimeout).increment();
      this.#codec.abandonHead();
    } else this.connection.close('flush');
  }

  /** What a slow head meets first is the limit on whole requests. */
  get #limitsWholeRequest(): boolean {
    return this.#progressTimeoutMs !== this.#proxy.messageProgressTimeoutMs;
  }

  #onMaxDuration(): void {
    this.#proxy.stats.cxMaxDuration.increment();
    if (this.#draining) return;
    this.#beginDrainWithin(this.#saysFarewellInAnswers && this.#active === 0 ? this.#proxy.drainTimeoutMs : 0);
  }

  #onDead(): void {
    this.#proxy.stats.countFault(this.#protocol, 'keepalive_timeout');
    this.connection.close('reset');
  }

  onDeadline(): void {
    const proxy = this.#proxy;
    const nowMs = proxy.clock.now();
    const idleSinceMs = this.#active > 0 ? nowMs : this.#idleSinceMs;
    const leftMs = idleSinceMs + proxy.idleTimeoutMs - nowMs;
    if (leftMs > 0) {
      proxy.wheel.start(this.deadline, leftMs, nowMs);
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
    const { stats, clock } = this.#proxy;
    stats.cxDrainClose.increment();
    const idle = this.#saysFarewellInAnswers && this.#active === 0;
    this.#beginDrainWithin(idle ? this.#idleSinceMs + lastWaitMs - clock.now() : 0);
  }

  /** With the next request's answer, which may not come. */
  #beginDrainWithin(waitMs: number): void {
    if (waitMs > 0) {
      this.#lastWait ??= new Deadline({ onDeadline: () => this.#beginDrain() });
      this.#proxy.wheel.start(this.#lastWait, waitMs);
    } else this.#beginDrain();
  }

  /** A notice now; after the drain time the protocol may refuse what still comes. */
  #beginDrain(): void {
    const { edge, wheel, drainTimeoutMs } = this.#proxy;
    if (this.#lastWait !== undefined) wheel.stop(this.#lastWait);
    this.#lastWait = undefined;
    this.#codec.goAway();
    if (edge === undefined || this.#drainEnd !== undefined) return;
    this.#drainEnd = new Deadline({ onDeadline: () => this.#codec.goAway() });
    wheel.start(this.#drainEnd, drainTimeoutMs);
  }

  /** An answer that is cut by this must not look like one that ended with its connection. */
  close(): void {
    const cuts = this.#active > 0 || this.connection.bufferedBytes > 0;
    this.connection.close(cuts ? 'reset' : 'now');
  }
}

/** A head is part of a request, whose own limit may be the smaller one. */
function progressTimeoutMs({ messageProgressTimeoutMs, requestTimeoutMs }: StreamProxy, takesHeads: boolean): number {
  if (!takesHeads || requestTimeoutMs === 0) return messageProgressTimeoutMs;
  return messageProgressTimeoutMs === 0 ? requestTimeoutMs : Math.min(messageProgressTimeoutMs, requestTimeoutMs);
}
