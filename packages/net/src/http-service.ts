import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Address } from '@sofamesh/base/address';
import { formatAddress } from '@sofamesh/base/address';
import { bind, boundAddress } from './bind.ts';
import { nodeHttp } from './node-http.ts';
import { failureOf } from './system-error.ts';

/** A request's body may be as long as this; a longer one is answered with 413. */
const bodyBytesMax = 1024 * 1024;
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 30_000;
/** How long answers under way may take when the service closes. */
const closeGraceMs = 500;

export interface HttpServiceRequest {
  readonly method: string;
  /** As sent, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface HttpServiceResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Buffer;
}

export interface HttpServiceOptions {
  readonly address: Address;
  readonly handler: (request: HttpServiceRequest) => Promise<HttpServiceResponse>;
  /** What `handler` threw. The client is told nothing of it but 500. */
  readonly onError?: (error: unknown, request: HttpServiceRequest) => void;
}

export interface HttpService {
  /** Where it really listens. */
  readonly address: Address;
  /** Stops accepting; answers under way have half a second to end. */
  close(): Promise<void>;
}

/**
 * An HTTP/1.1 server for admin pages and debug ports: whole bodies, no streaming, on Node's own `http`. Not for the data
 * path. Rejects with a {@link CodedError} of the system's code where it cannot listen.
 */
export async function serveHttp(options: HttpServiceOptions): Promise<HttpService> {
  const server = nodeHttp().createServer(
    { headersTimeout: headersTimeoutMs, requestTimeout: requestTimeoutMs },
    (request, response) => serve(options, request, response).catch(() => response.destroy()),
  );
  try {
    await bind(server, options.address, {});
  } catch (error) {
    throw failureOf(`listen on ${formatAddress(options.address)}`, error);
  }
  // A connection that could not be accepted ends nothing.
  server.on('error', () => {});
  const close = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(() => server.closeAllConnections(), closeGraceMs);
      server.close(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  return { address: boundAddress(server, options.address), close };
}

async function serve(options: HttpServiceOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  request.on('error', () => response.destroy());
  response.on('error', () => {});
  const body = await readBody(request);
  if (body === 'gone') return;
  if (body === 'too-long') {
    // The rest of the body is not worth reading.
    response.setHeader('connection', 'close');
    answer(response, { status: 413, body: 'the body is too long\n' });
    return;
  }
  const target = request.url ?? '/';
  const queryAt = target.indexOf('?');
  const read: HttpServiceRequest = {
    method: request.method ?? 'GET',
    path: queryAt < 0 ? target : target.slice(0, queryAt),
    query: new URLSearchParams(queryAt < 0 ? '' : target.slice(queryAt + 1)),
    headers: request.headers,
    body,
  };
  try {
    answer(response, await options.handler(read));
  } catch (error) {
    if (!response.headersSent) answer(response, { status: 500, body: 'internal error\n' });
    options.onError?.(error, read);
  }
}

function readBody(request: IncomingMessage): Promise<Buffer | 'too-long' | 'gone'> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bodyBytesMax) chunks.push(chunk);
      else resolve('too-long');
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('close', () => resolve('gone'));
  });
}

function answer(response: ServerResponse, { status, headers = {}, body }: HttpServiceResponse): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const fields: Record<string, string | number | readonly string[]> = { ...headers };
  if (!Object.keys(headers).some((name) => name.toLowerCase() === 'content-type')) {
    fields['content-type'] = 'text/plain; charset=UTF-8';
  }
  fields['content-length'] = bytes.length;
  // Throws for a field that cannot be sent, before anything of it is.
  response.writeHead(status, fields as OutgoingHttpHeaders);
  response.end(bytes);
}
