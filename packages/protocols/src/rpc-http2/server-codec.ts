import type { Headers, RequestHead, ResetReason } from '@sofamesh/contract/message';
import type {
  CodecOptions,
  Protocol,
  ProtocolFault,
  ServerCodec,
  ServerHost,
  ServerStream,
  ServerStreamHandler,
} from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import { type Call, CalledCodec } from './called-codec.ts';
import type { Carriage } from './carried-head.ts';
import { IdleCodecs } from './idle-codecs.ts';

const refusedCall: ServerStreamHandler = {
  onRequestData() {},
  onRequestTrailers() {},
  onRequestReset() {},
  onResponseWritable() {},
};

/** Takes calls out of requests of HTTP/2: connection, streams, limits and drain are those of its codec. */
export class CarryingServerCodec implements ServerCodec, ServerHost {
  readonly connection: Connection;
  readonly host: ServerHost;
  readonly options: CodecOptions;
  readonly carriage: Carriage;
  readonly #http2: ServerCodec;
  readonly #idle = new IdleCodecs<CalledCodec>();
  /** Bytes of frames that have begun, of all calls. */
  #heldByCalls = 0;

  constructor(carriage: Carriage, connection: Connection, host: ServerHost, options: CodecOptions) {
    this.connection = connection;
    this.host = host;
    this.options = { ...options, settings: undefined };
    this.carriage = carriage;
    this.#http2 = carriage.http2.createServerCodec(connection, this, { limits: options.limits });
  }

  // ── the codec ─────────────────────────────────────────────────────────────────────────────────────────────────

  get activeStreams(): number {
    return this.#http2.activeStreams;
  }

  get heldBytes(): number {
    return this.#http2.heldBytes + this.#heldByCalls;
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

  goAway(): void {
    this.#http2.goAway();
  }

  sendHeartbeat(): boolean {
    return this.#http2.sendHeartbeat?.() ?? false;
  }

  detach(): Buffer | undefined {
    return this.#http2.detach();
  }

  /** @internal */
  heldChanged(byBytes: number): void {
    this.#heldByCalls += byBytes;
  }

  /** @internal */
  codecFor(protocol: Protocol, call: Call): CalledCodec {
    const codec = this.#idle.take(protocol);
    if (codec === undefined) return new CalledCodec(protocol, this, call);
    codec.begin(call);
    return codec;
  }

  /** @internal Of a call of one whole frame that is over, or about to be. */
  codecIsFree(codec: CalledCodec): void {
    this.#idle.give(codec);
  }

  // ── of HTTP/2 ─────────────────────────────────────────────────────────────────────────────────────────────────

  onRequest(stream: ServerStream, head: RequestHead, end: boolean): ServerStreamHandler {
    const protocol = this.carriage.protocolOf(head.get('content-type'));
    if (head.method !== 'POST' || protocol === undefined) {
      const body = 'not a call of a protocol that is known here';
      stream.sendReply({ status: 415, body, details: 'not_a_carried_call', flags: 0 });
      this.onFault({ scope: 'message', code: 'not_a_carried_call', message: body });
      return refusedCall;
    }
    const call = new CarriedCall(this, protocol, stream);
    if (end) call.onRequestData(Buffer.alloc(0), true);
    return call;
  }

  onFault(fault: ProtocolFault): void {
    this.host.onFault(fault);
  }

  onHeartbeat(): void {
    this.host.onHeartbeat?.();
  }

  onHeartbeatReply(): void {
    this.host.onHeartbeatReply?.();
  }

  onDrained(): void {
    this.host.onDrained?.();
  }
}

/** One call: a stream of HTTP/2 on the one side, its protocol's codec on the other. */
class CarriedCall implements ServerStreamHandler, Call {
  readonly #codec: CarryingServerCodec;
  readonly #protocol: Protocol;
  readonly #stream: ServerStream;
  readonly #called: CalledCodec;
  #receivedBytes = 0;
  #frameBytes = 0;
  #heldBytes = 0;
  #begun = false;
  #oneWay = false;
  #over = false;

  constructor(codec: CarryingServerCodec, protocol: Protocol, stream: ServerStream) {
    this.#codec = codec;
    this.#protocol = protocol;
    this.#stream = stream;
    this.#called = codec.codecFor(protocol, this);
  }

  get writable(): boolean {
    return this.#stream.writable;
  }

  // ── of HTTP/2 ─────────────────────────────────────────────────────────────────────────────────────────────────

  onRequestData(chunk: Buffer, end: boolean): void {
    if (this.#over) return;
    this.#receivedBytes += chunk.length;
    this.#called.receive(chunk);
    this.#countHeld();
    if (end) this.#onEnd();
  }

  onRequestTrailers(_trailers: Headers): void {
    this.#onEnd();
  }

  onRequestReset(_reason: ResetReason): void {
    if (this.#over) return;
    this.#over = true;
    this.#countHeld();
    this.#called.abort();
  }

  onResponseWritable(): void {
    if (!this.#over) this.#called.connectionWritable();
  }

  #onEnd(): void {
    if (this.#over) return;
    if (!this.#begun) this.#refuse('truncated_frame', 'the request ended before a whole frame');
    else if (this.#oneWay) {
      this.#finish();
      this.#stream.sendHead(this.#codec.carriage.responseHead(this.#protocol), true);
    }
  }

  // ── of the protocol's own codec ───────────────────────────────────────────────────────────────────────────────

  onRequest(stream: ServerStream, head: RequestHead, end: boolean): ServerStreamHandler {
    if (this.#begun) {
      this.#refuse('second_frame', 'a request has more than one frame');
      return refusedCall;
    }
    this.#begun = true;
    this.#oneWay = head.oneWay;
    this.#frameBytes = head.wholeBytes;
    return this.#codec.host.onRequest(stream, head, end);
  }

  onWritten(frame: Buffer): void {
    if (this.#over) return;
    this.#finish();
    const head = this.#codec.carriage.responseHead(this.#protocol);
    const stream = this.#stream;
    if (stream.sendWhole !== undefined) stream.sendWhole(head, frame);
    else {
      stream.sendHead(head, false);
      stream.sendData(frame, true);
    }
  }

  onClosed(): void {
    if (this.#over) return;
    this.#finish();
    this.#stream.sendReply({ status: 400, body: 'the call cannot be read', details: 'bad_call', flags: 0 });
  }

  #refuse(code: string, body: string): void {
    this.#finish();
    this.#stream.sendReply({ status: 400, body, details: code, flags: 0 });
    this.#codec.onFault({ scope: 'stream', code, message: body });
  }

  #countHeld(): void {
    const heldBytes = this.#over ? 0 : this.#called.heldBytes;
    if (heldBytes === this.#heldBytes) return;
    this.#codec.heldChanged(heldBytes - this.#heldBytes);
    this.#heldBytes = heldBytes;
  }

  /** The codec goes on only where no byte of this call can be left in it: all that came was the call's frame. */
  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#countHeld();
    if (this.#begun && this.#receivedBytes === this.#frameBytes) this.#codec.codecIsFree(this.#called);
  }
}
