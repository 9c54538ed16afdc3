import type { Headers, LocalReply, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type {
  ClientCodec,
  ClientHost,
  ClientStream,
  ClientStreamHandler,
  CodecOptions,
  Pooling,
  Protocol,
  ServerCodec,
  ServerHost,
  ServerStream,
  ServerStreamHandler,
} from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';
import {
  decodeHeaders,
  encodeHeaders,
  encodeLine,
  encodeReply,
  encodeRequest,
  type Line,
  LineHeaders,
  LineRequestHead,
  LineResponseHead,
  parseLine,
} from './line-message.ts';

export interface LineProtocolOptions {
  readonly name: string;
  readonly pooling: Pooling;
  readonly messages: 'streamed' | 'whole';
}

/**
 * A protocol that people can read, for tests of what lies between codecs. Every line begins with the number of its
 * request; a dot behind the verb ends the message; text is percent-encoded:
 *
 *     streamed   1 REQ GET shop /a x=1     1 DAT hello      1 TRL. sum=5      1 RST remote-reset
 *                1 INF 103 a=b             1 RSP 200 y=2    1 DAT. bye
 *     whole      1 CALL. GET shop /a x=1 body               1 BACK. 200 y=2 body       1 TELL. … (one-way)
 *     both       0 PING → 0 PONG           0 BYE (the client is asked to go)
 *
 * A header `timeout` is the message's own deadline, `upgrade` asks for a tunnel (status 101).
 */
export function lineProtocol({ name, pooling, messages }: LineProtocolOptions): Protocol {
  const whole = messages === 'whole';
  return {
    name,
    pooling,
    detect(prefix) {
      const text = prefix.toString('latin1');
      if (/^\d+ [A-Z]/.test(text)) return 'match';
      return /^\d* ?$/.test(text) ? 'more' : 'mismatch';
    },
    createServerCodec: (connection, host, options) => new LineServerCodec(connection, host, options, whole),
    createClientCodec: (connection, host, options) =>
      new LineClientCodec(connection, host, options, whole, pooling === 'exclusive'),
  };
}

const nothing = Buffer.alloc(0);

/** Cuts bytes into lines. */
abstract class LineCodec {
  readonly connection: Connection;
  protected readonly options: CodecOptions;
  protected over = false;
  #rest: Buffer = nothing;

  constructor(connection: Connection, options: CodecOptions) {
    this.connection = connection;
    this.options = options;
  }

  protected abstract onLine(line: Line): boolean;
  protected abstract refuse(code: string): void;

  get heldBytes(): number {
    return this.#rest.length;
  }

  receive(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let at = bytes.indexOf(10); at >= 0 && !this.over; at = bytes.indexOf(10)) {
      const line = parseLine(bytes.toString('latin1', 0, at));
      bytes = bytes.subarray(at + 1);
      this.#rest = bytes;
      if (line === undefined || !this.onLine(line)) this.refuse('bad_line');
    }
    this.#rest = this.over ? nothing : bytes;
    if (this.#rest.length > this.options.limits.frameBytesMax) this.refuse('line_too_long');
  }

  detach(): Buffer | undefined {
    return undefined;
  }

  send(line: Buffer): void {
    if (!this.over) this.connection.write(line);
  }
}

// ── server ──────────────────────────────────────────────────────────────────────────────────────────────────────

class LineServerCodec extends LineCodec implements ServerCodec {
  readonly #host: ServerHost;
  readonly #whole: boolean;
  readonly #streams = new Map<number, LineServerStream>();
  #goingAway = false;

  constructor(connection: Connection, host: ServerHost, options: CodecOptions, whole: boolean) {
    super(connection, options);
    this.#host = host;
    this.#whole = whole;
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
    const head = new LineRequestHead(line, this.#whole);
    const end = line.end && (head.upgrade === undefined || this.#whole);
    const stream = new LineServerStream(this, line.id, this.#whole, end, head.oneWay);
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
    if (this.#goingAway || this.over) return;
    this.#goingAway = true;
    this.send(encodeLine(0, 'BYE', false));
    this.#settle();
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
  #requestEnded: boolean;
  #paused = false;
  #headSent = false;
  #tunnel = false;
  #responseEnded = false;
  #over: boolean;

  constructor(codec: LineServerCodec, id: number, whole: boolean, requestEnded: boolean, oneWay: boolean) {
    this.#codec = codec;
    this.id = id;
    this.#whole = whole;
    this.#requestEnded = requestEnded;
    // Nothing goes back.
    this.#over = oneWay;
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
    this.#tunnel = head.status === 101;
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

// ── client ──────────────────────────────────────────────────────────────────────────────────────────────────────

class LineClientCodec extends LineCodec implements ClientCodec {
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
