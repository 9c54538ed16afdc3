import { CodedError } from '@sofamesh/base/errors';
import type { Headers, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type {
  ClientCodec,
  ClientHost,
  ClientStream,
  ClientStreamHandler,
  CodecLimits,
  CodecOptions,
  ProtocolFault,
} from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import { CallPipe, type CallPipeEnd } from './call-pipe.ts';
import { type Carriage, CarriedRequestHead, protocolOf } from './carried-head.ts';

/** Sends calls as requests of HTTP/2: connection, streams and limits are those of its codec. */
export class CarryingClientCodec implements ClientCodec {
  readonly connection: Connection;
  readonly carriage: Carriage;
  readonly host: ClientHost;
  readonly limits: CodecLimits;
  readonly #http2: ClientCodec;

  constructor(carriage: Carriage, connection: Connection, host: ClientHost, { limits }: CodecOptions) {
    this.connection = connection;
    this.carriage = carriage;
    this.host = host;
    this.limits = limits;
    this.#http2 = carriage.http2.createClientCodec(connection, host, { limits });
  }

  get available(): number {
    return this.#http2.available;
  }

  get retired(): boolean {
    return this.#http2.retired;
  }

  get activeStreams(): number {
    return this.#http2.activeStreams;
  }

  get heldBytes(): number {
    return this.#http2.heldBytes;
  }

  openStream(handler: ClientStreamHandler): ClientStream {
    const call = new CarriedCall(this, handler);
    call.stream = this.#http2.openStream(call);
    return call;
  }

  sendHeartbeat(): boolean {
    return this.#http2.sendHeartbeat();
  }

  receive(chunk: Buffer): void {
    this.#http2.receive(chunk);
  }

  receiveEnd(): void {
    this.#http2.receiveEnd();
  }

  connectionClosed(cause: CloseCause): void {
    this.#http2.connectionClosed(cause);
  }

  connectionWritable(): void {
    this.#http2.connectionWritable();
  }

  detach(): Buffer | undefined {
    return this.#http2.detach();
  }
}

/** One call: its protocol's codec on the one side, a stream of HTTP/2 on the other. */
class CarriedCall implements ClientStream, ClientStreamHandler, CallPipeEnd {
  readonly handler: ClientStreamHandler;
  readonly #codec: CarryingClientCodec;
  stream: ClientStream | undefined = undefined;
  #inner: ClientCodec | undefined = undefined;
  #request: RequestHead | undefined = undefined;
  #accepted = false;
  #over = false;

  constructor(codec: CarryingClientCodec, handler: ClientStreamHandler) {
    this.#codec = codec;
    this.handler = handler;
  }

  // ── for the engine ────────────────────────────────────────────────────────────────────────────────────────────

  get writable(): boolean {
    return this.stream?.writable ?? true;
  }

  sendHead(head: RequestHead, end: boolean): void {
    if (this.#over || this.#request !== undefined) return;
    const { carriage, connection, limits } = this.#codec;
    const protocol = carriage.protocols.get(head.protocol);
    if (protocol === undefined) throw new CodedError('foreign_head', `no call of ${head.protocol} can be carried`);
    this.#request = head;
    this.#inner = protocol.createClientCodec(new CallPipe(connection, this), new CallHost(this.#codec.host), {
      limits,
    });
    this.#inner.openStream(new AnswerSide(this)).sendHead(head, end);
  }

  sendData(): void {
    this.reset('protocol-error');
  }

  sendTrailers(): void {
    this.reset('protocol-error');
  }

  reset(reason: ResetReason): void {
    if (this.#over) return;
    this.#over = true;
    this.stream!.reset(reason);
  }

  pauseResponse(): void {}
  resumeResponse(): void {}

  // ── of the protocol's own codec ───────────────────────────────────────────────────────────────────────────────

  onWritten(frame: Buffer): void {
    const stream = this.stream!;
    stream.sendHead(new CarriedRequestHead(this.#request!), false);
    stream.sendData(frame, true);
  }

  onClosed(): void {
    this.fail('protocol-error');
  }

  answered(head: ResponseHead, end: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.handler.onResponseHead(head, end);
  }

  /** No answer comes, or none that can be read. */
  fail(reason: ResetReason): void {
    if (this.#over) return;
    this.#over = true;
    this.stream!.reset('local-reset');
    this.handler.onResponseReset(reason);
  }

  // ── of HTTP/2 ─────────────────────────────────────────────────────────────────────────────────────────────────

  onInformational(): void {}

  onResponseHead(head: ResponseHead, end: boolean): void {
    if (this.#over) return;
    if (head.status !== 200) {
      this.#report('not_carried', `the host answered with HTTP status ${head.status}`);
      this.fail('remote-reset');
      return;
    }
    this.#accepted = protocolOf(head.get('content-type'), this.#codec.carriage)?.name === this.#request?.protocol;
    if (end) this.#onEnd();
    else if (!this.#accepted) {
      this.#report('not_carried', 'the host answered with what is no frame of the protocol');
      this.fail('protocol-error');
    }
  }

  onResponseData(chunk: Buffer, end: boolean): void {
    if (!this.#over) this.#inner!.receive(chunk);
    // Whoever has answered and does not end would keep the stream for ever.
    if (!end && this.#over) this.stream!.reset('local-reset');
    if (end) this.#onEnd();
  }

  onResponseTrailers(_trailers: Headers): void {
    this.#onEnd();
  }

  onResponseReset(reason: ResetReason): void {
    if (this.#over) return;
    this.#over = true;
    this.handler.onResponseReset(reason);
  }

  onRequestWritable(): void {
    if (!this.#over) this.handler.onRequestWritable();
  }

  /** A one-way call is answered with an empty body; nobody waits for that. */
  #onEnd(): void {
    if (this.#request?.oneWay) this.#over = true;
    else this.fail('protocol-error');
  }

  #report(code: string, message: string): void {
    this.#codec.host.onFault({ scope: 'stream', code, message });
  }
}

/** What the protocol's own codec has to say about its one call; streams are counted by HTTP/2. */
class CallHost implements ClientHost {
  readonly #host: ClientHost;

  constructor(host: ClientHost) {
    this.#host = host;
  }

  onStreamEnd(): void {}
  onAvailabilityChange(): void {}

  onFault(fault: ProtocolFault): void {
    this.#host.onFault({ ...fault, scope: 'stream' });
  }

  onUnsolicited(): void {
    this.#host.onUnsolicited();
  }
}

/** Where the protocol's own codec delivers the answer. */
class AnswerSide implements ClientStreamHandler {
  readonly #call: CarriedCall;

  constructor(call: CarriedCall) {
    this.#call = call;
  }

  onInformational(): void {}

  onResponseHead(head: ResponseHead, end: boolean): void {
    this.#call.answered(head, end);
  }

  onResponseData(): void {}
  onResponseTrailers(): void {}

  onResponseReset(reason: ResetReason): void {
    this.#call.fail(reason);
  }

  onRequestWritable(): void {}
}
