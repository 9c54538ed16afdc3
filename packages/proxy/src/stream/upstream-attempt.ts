import { Deadline } from '@sofamesh/base/timer-wheel';
import type { Host } from '@sofamesh/contract/balancer';
import type { Headers, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type { ClientStream } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import type { PendingStream, UpstreamAttempt } from '../cluster/upstream.ts';
import type { UpstreamCall } from './upstream-call.ts';

/**
 * One try of one request at one host. What arrives after it is over reaches nobody. As a deadline it is the per-try
 * timeout.
 */
export class Attempt extends Deadline implements UpstreamAttempt {
  readonly host: Host;
  stream: ClientStream | undefined = undefined;
  /** The pool has not answered yet. */
  pending: PendingStream | undefined = undefined;
  /** The pool's answer comes inside the call that asks for it: the time is that of the exchange's last activity. */
  asking = true;
  over = false;
  headReceived = false;
  /** All of the request has been passed to the stream. */
  requestSent = false;
  /** When that was. */
  sentMs = 0;
  readonly #call: UpstreamCall;

  constructor(call: UpstreamCall, host: Host) {
    super();
    this.#call = call;
    this.host = host;
  }

  get dialect(): number {
    return this.#call.dialect;
  }

  onPoolReady(stream: ClientStream, connection: Connection): void {
    this.pending = undefined;
    if (this.over) {
      stream.reset('local-reset');
      return;
    }
    this.stream = stream;
    this.#call.onReady(this, stream, connection);
  }

  onPoolFailure(reason: ResetReason, detail: string): void {
    this.pending = undefined;
    if (!this.over) this.#call.onFailure(this, reason, detail);
  }

  onInformational(head: ResponseHead): void {
    if (!this.over) this.#call.onInformational(head);
  }

  onResponseHead(head: ResponseHead, end: boolean): void {
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
}
