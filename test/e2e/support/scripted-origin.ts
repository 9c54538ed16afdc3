import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export interface OriginRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** Requests on its connection so far, itself included. */
  readonly count: number;
}

/** What the origin does with a request, once it is whole; or with its head alone, when {@link ScriptedOrigin} is told so. */
export type Script = (request: OriginRequest, socket: Socket) => void;

/** An HTTP/1.1 server on bare sockets that answers by script, right or wrong. */
export class ScriptedOrigin {
  readonly port: number;
  /** Bodies of the requests that came whole, by method. */
  readonly bodies: string[] = [];
  connections = 0;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = (server.address() as AddressInfo).port;
  }

  /** `headOnly`: paths whose requests are answered as soon as their head is there, and not read on. */
  static async start(script: Script, headOnly: ReadonlySet<string> = new Set()): Promise<ScriptedOrigin> {
    const sockets = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = new ScriptedOrigin(server, sockets);
    server.on('connection', (socket) => {
      origin.connections++;
      // Else a second piece waits until the first is acknowledged, perhaps behind the next request.
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => {});
      socket.on('end', () => socket.end());
      origin.#serve(socket, script, headOnly);
    });
    return origin;
  }

  #serve(socket: Socket, script: Script, headOnly: ReadonlySet<string>): void {
    let received = '';
    let count = 0;
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      for (;;) {
        const headEnd = received.indexOf('\r\n\r\n');
        if (headEnd < 0) return;
        const [method = '', path = ''] = received.slice(0, received.indexOf('\r\n')).split(' ');
        if (headOnly.has(path)) {
          socket.pause();
          script({ method, path, body: '', count: ++count }, socket);
          return;
        }
        const length = Number(/^content-length: *(\d+)/im.exec(received.slice(0, headEnd))?.[1] ?? 0);
        const end = headEnd + 4 + length;
        if (received.length < end) return;
        const body = received.slice(headEnd + 4, end);
        received = received.slice(end);
        this.bodies.push(`${method} ${body}`);
        script({ method, path, body, count: ++count }, socket);
      }
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}

export function answer(socket: Socket, body: string, head = 'HTTP/1.1 200 OK'): void {
  socket.write(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}
