import {
  createSecureServer,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';

export interface Http2OriginOptions {
  readonly maxConcurrentStreams?: number;
  /** Before each answer. */
  readonly delayMs?: number;
  /** A connection ends after so many streams. */
  readonly streamsEver?: number;
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** An HTTP/2 server of Node's that answers with path and body of the request. */
export class Http2Origin {
  readonly port: number;
  sessionsEver = 0;
  /** Most streams that a session had open. */
  streamsAtOnce = 0;
  /** `PROTOCOL NAME` of each TLS connection: what was chosen by ALPN, and the SNI. */
  readonly handshakes: string[] = [];
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();

  private constructor(server: Http2Server, { delayMs = 0, streamsEver = 0 }: Http2OriginOptions) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('session', (session) => {
      let active = 0;
      let count = 0;
      this.sessionsEver++;
      this.#sessions.add(session);
      session.on('close', () => this.#sessions.delete(session));
      session.on('stream', (stream: ServerHttp2Stream, headers) => {
        // Graceful: GOAWAY with the last stream that counts, and the end when those are done.
        if (++count === streamsEver) session.close();
        this.streamsAtOnce = Math.max(this.streamsAtOnce, ++active);
        stream.on('close', () => active--);
        stream.on('error', () => {});
        let body = '';
        stream.on('data', (chunk) => {
          body += chunk;
        });
        stream.on('end', () =>
          setTimeout(() => {
            if (stream.closed || stream.destroyed) return;
            stream.respond({ ':status': 200 });
            stream.end(`${headers[':path']} ${body}`);
          }, delayMs),
        );
      });
    });
    server.on('secureConnection', ({ alpnProtocol, servername }) =>
      this.handshakes.push(`${alpnProtocol} ${servername}`),
    );
  }

  static async start(options: Http2OriginOptions = {}): Promise<Http2Origin> {
    const { tls, maxConcurrentStreams = 1000 } = options;
    const settings = { maxConcurrentStreams };
    const server = tls === undefined ? createServer({ settings }) : createSecureServer({ settings, ...tls });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Http2Origin(server, options);
  }

  async stop(): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
