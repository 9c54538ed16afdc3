import { CodedError } from '@sofamesh/base/errors';
import type { Headers, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type {
  ClientHost,
  ClientStream,
  ClientStreamHandler,
  CodecLimits,
  CodecOptions,
  Protocol,
} from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { ClientCodecLayer } from '../shared/client-codec-layer.ts';
import { type Caller, CallerCodec } from './caller-codec.ts';
import type { Carriage } from './carried-head.ts';
import { IdleCodecs } from './idle-codecs.ts';

/** Sends calls as requests of HTTP/2: connection, streams and limits are those of its codec. */
export class CarryingClientCodec extends ClientCodecLayer {
  readonly connection: Connection;
  readonly carriage: Carriage;
  readonly host: ClientHost;
  readonly limits: CodecLimits;
  readonly #idle = new IdleCodecs<CallerCodec>();

  constructor(carriage: Carriage, connection: Connection, host: ClientHost, { limits }: CodecOptions) {
    super(carriage.http2.createClientCodec(connection, host, { limits }));
    this.connection = connection;
    this.carriage = carriage;
    this.host = host;
    this.limits = limits;
  }

  openStream(handler: ClientStreamHandler): ClientStream {
    const call = new CarriedCall(this, handler);
    call.stream = this.inner.openStream(call);
    return call;
  }

  /** @internal */
  codecFor(protocol: Protocol): CallerCodec {
    return this.#idle.take(protocol) ?? new CallerCodec(protocol, this.connection, this.host, { limits: this.limits });
  }

  /** @internal Of a call that was answered with one whole frame. */
  codecIsFree(codec: CallerCodec): void {
    this.#idle.give(codec);
  }
}

/** One call: its protocol's codec on the one side, a stream of HTTP/2 on the other. */
class CarriedCall implements ClientStream, ClientStreamHandler, Caller {
  readonly handler: ClientStreamHandler;
  readonly #codec: CarryingClientCodec;
  stream: ClientStream | undefined = undefined;
  /** While the call waits for its answer, or writes. */
  #caller: CallerCodec | undefined = undefined;
  #request: RequestHead | undefined = undefined;
  #protocol: Protocol | undefined = undefined;
  #receivedBytes = 0;
  #answerBytes = 0;
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
    const protocol = this.#codec.carriage.protocolNamed(head.protocol);
    if (protocol === undefined) throw new CodedError('foreign_head', `no call of ${head.protocol} can be carried`);
    this.#request = head;
    this.#protocol = protocol;
    this.#caller = this.#codec.codecFor(protocol);
    this.#caller.send(this, head, end);
  }

  sendData(): void {
    this.reset('protocol-error');
  }

  sendTrailers(): void {
    this.reset('protocol-error');
  }

  reset(reason: ResetReason): void {
    if (this.#over) return;
    this.#finish();
    this.stream!.reset(reason);
  }

  pauseResponse(): void {}
  resumeResponse(): void {}

  // ── of the protocol's own codec ───────────────────────────────────────────────────────────────────────────────

  onWritten(frame: Buffer): void {
    const stream = this.stream!;
    const head = this.#codec.carriage.requestHead(this.#request!);
    if (stream.sendWhole !== undefined) stream.sendWhole(head, frame);
    else {
      stream.sendHead(head, false);
      stream.sendData(frame, true);
    }
  }

  answered(head: ResponseHead, end: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#answerBytes = head.wholeBytes;
    this.handler.onResponseHead(head, end);
  }

  /** No answer comes, or none that can be read. */
  fail(reason: ResetReason): void {
    if (this.#over) return;
    this.#finish();
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
    } else if (end) this.#onEnd();
    else if (this.#codec.carriage.protocolOf(head.get('content-type')) !== this.#protocol) {
      this.#report('not_carried', 'the host answered with what is no frame of the protocol');
      this.fail('protocol-error');
    }
  }

  onResponseData(chunk: Buffer, end: boolean): void {
    if (!this.#over) {
      this.#receivedBytes += chunk.length;
      this.#caller!.receive(chunk);
      if (this.#over) this.#release();
    }
    // Whoever has answered and does not end would keep the stream for ever.
    if (!end && this.#over) this.stream!.reset('local-reset');
    if (end) this.#onEnd();
  }

  onResponseTrailers(_trailers: Headers): void {
    this.#onEnd();
  }

  onResponseReset(reason: ResetReason): void {
    if (this.#over) return;
    this.#finish();
    this.handler.onResponseReset(reason);
  }

  onRequestWritable(): void {
    if (!this.#over) this.handler.onRequestWritable();
  }

  /** A one-way call is answered with an empty body; nobody waits for that. */
  #onEnd(): void {
    if (this.#over) return;
    if (this.#request?.oneWay) this.#finish();
    else this.fail('protocol-error');
  }

  #finish(): void {
    this.#over = true;
    this.#release();
  }

  /** The codec goes on only where no byte of this call can be left in it: a frame was answered with a frame. */
  #release(): void {
    const caller = this.#caller;
    if (caller === undefined) return;
    this.#caller = undefined;
    caller.forget();
    if (this.#receivedBytes === this.#answerBytes && caller.idle) this.#codec.codecIsFree(caller);
  }

  #report(code: string, message: string): void {
    this.#codec.host.onFault({ scope: 'stream', code, message });
  }
}
