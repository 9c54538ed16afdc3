import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { createServer as createHttp2Server, createSecureServer, type ServerHttp2Session } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';

export const mebibyte = 1024 * 1024;

/** A mebibyte that is not the same throughout; big bodies are many of it, each with its number in front. */
const block = Buffer.alloc(mebibyte);
for (let at = 0; at < mebibyte; at += 32) createHash('sha256').update(`${at}`).digest().copy(block, at);

/** What node:http and node:http2 have in common. */
interface Request extends Readable {
  method?: string | undefined;
  url?: string | undefined;
  httpVersion: string;
  headers: IncomingHttpHeaders;
  trailers: NodeJS.Dict<string>;
}

interface Response extends Writable {
  statusCode: number;
  readonly stream?: { close(code: number): void };
  writeHead(status: number, headers?: OutgoingHttpHeaders): unknown;
  addTrailers(headers: OutgoingHttpHeaders): void;
  writeEarlyHints(hints: Record<string, string>): void;
}

/** PEM texts, as Node's TLS wants them. */
export interface OriginTls {
  cert: Buffer;
  key: Buffer;
  /** Clients have to show a certificate of this authority. */
  ca?: Buffer;
  requestCert?: boolean;
  rejectUnauthorized?: boolean;
}

type Reply = (request: Request, response: Response, argument: string) => void;

/** An HTTP server on Node's own modules, over HTTP/1.1 or over HTTP/2 by prior knowledge: the same replies by path. */
export class HttpOrigin {
  readonly protocol: 'http1' | 'http2';
  /** Requests to `/hang` that ended before they were answered, by the last part of their path. */
  readonly abandoned = new Set<string>();
  #server!: Server;
  #sockets = new Set<Socket>();
  #sessions = new Set<ServerHttp2Session>();

  private constructor(protocol: 'http1' | 'http2') {
    this.protocol = protocol;
  }

  /** With `tls` over TLS, which HTTP/2 then negotiates by ALPN. */
  static async start(protocol: 'http1' | 'http2', tls?: OriginTls): Promise<HttpOrigin> {
    const origin = new HttpOrigin(protocol);
    const answer = (request: Request, response: Response) => origin.#answer(request, response);
    const listener = (request: object, response: object) => answer(request as Request, response as Response);
    if (protocol === 'http1') {
      const server = tls ? createHttpsServer(tls, listener) : createServer(listener);
      server.keepAliveTimeout = 60_000;
      origin.#server = server;
    } else {
      const server = tls ? createSecureServer(tls, listener) : createHttp2Server({}, listener);
      server.on('session', (session) => {
        origin.#sessions.add(session);
        session.once('close', () => origin.#sessions.delete(session));
      });
      origin.#server = server;
    }
    origin.#server.on('connection', (socket: Socket) => {
      origin.#sockets.add(socket);
      socket.once('close', () => origin.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => origin.#server.listen(0, '127.0.0.1', resolve));
    return origin;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Tells all clients to open new connections; those of HTTP/1.1 it just closes when they idle. */
  goAway(): void {
    for (const session of this.#sessions) session.close();
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #answer(request: Request, response: Response): void {
    // Whoever went away does not wait for what is written.
    for (const side of [request, response]) side.on('error', () => {});
    const [, name = '', argument = ''] = new URL(request.url ?? '/', 'http://origin').pathname.split('/').slice(1);
    if (name === 'hang') {
      response.once('close', () => this.abandoned.add(argument));
      return;
    }
    (replies[name] ?? notFound)(request, response, argument);
  }
}

const notFound: Reply = (_request, response) => response.writeHead(410) && response.end('no such reply');

/** Paths are `/UPSTREAM/NAME/ARGUMENT`. */
const replies: Record<string, Reply> = {
  /** What was asked for, as the server saw it. */
  echo: (request, response) => {
    const { method, url, headers, httpVersion } = request;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ method, path: url, headers, httpVersion }));
  },
  token: (_request, response, token) => response.end(token),
  /** The body that came, while it comes. */
  mirror: (request, response) => {
    response.writeHead(200);
    request.pipe(response);
  },
  /** The size and hash of the body that came, and its trailers. */
  hash: (request, response) => {
    const hash = createHash('sha256');
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      size += chunk.length;
    });
    request.on('end', () => {
      const { trailers } = request;
      response.end(JSON.stringify({ size, sha256: hash.digest('hex'), trailers: { ...trailers } }));
    });
  },
  /** So many mebibytes; see `bigBody`. */
  big: (_request, response, mebibytes) => {
    response.writeHead(200, { 'content-length': Number(mebibytes) * mebibyte });
    const pieces = bigBody(Number(mebibytes));
    const more = () => {
      for (let next = pieces.next(); !next.done; next = pieces.next())
        if (!response.write(next.value)) return void response.once('drain', more);
      response.end();
    };
    more();
  },
  trailers: (_request, response) => {
    response.writeHead(200, { trailer: 'x-checksum' });
    response.write('body before trailers');
    response.addTrailers({ 'x-checksum': 'abc123' });
    response.end();
  },
  status: (_request, response, code) => response.writeHead(Number(code), { 'x-said': code }) && response.end(),
  /** Has a length, and no body when it was asked with HEAD. */
  sized: (_request, response) => response.writeHead(200, { 'content-length': '5' }) && response.end('12345'),
  early: (_request, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    setTimeout(() => response.end('after the hints'), 20);
  },
  /** Answers after so many milliseconds. */
  after: (request, response, ms) => {
    request.resume();
    setTimeout(() => response.end('in time'), Number(ms));
  },
  /** Answers before it has read the body, which it never does. */
  hasty: (_request, response) => response.writeHead(413) && response.end('too much'),
  /** Half of a body, then the end of the stream (HTTP/2) or the connection. */
  broken: (request, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('x'.repeat(500), () =>
      setTimeout(() => {
        const INTERNAL_ERROR = 2;
        if (response.stream) response.stream.close(INTERNAL_ERROR);
        else request.destroy();
      }, 50),
    );
  },
};

/** The pieces of a big body: no two are alike. */
export function* bigBody(mebibytes: number): Generator<Buffer> {
  for (let n = 0; n < mebibytes; n++) {
    const head = Buffer.alloc(8);
    head.writeDoubleBE(n);
    yield Buffer.concat([head, block.subarray(8)]);
  }
}

export function bigBodyHash(mebibytes: number): string {
  const hash = createHash('sha256');
  for (const piece of bigBody(mebibytes)) hash.update(piece);
  return hash.digest('hex');
}
