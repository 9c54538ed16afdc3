import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP server on Node's own http module, with the replies that tests of a proxy need. */
export async function startNodeOrigin(): Promise<{ port: number; server: Server }> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://origin').pathname.replace(/^\/node/, '');
    const reply = replies[`/${path.split('/')[1]}`] ?? notFound;
    reply(request, response, path);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, server };
}

type Reply = (request: IncomingMessage, response: ServerResponse, path: string) => void;

const notFound: Reply = (_request, response) => response.writeHead(410).end('no such reply');

/** `text` of a known size that is not the same throughout. */
export function pattern(length: number): Buffer {
  return Buffer.from('0123456789abcdef\n'.repeat(Math.ceil(length / 17)).slice(0, length));
}

const replies: Record<string, Reply> = {
  /** What was asked for. */
  '/echo': (request, response, path) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ method: request.method, path, headers: request.headers }));
  },
  '/token': (_request, response, path) => response.end(path),
  /** The size and hash of the body that came. */
  '/hash': (request, response) => {
    const hash = createHash('sha256');
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      size += chunk.length;
    });
    const framing = request.headers['transfer-encoding'] ?? 'length';
    request.on('end', () => response.end(`${size} ${hash.digest('hex')} ${framing}`));
  },
  /** 1 MiB in many pieces, with no length given. */
  '/chunked': (_request, response) => {
    const body = pattern(1024 * 1024);
    let at = 0;
    const more = () => {
      while (at < body.length) {
        const piece = body.subarray(at, at + 10_000);
        at += piece.length;
        if (!response.write(piece)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  },
  '/trailers': (_request, response) => {
    response.writeHead(200, { trailer: 'x-checksum' });
    response.write('body before trailers');
    response.addTrailers({ 'x-checksum': 'abc123' });
    response.end();
  },
  /** Half of what the length promises, then a reset. */
  '/truncated-length': (_request, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('x'.repeat(500), () => setTimeout(() => response.socket?.resetAndDestroy(), 50));
  },
  /** Chunks without the last one, then a close. */
  '/truncated-chunks': (_request, response) => {
    response.writeHead(200);
    response.write('x'.repeat(500), () => setTimeout(() => response.socket?.destroy(), 50));
  },
  /** A whole reply, and behind it another that nobody asked for. */
  '/twice': (_request, response) => {
    const { socket } = response;
    response.end('once', () => socket?.write('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen'));
  },
  '/no-reply': (request) => void request.socket.destroy(),
  '/no-content': (_request, response) => response.writeHead(204).end(),
  '/slow': (_request, response) => void setTimeout(() => response.end('late'), 2_000),
};
