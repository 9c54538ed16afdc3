import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { type ClientHttp2Session, connect as http2Connect, type IncomingHttpStatusHeader } from 'node:http2';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** How a client speaks to the proxy: HTTP/1.1, HTTP/2 by prior knowledge, and both over TLS by ALPN. */
export const dialects = ['h1', 'h2c', 'h1 over TLS', 'h2 over TLS'] as const;
export type Dialect = (typeof dialects)[number];

export const isTls = (dialect: Dialect) => dialect.endsWith('TLS');
export const isHttp2 = (dialect: Dialect) => dialect.startsWith('h2');

export interface Ask {
  path: string;
  method?: string;
  headers?: Record<string, string>;
  body?: Buffer | Iterable<Buffer>;
  trailers?: Record<string, string>;
  /** Gives the call up. */
  signal?: AbortSignal;
  /** The body's hash instead of the body, for what is too big to keep. */
  hashOnly?: boolean;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  size: number;
  sha256: string;
  trailers: NodeJS.Dict<string>;
  /** Status codes of interim answers. */
  interim: number[];
}

/** The stream or the connection ended before the answer did. */
export class BrokenAnswer extends Error {
  /** HTTP/2's code of the reset; undefined for HTTP/1.1. */
  readonly code: number | undefined;

  constructor(message: string, code?: number) {
    super(message);
    this.code = code;
  }
}

/** A client that keeps its connections: one for HTTP/2, as many as are needed at once for HTTP/1.1. */
export interface HttpCaller {
  call(ask: Ask): Promise<Answer>;
  /** A new call cannot begin: the server has said goodbye, or the client was closed. */
  readonly spent: boolean;
  close(): void;
}

export interface CallerOptions {
  /** PEM of the authority to trust. */
  ca?: Buffer;
  serverName?: string;
}

/** Node's own client for a dialect. The proxy is on 127.0.0.1. */
export async function openCaller(dialect: Dialect, port: number, options: CallerOptions = {}): Promise<HttpCaller> {
  return isHttp2(dialect)
    ? Http2Caller.open(port, isTls(dialect), options)
    : new Http1Caller(port, isTls(dialect), options);
}

class BodyReader {
  readonly #keep: Buffer[] | undefined;
  readonly #hash: Hash = createHash('sha256');
  #size = 0;

  constructor(hashOnly = false) {
    this.#keep = hashOnly ? undefined : [];
  }

  add(chunk: Buffer): void {
    this.#hash.update(chunk);
    this.#size += chunk.length;
    this.#keep?.push(chunk);
  }

  get size(): number {
    return this.#size;
  }

  get result(): { body: Buffer; size: number; sha256: string } {
    return { body: Buffer.concat(this.#keep ?? []), size: this.#size, sha256: this.#hash.digest('hex') };
  }
}

class Http1Caller implements HttpCaller {
  readonly #port: number;
  readonly #secure: boolean;
  readonly #agent: Agent;
  readonly #options: object;
  spent = false;

  constructor(port: number, secure: boolean, { ca, serverName }: CallerOptions) {
    this.#port = port;
    this.#secure = secure;
    this.#agent = secure ? new HttpsAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
    this.#options = secure ? { ca, servername: serverName, ALPNProtocols: ['http/1.1'] } : {};
  }

  call(ask: Ask): Promise<Answer> {
    const { path, method = ask.body === undefined ? 'GET' : 'POST', headers, signal } = ask;
    const agent = this.#agent;
    const withTrailers = ask.trailers && { trailer: Object.keys(ask.trailers).join(), 'transfer-encoding': 'chunked' };
    const options = { ...this.#options, host: '127.0.0.1', port: this.#port, agent, path, method, signal };
    const start = this.#secure ? httpsRequest : httpRequest;
    const request = start({ ...options, headers: { ...headers, ...withTrailers } });
    const interim: number[] = [];
    request.on('information', ({ statusCode }) => interim.push(statusCode));
    return new Promise<Answer>((resolve, reject) => {
      request.once('error', reject);
      request.once('response', (response: IncomingMessage) => {
        const reader = new BodyReader(ask.hashOnly);
        response.on('data', (chunk: Buffer) => reader.add(chunk));
        response.once('error', reject);
        response.once('close', () => {
          if (!response.complete) return reject(new BrokenAnswer('the connection ended before the answer'));
          const { statusCode: status = 0, headers, trailers } = response;
          if (headers.connection === 'close') this.spent = true;
          resolve({ status, headers, ...reader.result, trailers: { ...trailers }, interim });
        });
      });
      if (ask.trailers) request.addTrailers(ask.trailers);
      sendBody(request, ask.body);
    });
  }

  close(): void {
    this.spent = true;
    this.#agent.destroy();
  }
}

class Http2Caller implements HttpCaller {
  readonly #session: ClientHttp2Session;
  #goAway = false;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
    session.on('error', () => {}); // Calls tell.
    session.on('goaway', () => {
      this.#goAway = true;
    });
  }

  static async open(port: number, secure: boolean, { ca, serverName }: CallerOptions): Promise<Http2Caller> {
    const url = `${secure ? 'https' : 'http'}://127.0.0.1:${port}`;
    const session = http2Connect(url, secure ? { ca, servername: serverName } : {});
    await Promise.race([once(session, 'remoteSettings'), once(session, 'close')]);
    if (session.destroyed) throw new BrokenAnswer('the session ended before it began');
    return new Http2Caller(session);
  }

  get spent(): boolean {
    return this.#goAway || this.#session.closed || this.#session.destroyed;
  }

  call(ask: Ask): Promise<Answer> {
    const { path, method = ask.body === undefined ? 'GET' : 'POST', headers, signal } = ask;
    const fields = { ':path': path, ':method': method, ':authority': 'origin.test', ...headers };
    const endStream = ask.body === undefined && ask.trailers === undefined;
    const stream = this.#session.request(fields, {
      endStream,
      waitForTrailers: ask.trailers !== undefined,
      ...(signal && { signal }),
    });
    const interim: number[] = [];
    let head: (IncomingHttpHeaders & IncomingHttpStatusHeader) | undefined;
    let trailers: NodeJS.Dict<string> = {};
    let ended = false;
    const reader = new BodyReader(ask.hashOnly);
    stream.on('headers', (one) => interim.push(one[':status'] ?? 0));
    stream.once('response', (one) => (head = one));
    stream.once('trailers', (one) => (trailers = { ...one } as NodeJS.Dict<string>));
    stream.on('data', (chunk: Buffer) => reader.add(chunk));
    stream.once('end', () => (ended = true));
    if (ask.trailers) stream.once('wantTrailers', () => stream.sendTrailers(ask.trailers!));
    return new Promise<Answer>((resolve, reject) => {
      let fault: Error | undefined;
      stream.once('error', (error) => (fault = error));
      stream.once('close', () => {
        const length = method === 'HEAD' || head?.[':status'] === 304 ? undefined : head?.['content-length'];
        // Node takes the end of a session for the end of its streams.
        const isShort = length !== undefined && Number(length) !== reader.size;
        if (head === undefined || !ended || isShort || (stream.rstCode !== 0 && fault !== undefined))
          return reject(new BrokenAnswer(fault?.message ?? `reset with ${stream.rstCode}`, stream.rstCode));
        resolve({ status: head[':status'] ?? 0, headers: head, ...reader.result, trailers, interim });
      });
      if (!endStream) sendBody(stream, ask.body);
    });
  }

  close(): void {
    this.#session.destroy();
  }
}

function sendBody(to: Writable, body: Ask['body']): void {
  if (body === undefined || Buffer.isBuffer(body)) to.end(body);
  // Whoever waits for the answer hears of what breaks.
  else pipeline(Readable.from(body), to).catch(() => {});
}
