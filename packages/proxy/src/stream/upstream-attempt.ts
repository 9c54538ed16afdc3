import { Deadline, type Timed, type TimerWheel } from '@sofamesh/base/timer-wheel';
import type { Host } from '@sofamesh/contract/balancer';
import type { Headers, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type { ClientStream } from '@sofamesh/contract/protocol';
import type { PendingStream, UpstreamAttempt, UpstreamCarrier } from '../cluster/upstream.ts';
import { UpstreamHost } from '../cluster/upstream-host.ts';
import type { Route } from '../route/route.ts';
import type { UpstreamCall } from './upstream-call.ts';

/**
 * One try of one request at one host. What arrives after it is over reaches nobody. As a deadline it is the per-try
 * timeout.
 */
export class Attempt implements Timed, UpstreamAttempt {
  readonly host: Host;
  /** It repeats one whose connection was found closed. */
  readonly wantsFresh: boolean;
  stream: ClientStream | undefined = undefined;
  /** The pool has not answered yet. */
  pending: PendingStream | undefined = undefined;
  /** The pool's answer comes inside the call that asks for it: the time is that of the exchange's last activity. */
  asking = true;
  over = false;
  /** Something of an answer came. */
  heard = false;
  /** All of the request has been passed to the stream. */
  requestSent = false;
  /** When that was. */
  sentMs = 0;
  /** HTTP status of a gRPC answer whose own status is still to come; 0: none. */
  statusOfGrpc = 0;
  carrier: UpstreamCarrier | undefined = undefined;
  /** The connection was made for it. */
  fresh = false;
  /** Bytes that the connection had carried before, both ways. */
  sentBefore = 0;
  receivedBefore = 0;
  readonly #call: UpstreamCall;
  #perTry: Deadline | undefined = undefined;
  /** The cluster's `max_stream_duration`, from the moment at which there is a stream. */
  #duration: Deadline | undefined = undefined;

  constructor(call: UpstreamCall, host: Host, wantsFresh: boolean) {
    this.#call = call;
    this.host = host;
    this.wantsFresh = wantsFresh;
  }

  get dialect(): number {
    return this.#call.dialect;
  }

  get serverName(): string | undefined {
    return this.#call.serverName;
  }

  /** What depends on the try, just before the head is sent. */
  editHead(request: RequestHead, route: Route, attempts: number, tells: boolean): void {
    const { host } = this;
    if (route.countsAttempts) request.set('x-envoy-attempt-count', String(attempts));
    // An address is no name: such a host keeps the one that the client has asked for.
    if (route.rewritesHostToUpstream && host instanceof UpstreamHost && host.hostname !== '')
      route.rewriteHost(request, host.hostname, tells);
  }

  onPoolReady(stream: ClientStream, carrier: UpstreamCarrier, fresh: boolean): void {
    this.pending = undefined;
    if (this.over) {
      stream.reset('local-reset');
      return;
    }
    this.stream = stream;
    this.carrier = carrier;
    this.fresh = fresh;
    this.sentBefore = carrier.connection.bytesSent;
    this.receivedBefore = carrier.connection.bytesReceived;
    this.#call.onReady(this, stream, carrier.connection);
  }

  onPoolFailure(reason: ResetReason, detail: string): void {
    this.pending = undefined;
    if (!this.over) this.#call.onFailure(this, reason, detail);
  }

  onInformational(head: ResponseHead): void {
    this.heard = true;
    if (!this.over) this.#call.onInformational(head);
  }

  onResponseHead(head: ResponseHead, end: boolean): void {
    this.heard = true;
    if (!this.over) this.#call.onHead(this, head, end);
  }

  onResponseData(chunk: Buffer, end: boolean): void {
    if (!this.over) this.#call.onData(this, chunk, end);
  }

  onResponseTrailers(trailers: Headers): void {
    if (!this.over) this.#call.onTrailers(this, trailers);
  }

  onResponseReset(reason: ResetReason): void {
    if (!this.over) this.#call.onFailure(this, reason, '');
  }

  onRequestWritable(): void {
    if (!this.over) this.#call.onWritable();
  }

  onDeadline(): void {
    if (!this.over) this.#call.onPerTryTimeout(this);
  }

  limitDuration(wheel: TimerWheel, durationMs: number): void {
    this.#duration = new Deadline({ onDeadline: () => this.#onTooLong() });
    wheel.start(this.#duration, durationMs);
  }

  #onTooLong(): void {
    if (!this.over) this.#call.onTooLong(this);
  }

  limitTry(wheel: TimerWheel, perTryMs: number, nowMs: number): void {
    this.#perTry ??= new Deadline(this);
    wheel.start(this.#perTry, perTryMs, nowMs);
  }

  /** An answer has come. */
  stopPerTry(wheel: TimerWheel): void {
    if (this.#perTry !== undefined) wheel.stop(this.#perTry);
  }

  stopTimers(wheel: TimerWheel): void {
    this.stopPerTry(wheel);
    if (this.#duration !== undefined) wheel.stop(this.#duration);
  }
}
