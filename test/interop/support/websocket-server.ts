import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { echoFrames } from './websocket-frames.ts';

const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** RFC 6455 §4.2.2. */
export function acceptOf(key: string): string {
  return createHash('sha1')
    .update(key + acceptSuffix)
    .digest('base64');
}

export interface WebSocketServer {
  port: number;
  /** WebSockets that are open now. */
  open(): number;
  stop(): void;
}

/**
 * Echoes frames over HTTP/1.1's Upgrade or HTTP/2's extended CONNECT. A path that ends in `/refuse` is answered 403, one
 * in `/chat` gets the subprotocol `chat`.
 */
export async function startWebSocketServer(protocol: 'http1' | 'http2'): Promise<WebSocketServer> {
  const sockets = new Set<Socket>();
  const streams = new Set<Duplex>();
  const serve = (stream: Duplex) => {
    streams.add(stream);
    stream.once('close', () => streams.delete(stream));
    echoFrames(stream);
  };
  const server: Server = protocol === 'http1' ? http1Server(serve) : http2Server(serve);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    open: () => streams.size,
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function http1Server(serve: (stream: Duplex) => void): Server {
  const server = createServer((_request, response) => response.writeHead(426).end());
  server.on('upgrade', (request, socket) => {
    const key = request.headers['sec-websocket-key'];
    if (request.url?.endsWith('/refuse') || key === undefined || request.headers['sec-websocket-version'] !== '13') {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno');
      return;
    }
    const chat = request.url?.endsWith('/chat') ? 'sec-websocket-protocol: chat\r\n' : '';
    const upgraded = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n';
    socket.write(`${upgraded}sec-websocket-accept: ${acceptOf(key)}\r\n${chat}\r\n`);
    serve(socket);
  });
  return server;
}

function http2Server(serve: (stream: Duplex) => void): Server {
  const server = createHttp2Server({ settings: { enableConnectProtocol: true } });
  server.on('session', (session: ServerHttp2Session) => session.on('error', () => {}));
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {});
    const path = String(headers[':path']);
    if (headers[':protocol'] !== 'websocket' || path.endsWith('/refuse')) {
      stream.respond({ ':status': 403 });
      stream.end('no');
      return;
    }
    stream.respond({ ':status': 200, ...(path.endsWith('/chat') && { 'sec-websocket-protocol': 'chat' }) });
    serve(stream);
  });
  return server;
}
