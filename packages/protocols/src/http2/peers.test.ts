import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { type Duplex, duplexPair } from 'node:stream';
import { describe, test } from 'node:test';
import type { Headers, RequestHead, ResetReason, ResponseHead } from '@sofamesh/contract/message';
import {
  type ClientCodec,
  type ClientStream,
  type ClientStreamHandler,
  defaultCodecLimits,
  type ServerStream,
  type ServerStreamHandler,
} from '@sofamesh/contract/protocol';
import { ScriptedConnection } from '@sofamesh/testkit/scripted-connection';
import { protocol } from './http2.ts';

/** A connection on one end of a pair of streams, without sockets. */
class StreamConnection extends ScriptedConnection {
  readonly #stream: Duplex;

  constructor(stream: Duplex) {
    super();
    this.#stream = stream;
  }

  attach(codec: { receive(chunk: Buffer): void; receiveEnd(): void; connectionClosed(cause: never): void }): void {
    this.#stream.on('data', (chunk: Buffer) => codec.receive(chunk));
    this.#stream.on('end', () => codec.receiveEnd());
    this.#stream.on('error', () => {});
    this.#stream.on('close', () => codec.connectionClosed({ kind: 'closed', reason: '' } as never));
  }

  override write(chunk: Buffer): void {
    if (this.closed === undefined) this.#stream.write(chunk);
  }

  override pauseReading(): void {
    this.#stream.pause();
  }

  override resumeReading(): void {
    this.#stream.resume();
  }

  override close(how: 'flush' | 'now' | 'reset'): void {
    super.close(how);
    this.#stream.end();
  }
}

const limits = { limits: defaultCodecLimits };

/** Passes a call from a server codec to a client codec and back, slowing each side down as the other one does. */
class Relay implements ServerStreamHandler, ClientStreamHandler {
  readonly #down: ServerStream;
  readonly #up: ClientStream;

  constructor(down: ServerStream, head: RequestHead, end: boolean, upstream: ClientCodec) {
    this.#down = down;
    this.#up = upstream.openStream(this);
    this.#up.sendHead(head, end);
  }

  onRequestData(chunk: Buffer, end: boolean): void {
    this.#up.sendData(chunk, end);
    if (!this.#up.writable) this.#down.pauseRequest();
  }

  onRequestTrailers(trailers: Headers): void {
    this.#up.sendTrailers(trailers);
  }

  onRequestReset(): void {
    this.#up.reset('local-reset');
  }

  onResponseWritable(): void {
    this.#up.resumeResponse();
  }

  onInformational(head: ResponseHead): void {
    this.#down.sendInformational(head);
  }

  onResponseHead(head: ResponseHead, end: boolean): void {
    this.#down.sendHead(head, end);
  }

  onResponseData(chunk: Buffer, end: boolean): void {
    this.#down.sendData(chunk, end);
    if (!this.#down.writable) this.#up.pauseResponse();
  }

  onResponseTrailers(trailers: Headers): void {
    this.#down.sendTrailers(trailers);
  }

  onResponseReset(reason: ResetReason): void {
    this.#down.reset(reason);
  }

  onRequestWritable(): void {
    this.#down.resumeRequest();
  }
}

/** node:http2's client → server codec → client codec → node:http2's server, which `serve` is. */
async function through(
  serve: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void,
  use: (session: http2.ClientHttp2Session) => Promise<void>,
): Promise<void> {
  const [upstreamEnd, originEnd] = duplexPair();
  const [clientEnd, downstreamEnd] = duplexPair();
  const origin = http2.createServer();
  origin.on('stream', serve);
  origin.emit('connection', originEnd);
  const upConnection = new StreamConnection(upstreamEnd);
  const quiet = { onStreamEnd: () => {}, onAvailabilityChange: () => {}, onUnsolicited: () => {} };
  const faults: string[] = [];
  const onFault = ({ code }: { code: string }) => faults.push(code);
  const upstream = protocol.createClientCodec(upConnection, { ...quiet, onFault }, limits);
  upConnection.attach(upstream);
  const downConnection = new StreamConnection(downstreamEnd);
  const host = {
    onFault,
    onRequest: (stream: ServerStream, head: RequestHead, end: boolean) => new Relay(stream, head, end, upstream),
  };
  downConnection.attach(protocol.createServerCodec(downConnection, host, limits));
  const session = http2.connect('http://a.example', { createConnection: () => clientEnd });
  try {
    await use(session);
    assert.deepEqual(faults, []);
    assert.equal(upstream.activeStreams, 0);
  } finally {
    session.destroy();
    origin.close();
    for (const end of [upstreamEnd, originEnd, clientEnd, downstreamEnd]) end.destroy();
  }
}

interface Answer {
  readonly headers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: http2.IncomingHttpHeaders | undefined;
}

function call(session: http2.ClientHttp2Session, headers: http2.OutgoingHttpHeaders, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = session.request(headers, { endStream: body === undefined });
    const chunks: Buffer[] = [];
    let seen: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders | undefined;
    request.on('response', (received) => {
      seen = received;
    });
    request.on('trailers', (received) => {
      trailers = received;
    });
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => resolve({ headers: seen, body: Buffer.concat(chunks), trailers }));
    request.on('error', reject);
    if (body !== undefined) request.end(body);
  });
}

describe('node:http2 calls itself through both codecs', () => {
  test('many calls at once, with bodies, trailers and fields', async () => {
    await through(
      (stream, headers) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => {
          stream.respond({ ':status': 201, 'x-echo': headers['x-one'] }, { waitForTrailers: true });
          stream.on('wantTrailers', () => stream.sendTrailers({ 'x-length': `${Buffer.concat(chunks).length}` }));
          stream.end(Buffer.concat(chunks));
        });
      },
      async (session) => {
        const calls = Array.from({ length: 90 }, async (_, at) => {
          const body = Buffer.alloc(at * 997, at);
          const answer = await call(
            session,
            { ':method': 'POST', ':path': `/${at}`, 'x-one': `value ${at % 7}` },
            body,
          );
          assert.equal(answer.headers[':status'], 201);
          assert.equal(answer.headers['x-echo'], `value ${at % 7}`);
          assert.deepEqual(answer.body, body);
          assert.equal(answer.trailers?.['x-length'], `${body.length}`);
        });
        await Promise.all(calls);
      },
    );
  });

  test('a long body passes both windows in both directions', async () => {
    const body = Buffer.alloc(5_000_000, 'long');
    await through(
      (stream) => {
        stream.respond({ ':status': 200 });
        stream.pipe(stream);
      },
      async (session) => {
        const answer = await call(session, { ':method': 'POST', ':path': '/' }, body);
        assert.ok(answer.body.equals(body));
      },
    );
  });

  test('HEAD, interim responses, and a stream that is reset', async () => {
    await through(
      (stream, headers) => {
        stream.on('error', () => {});
        if (headers[':path'] === '/reset') stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
        else {
          stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
          stream.respond({ ':status': 200, 'content-length': '17' }, { endStream: true });
        }
      },
      async (session) => {
        const { headers, body } = await call(session, { ':method': 'HEAD', ':path': '/' });
        assert.deepEqual([headers[':status'], headers['content-length'], body.length], [200, '17', 0]);
        await assert.rejects(call(session, { ':path': '/reset' }), /INTERNAL_ERROR/);
      },
    );
  });

  test('a PING is answered', async () => {
    await through(
      () => {},
      (session) =>
        new Promise((resolve, reject) => {
          session.ping((error) => (error ? reject(error) : resolve()));
        }),
    );
  });
});
