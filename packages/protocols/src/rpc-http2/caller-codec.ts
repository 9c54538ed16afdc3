import type { RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type {
  ClientCodec,
  ClientHost,
  ClientStreamHandler,
  CodecOptions,
  Protocol,
  ProtocolFault,
} from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { CallPipe, type CallPipeEnd } from './call-pipe.ts';
import type { CallCodec } from './idle-codecs.ts';

/** A call that is being sent, as its protocol's codec sees it. */
export interface Caller {
  readonly writable: boolean;
  /** Its frame. */
  onWritten(frame: Buffer): void;
  answered(head: ResponseHead, end: boolean): void;
  /** No answer comes, or none that can be read. */
  fail(reason: ResetReason): void;
}

/** A codec of a call's protocol, and what it knows of the world: the call that has it. Streams are counted by HTTP/2. */
export class CallerCodec implements CallCodec, CallPipeEnd, ClientHost, ClientStreamHandler {
  readonly protocol: Protocol;
  readonly #host: ClientHost;
  readonly #pipe: CallPipe;
  readonly #codec: ClientCodec;
  #call: Caller | undefined = undefined;

  constructor(protocol: Protocol, connection: Connection, host: ClientHost, options: CodecOptions) {
    this.protocol = protocol;
    this.#host = host;
    this.#pipe = new CallPipe(connection, this);
    this.#codec = protocol.createClientCodec(this.#pipe, this, options);
  }

  get idle(): boolean {
    const codec = this.#codec;
    return !this.#pipe.closed && codec.activeStreams === 0 && codec.heldBytes === 0 && codec.available > 0;
  }

  send(call: Caller, head: RequestHead, end: boolean): void {
    this.#call = call;
    this.#codec.openStream(this).sendHead(head, end);
  }

  receive(chunk: Buffer): void {
    this.#codec.receive(chunk);
  }

  forget(): void {
    this.#call = undefined;
  }

  // ── of its connection ─────────────────────────────────────────────────────────────────────────────────────────

  get writable(): boolean {
    return this.#call?.writable ?? false;
  }

  onWritten(frame: Buffer): void {
    this.#call?.onWritten(frame);
  }

  onClosed(): void {
    this.#call?.fail('protocol-error');
  }

  // ── of its host ───────────────────────────────────────────────────────────────────────────────────────────────

  onStreamEnd(): void {}
  onAvailabilityChange(): void {}

  onFault(fault: ProtocolFault): void {
    if (this.#call !== undefined) this.#host.onFault({ ...fault, scope: 'stream' });
  }

  onUnsolicited(): void {
    if (this.#call !== undefined) this.#host.onUnsolicited();
  }

  // ── of its stream ─────────────────────────────────────────────────────────────────────────────────────────────

  onInformational(): void {}

  onResponseHead(head: ResponseHead, end: boolean): void {
    const call = this.#call;
    // What follows belongs to nobody, and is seen only where it came in one piece with the answer.
    this.#call = undefined;
    call?.answered(head, end);
  }

  onResponseData(): void {}
  onResponseTrailers(): void {}

  onResponseReset(reason: ResetReason): void {
    this.#call?.fail(reason);
  }

  onRequestWritable(): void {}
}
