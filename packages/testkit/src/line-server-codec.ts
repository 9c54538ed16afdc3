import type { Headers, LocalReply, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type {
  CodecOptions,
  ServerCodec,
  ServerHost,
  ServerStream,
  ServerStreamHandler,
} from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import { LineCodec } from './line-codec.ts';
import {
  decodeHeaders,
  encodeHeaders,
  encodeLine,
  encodeReply,
  type Line,
  LineHeaders,
  LineRequestHead,
} from './line-message.ts';

/** The line protocol on a client's connection; see line-protocol.ts. */
export class LineServerCodec extends LineCodec implements ServerCodec {
  readonly #host: ServerHost;
  readonly #whole: boolean;
  readonly #protocol: string;
  readonly #streams = new Map<number, LineServerStream>();
  #goingAway = false;

  constructor(connection: Connection, host: ServerHost, options: CodecOptions, whole: boolean, protocol: string) {
    super(connection, options);
    this.#host = host;
    this.#whole = whole;
    this.#protocol = protocol;
  }

  get activeStreams(): number {
    return this.#streams.size;
  }

  protected onLine(line: Line): boolean {
    switch (line.verb) {
      case 'PING':
        this.send(encodeLine(line.id, 'PONG', false));
        this.#host.onHeartbeat?.();
        return true;
      case 'PONG':
        this.#host.onHeartbeatReply?.();
        return true;
      case 'REQ':
      case 'CALL':
      case 'TELL':
        return this.#begin(line);
      default: {
        // A stream that is over: what its client sent before it knew.
        this.#streams.get(line.id)?.receive(line);
        return ['DAT', 'TRL', 'RST'].includes(line.verb);
      }
    }
  }

  #begin(line: Line): boolean {
    if (this.#streams.has(line.id) || (line.verb !== 'REQ') !== this.#whole) return false;
    const head = new LineRequestHead(line, this.#whole, this.#protocol);
    const end = line.end && (head.upgrade === undefined || this.#whole);
    const stream = new LineServerStream(this, line.id, this.#whole, end, head);
    if (!head.oneWay) this.#streams.set(line.id, stream);
    stream.handler = this.#host.onRequest(stream, head, end);
    return true;
  }

  protected refuse(code: string): void {
    if (this.over) return;
    this.#host.onFault({ scope: 'connection', code, message: code });
    this.connection.close('flush');
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
    for (const stream of [...this.#streams.values()]) stream.handler?.onResponseWritable();
  }

  goAway(): void {
    if (this.over) return;
    this.send(encodeLine(0, this.#goingAway ? 'LAST' : 'BYE', false));
    this.#goingAway = true;
    this.#settle();
  }

  sendHeartbeat(): boolean {
    this.send(encodeLine(0, 'PING', false));
    return true;
  }

  abandonHead(): void {
    if (this.over) return;
    const plain = { status: 408, body: 'too slow', details: 'line.too_slow', flags: 0 };
    const reply = this.#host.decorateReply?.(plain) ?? plain;
    const [status, headers, body] = encodeReply(reply);
    this.send(encodeLine(0, 'RSP', false, status, headers));
    this.send(encodeLine(0, 'DAT', true, body));
    this.connection.close('flush');
    this.#host.onFault({ scope: 'connection', code: 'too_slow', message: 'a line has no end', answered: 408 });
    this.#end('protocol-error');
  }

  forget(stream: LineServerStream): void {
    if (this.#streams.get(stream.id) !== stream) return;
    this.#streams.delete(stream.id);
    this.#settle();
  }

  #settle(): void {
    if (this.#goingAway && this.#streams.size === 0 && !this.over) this.#host.onDrained?.();
  }

  #end(reason: ResetReason): void {
    if (this.over) return;
    this.over = true;
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.resetByClient(reason);
  }
}

class LineServerStream implements ServerStream {
  readonly id: number;
  handler: ServerStreamHandler | undefined = undefined;
  readonly #codec: LineServerCodec;
  readonly #whole: boolean;
  readonly #waiting: Line[] = [];
  readonly #connects: boolean;
  #requestEnded: boolean;
  #paused = false;
  #headSent = false;
  #tunnel = false;
  #responseEnded = false;
  #over: boolean;

  constructor(codec: LineServerCodec, id: number, whole: boolean, requestEnded: boolean, head: LineRequestHead) {
    this.#codec = codec;
    this.id = id;
    this.#whole = whole;
    this.#requestEnded = requestEnded;
    // Nothing goes back.
    this.#over = head.oneWay;
    this.#connects = head.method === 'CONNECT';
  }

  get writable(): boolean {
    return this.#codec.connection.writable;
  }

  receive(line: Line): void {
    if (line.verb === 'RST') this.resetByClient('remote-reset');
    else if (this.#paused) this.#waiting.push(line);
    else this.#deliver(line);
  }

  #deliver(line: Line): void {
    if (this.#requestEnded || this.#over) return;
    const handler = this.handler!;
    this.#requestEnded = line.end;
    if (line.verb === 'TRL') handler.onRequestTrailers(new LineHeaders(decodeHeaders(line.words[0] ?? '')));
    else handler.onRequestData(Buffer.from(decodeURIComponent(line.words[0] ?? '')), line.end);
    if (this.#tunnel && this.#responseEnded && this.#requestEnded) this.#finish();
  }

  resetByClient(reason: ResetReason): void {
    if (this.#over) return;
    this.#finish();
    this.handler?.onRequestReset(reason);
  }

  sendInformational(head: ResponseHead): void {
    if (this.#over || this.#whole) return;
    this.#codec.send(encodeLine(this.id, 'INF', false, String(head.status), encodeHeaders(head)));
  }

  sendHead(head: ResponseHead, end: boolean): void {
    if (this.#over || this.#headSent) return;
    this.#headSent = true;
    this.#tunnel = head.status === 101 || (this.#connects && head.status >= 200 && head.status < 300);
    const words = [String(head.status), encodeHeaders(head)];
    if (this.#whole) words.push(encodeURIComponent(head.body?.toString() ?? ''));
    this.#codec.send(encodeLine(this.id, this.#whole ? 'BACK' : 'RSP', end, ...words));
    this.#afterSend(end);
  }

  sendData(chunk: Buffer, end: boolean): void {
    if (this.#over || !this.#headSent || this.#responseEnded) return;
    this.#codec.send(encodeLine(this.id, 'DAT', end, encodeURIComponent(chunk.toString())));
    this.#afterSend(end);
  }

  sendTrailers(trailers: Headers): void {
    if (this.#over || !this.#headSent) return;
    this.#codec.send(encodeLine(this.id, 'TRL', true, encodeHeaders(trailers)));
    this.#afterSend(true);
  }

  sendReply(reply: LocalReply): void {
    if (this.#over || this.#headSent) return;
    this.#headSent = true;
    const [status, headers, body] = encodeReply(reply);
    if (this.#whole) this.#codec.send(encodeLine(this.id, 'BACK', true, status, headers, body));
    else {
      this.#codec.send(encodeLine(this.id, 'RSP', false, status, headers));
      this.#codec.send(encodeLine(this.id, 'DAT', true, body));
    }
    this.#finish();
  }

  reset(reason: ResetReason): void {
    if (this.#over) return;
    this.#codec.send(encodeLine(this.id, 'RST', true, reason));
    this.#finish();
  }

  pauseRequest(): void {
    this.#paused = true;
  }

  resumeRequest(): void {
    this.#paused = false;
    while (!this.#paused && this.#waiting.length > 0) this.#deliver(this.#waiting.shift()!);
  }

  #afterSend(end: boolean): void {
    if (!end) return;
    this.#responseEnded = true;
    if (!this.#tunnel || this.#requestEnded) this.#finish();
  }

  #finish(): void {
    this.#over = true;
    this.#codec.forget(this);
  }
}
