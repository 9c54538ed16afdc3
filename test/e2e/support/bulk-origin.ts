import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from 'node:http2';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { readSlowly } from './read-slowly.ts';

type BulkRequest = IncomingMessage | Http2ServerRequest;
type BulkResponse = ServerResponse | Http2ServerResponse;

const pieceBytes = 64 * 1024;
const piece = Buffer.alloc(pieceBytes, 'a');
/** So that one stream that it does not read does not use up what the connection may carry. */
const connectionWindowBytes = 8 * 1024 * 1024;

/**
 * Serves and takes large bodies, as fast as the other side lets it. `/down/BYTES` answers with as many; `/up` reads the
 * body slowly, once {@link readUploads} is called, and answers with its length; anything else is answered `ok`.
 */
export class BulkOrigin {
  readonly port: number;
  /** Octets of bodies that were handed to the system, or wait in this process to be. */
  offeredBytes = 0;
  requests = 0;
  readonly #server: Server | Http2Server;
  readonly #sockets = new Set<Socket>();
  #reading = Promise.withResolvers<void>();

  private constructor(server: Server | Http2Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('request', (request: BulkRequest, response: BulkResponse) => void this.#answer(request, response));
    server.on('session', (session: ServerHttp2Session) => {
      session.setLocalWindowSize(connectionWindowBytes);
    });
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(protocol: 'http1' | 'http2'): Promise<BulkOrigin> {
    const server = protocol === 'http1' ? createServer() : createHttp2Server();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new BulkOrigin(server);
  }

  readUploads(): void {
    this.#reading.resolve();
    this.#reading = Promise.withResolvers();
  }

  stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.once('close', resolve);
    });
    (this.#server as NetServer).close();
    for (const socket of this.#sockets) socket.destroy();
    return closed;
  }

  async #answer(request: BulkRequest, response: BulkResponse): Promise<void> {
    this.requests++;
    request.on('error', () => {});
    response.on('error', () => {});
    const [, what, bytes] = (request.url ?? '').split('/');
    if (what === 'down') {
      (response as ServerResponse).writeHead(200, { 'content-length': bytes });
      Readable.from(this.#pieces(Number(bytes))).pipe(response as ServerResponse);
    } else if (what === 'up') {
      await this.#reading.promise;
      response.end(String(await readSlowly(request).catch(() => -1)));
    } else {
      request.resume();
      response.end('ok');
    }
  }

  *#pieces(bytes: number): Generator<Buffer> {
    for (let left = bytes; left > 0; left -= pieceBytes) {
      const next = left < pieceBytes ? piece.subarray(0, left) : piece;
      this.offeredBytes += next.length;
      yield next;
    }
  }
}
