import type { Headers, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import type {
  ClientCodec,
  ClientHost,
  ClientStream,
  ClientStreamHandler,
  CodecOptions,
  Pooling,
  Protocol,
  ServerCodec,
} from '@sofamesh/contract/protocol';
import type { CloseCause, Connection } from '@sofamesh/contract/transport';

/** Only its presence counts: a reply is one head. */
const someHead = { status: 200 } as ResponseHead;

/**
 * The smallest client codec that can go wrong in all ways: a request is a line with its number, so is a reply; `!` is
 * a GOAWAY (`!2` refuses the streams above 2), `?` a fault of the connection, `+` or `+2` says how many streams the peer takes,
 * `ping` is a heartbeat and `pong` its answer.
 */
class LineCodec implements ClientCodec {
  readonly heldBytes = 0;
  readonly streams = new Map<number, LineStream>();
  readonly connection: Connection;
  readonly host: ClientHost;
  readonly #exclusive: boolean;
  #streamsMax: number;
  #lastId = 0;
  retired = false;

  constructor(connection: Connection, host: ClientHost, exclusive: boolean, streamsMax: number) {
    this.connection = connection;
    this.host = host;
    this.#exclusive = exclusive;
    this.#streamsMax = exclusive ? 1 : streamsMax;
  }

  get activeStreams(): number {
    return this.streams.size;
  }

  get available(): number {
    return this.retired ? 0 : Math.max(0, this.#streamsMax - this.streams.size);
  }

  openStream(handler: ClientStreamHandler): ClientStream {
    if (this.available === 0) throw new Error('openStream without capacity');
    const stream = new LineStream(this, ++this.#lastId, handler);
    this.streams.set(stream.id, stream);
    return stream;
  }

  sendHeartbeat(): boolean {
    if (this.#exclusive) return false;
    this.connection.write(Buffer.from('ping\n'));
    return true;
  }

  receive(chunk: Buffer): void {
    for (const line of chunk.toString('latin1').split('\n').slice(0, -1)) this.#receiveLine(line);
  }

  #receiveLine(line: string): void {
    if (line === 'pong') this.host.onHeartbeatReply?.();
    else if (line.startsWith('!')) {
      const last = line === '!' ? Number.POSITIVE_INFINITY : Number(line.slice(1));
      this.retired = true;
      this.#resetAll('refused', last);
      this.host.onAvailabilityChange();
    } else if (line.startsWith('+')) {
      if (this.#exclusive) return;
      this.#streamsMax = line === '+' ? 8 : Number(line.slice(1));
      this.host.onAvailabilityChange();
    } else if (line === '?') {
      this.retired = true;
      this.host.onFault({ scope: 'connection', code: 'bad_line', message: 'a question mark' });
      this.connection.close('now');
      this.#resetAll('protocol-error');
    } else this.#reply(Number(line));
  }

  #reply(id: number): void {
    const stream = this.streams.get(id);
    if (stream === undefined) {
      this.host.onUnsolicited();
      return;
    }
    this.streams.delete(id);
    stream.handler.onResponseHead(someHead, true);
    this.host.onStreamEnd();
  }

  receiveEnd(): void {
    this.retired = true;
    this.connection.close('flush');
    this.#resetAll('connection-termination');
    this.host.onAvailabilityChange();
  }

  connectionClosed(_cause: CloseCause): void {
    this.retired = true;
    this.#resetAll('connection-termination');
  }

  connectionWritable(): void {}

  detach(): undefined {
    return undefined;
  }

  abandon(stream: LineStream): void {
    if (!this.streams.delete(stream.id)) return;
    if (this.#exclusive) {
      this.retired = true;
      this.connection.close('now');
    }
    this.host.onStreamEnd();
  }

  #resetAll(reason: ResetReason, above = 0): void {
    for (const [id, stream] of [...this.streams]) {
      if (id <= above || !this.streams.delete(id)) continue;
      stream.handler.onResponseReset(reason);
      this.host.onStreamEnd();
    }
  }
}

/** Number of its request, for tests that reply to it. */
export class LineStream implements ClientStream {
  readonly writable = true;
  readonly id: number;
  readonly handler: ClientStreamHandler;
  readonly #codec: LineCodec;

  constructor(codec: LineCodec, id: number, handler: ClientStreamHandler) {
    this.#codec = codec;
    this.id = id;
    this.handler = handler;
  }

  sendHead(_head: RequestHead, _end: boolean): void {
    this.#codec.connection.write(Buffer.from(`${this.id}\n`));
  }
  sendData(_chunk: Buffer, _end: boolean): void {}
  sendTrailers(_trailers: Headers): void {}
  reset(_reason: ResetReason): void {
    this.#codec.abandon(this);
  }
  pauseResponse(): void {}
  resumeResponse(): void {}
}

/** `streamsMax`: streams that a shared connection takes; 0 waits for the peer's `+`. */
export function lineProtocol(
  pooling: Pooling,
  streamsMax = 1024,
  name = pooling === 'exclusive' ? 'http1' : 'line',
): Protocol & { readonly codecs: CodecOptions[] } {
  const codecs: CodecOptions[] = [];
  return {
    name,
    pooling,
    ...(name === 'http1' && { alpn: ['http/1.1'], httpVersion: 1 }),
    ...(name === 'http2' && { alpn: ['h2'], httpVersion: 2 }),
    codecs,
    detect: () => 'mismatch',
    createServerCodec(): ServerCodec {
      throw new Error('a client protocol only');
    },
    createClientCodec(connection, host, options) {
      codecs.push(options);
      return new LineCodec(connection, host, pooling === 'exclusive', streamsMax);
    },
  };
}
