import type { IncomingHttpHeaders, RequestOptions } from 'node:http';
import { CodedError } from '@sofamesh/base/errors';
import { nodeHttp } from './node-http.ts';
import { failureOf } from './system-error.ts';

const timeoutMsDefault = 10_000;
/** A configuration dump of a large mesh fits; an answer without end does not. */
const bodyBytesMax = 256 * 1024 * 1024;

export interface HttpRequestOptions {
  /** Default GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** For the whole exchange. Default 10 s. */
  readonly timeoutMs?: number;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/**
 * One HTTP request of a command-line tool, to `http://HOST:PORT/PATH` or, over a Unix socket, `unix:/FILE:/PATH`. Any status
 * is an answer; rejects with a {@link CodedError} of the system's code (`ECONNREFUSED`), `ETIMEDOUT`, `EINVAL` for an address
 * that cannot be used, or `EMSGSIZE` for an answer that is too long.
 */
export async function httpRequest(url: string, options: HttpRequestOptions = {}): Promise<HttpReply> {
  const { method = 'GET', headers = {}, body, timeoutMs = timeoutMsDefault } = options;
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const target: RequestOptions = { ...targetOf(url), method, headers: { ...headers, ...length }, agent: false };
  try {
    return await exchange(target, body, timeoutMs);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    throw failureOf(`reach ${url}`, error);
  }
}

function targetOf(url: string): RequestOptions {
  const unix = /^unix:([^:]+)(?::(\/.*))?$/.exec(url);
  if (unix !== null) return { socketPath: unix[1], path: unix[2] ?? '/' };
  const parsed = URL.parse(url);
  if (parsed === null || parsed.protocol !== 'http:') {
    throw new CodedError('EINVAL', `not an http: or unix: address: ${JSON.stringify(url)}`);
  }
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  return { host, port: parsed.port === '' ? 80 : Number(parsed.port), path: parsed.pathname + parsed.search };
}

function exchange(target: RequestOptions, body: string | Buffer | undefined, timeoutMs: number): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const request = nodeHttp().request(target, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > bodyBytesMax) request.destroy(new CodedError('EMSGSIZE', 'the answer is too long'));
      });
      response.on('error', reject);
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    const timer = setTimeout(() => {
      request.destroy(new CodedError('ETIMEDOUT', `no whole answer within ${timeoutMs} ms`));
    }, timeoutMs);
    request.on('error', reject);
    request.on('close', () => clearTimeout(timer));
    request.end(body);
  });
}
