import type { Headers, RequestHead, ResetReason } from '@sofamesh/contract/message';
import type {
  ClientCodec,
  ClientHost,
  ClientStream,
  ClientStreamHandler,
  CodecOptions,
} from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import { LineCodec } from './line-codec.ts';
import {
  decodeHeaders,
  encodeHeaders,
  encodeLine,
  encodeRequest,
  type Line,
  LineHeaders,
  LineResponseHead,
} from './line-message.ts';

/** The line protocol on a connection to an upstream; see line-protocol.ts. */
export class LineClientCodec extends LineCodec implements ClientCodec {
  readonly whole: boolean;
  readonly #host: ClientHost;
  readonly #exclusive: boolean;
  readonly #streams = new Map<number, LineClientStream>();
  #nextId = 1;
  #retired = false;

  constructor(connection: Connection, host: ClientHost, options: CodecOptions, whole: boolean, exclusive: boolean) {
    super(connection, options);
    this.#host = host;
    this.whole = whole;
    this.#exclusive = exclusive;
  }

  get activeStreams(): number {
    return this.#streams.size;
  }

  get available(): number {
    const most = this.#exclusive ? 1 : this.options.limits.streamsMax;
    return this.#retired ? 0 : most - this.#streams.size;
  }

  get retired(): boolean {
    return this.#retired;
  }

  openStream(handler: ClientStreamHandler): ClientStream {
    const stream = new LineClientStream(this, this.#nextId++, handler);
    this.#streams.set(stream.id, stream);
    return stream;
  }

  sendHeartbeat(): boolean {
    this.send(encodeLine(0, 'PING', false));
    return true;
  }

  protected onLine(line: Line): boolean {
    switch (line.verb) {
      case 'PONG':
        this.#host.onHeartbeatReply?.();
        return true;
      case 'BYE':
        this.#retired = true;
        this.#host.onAvailabilityChange();
        return true;
      case 'INF':
      case 'RSP':
      case 'BACK':
      case 'DAT':
      case 'TRL':
      case 'RST': {
        const stream = this.#streams.get(line.id);
        if (stream === undefined) this.#host.onUnsolicited();
        else stream.receive(line);
        return true;
      }
      default:
        return false;
    }
  }

  protected refuse(code: string): void {
    if (this.over) return;
    this.#host.onFault({ scope: 'connection', code, message: code });
    this.connection.close('now');
    this.#end('protocol-error');
  }

  receiveEnd(): void {
    if (this.over) return;
    this.connection.close('flush');
    this.#end('connection-termination');
  }

  connectionClosed(_cause: CloseCause): void {
    this.#end('connection-termination');
  }

  connectionWritable(): void {
    for (const stream of [...this.#streams.values()]) stream.handler.onRequestWritable();
  }

  forget(stream: LineClientStream): boolean {
    return this.#streams.delete(stream.id);
  }

  ended(): void {
    this.#host.onStreamEnd();
  }

  /** An exclusive connection cannot be used again after a request was given up. */
  givenUp(): void {
    if (!this.#exclusive) return;
    this.#retired = true;
    this.connection.close('now');
  }

  #end(reason: ResetReason): void {
    if (this.over) return;
    this.over = true;
    this.#retired = true;
    for (const stream of [...this.#streams.values()]) stream.resetByServer(reason);
  }
}

class LineClientStream implements ClientStream {
  readonly id: number;
  readonly handler: ClientStreamHandler;
  readonly #codec: LineClientCodec;
  readonly #waiting: Line[] = [];
  #paused = false;
  #over = false;
  #requestEnded = false;
  #tunnel = false;
  #responseEnded = false;

  constructor(codec: LineClientCodec, id: number, handler: ClientStreamHandler) {
    this.#codec = codec;
    this.id = id;
    this.handler = handler;
  }

  get writable(): boolean {
    return this.#codec.connection.writable;
  }

  sendHead(head: RequestHead, end: boolean): void {
    if (this.#over) return;
    const whole = this.#codec.whole;
    const words = encodeRequest(head);
    if (whole) words.push(encodeURIComponent(head.body?.toString() ?? ''));
    const verb = whole ? (head.oneWay ? 'TELL' : 'CALL') : 'REQ';
    this.#codec.send(encodeLine(this.id, verb, end, ...words));
    this.#requestEnded = end;
    if (head.oneWay) this.#finish();
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (this.#over || this.#requestEnded) return;
    this.#codec.send(encodeLine(this.id, 'DAT', end, encodeURIComponent(chunk.toString())));
    this.#afterSend(end);
  }

  sendTrailers(trailers: Headers): void {
    if (this.#over || this.#requestEnded) return;
    this.#codec.send(encodeLine(this.id, 'TRL', true, encodeHeaders(trailers)));
    this.#afterSend(true);
  }

  #afterSend(end: boolean): void {
    if (!end) return;
    this.#requestEnded = true;
    if (this.#tunnel && this.#responseEnded) this.#finish();
  }

  reset(reason: ResetReason): void {
    if (this.#over) return;
    this.#codec.send(encodeLine(this.id, 'RST', true, reason));
    this.#codec.givenUp();
    this.#finish();
  }

  receive(line: Line): void {
    if (this.#paused) this.#waiting.push(line);
    else this.#deliver(line);
  }

  #deliver(line: Line): void {
    if (this.#over) return;
    const { handler } = this;
    const [first = ''] = line.words;
    let ends = false;
    switch (line.verb) {
      case 'INF':
        handler.onInformational(new LineResponseHead(line, false));
        return;
      case 'RST':
        this.resetByServer(resetReasonOf(first));
        return;
      case 'DAT':
        ends = this.#settle(line.end);
        handler.onResponseData(Buffer.from(decodeURIComponent(first)), line.end);
        break;
      case 'TRL':
        ends = this.#settle(true);
        handler.onResponseTrailers(new LineHeaders(decodeHeaders(first)));
        break;
      default: {
        const head = new LineResponseHead(line, this.#codec.whole);
        this.#tunnel = head.status === 101;
        ends = this.#settle(line.end);
        handler.onResponseHead(head, line.end);
      }
    }
    if (ends) this.#codec.ended();
  }

  /** True when the stream is over, which it is before the handler is told: the connection is ready for another request. */
  #settle(end: boolean): boolean {
    if (!end) return false;
    this.#responseEnded = true;
    if (this.#tunnel && !this.#requestEnded) return false;
    this.#over = true;
    this.#codec.forget(this);
    if (!this.#requestEnded) this.#codec.givenUp();
    return true;
  }

  resetByServer(reason: ResetReason): void {
    if (this.#over) return;
    this.#over = true;
    this.#codec.forget(this);
    this.handler.onResponseReset(reason);
    this.#codec.ended();
  }

  pauseResponse(): void {
    this.#paused = true;
  }

  resumeResponse(): void {
    this.#paused = false;
    while (!this.#paused && this.#waiting.length > 0) this.#deliver(this.#waiting.shift()!);
  }

  #finish(): void {
    this.#over = true;
    if (this.#codec.forget(this)) this.#codec.ended();
  }
}

const reasons: readonly ResetReason[] = ['refused', 'remote-reset', 'protocol-error'];

function resetReasonOf(text: string): ResetReason {
  return reasons.find((reason) => reason === text) ?? 'remote-reset';
}
