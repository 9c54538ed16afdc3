import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const echo: Answer = (request, response) => {
  response.end(`${request.method} ${request.url}`);
};

/** An HTTP server of the test's own process. */
export class Origin {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** Answers with 200 and `METHOD PATH` unless told otherwise. */
  static async start(answer: Answer = echo, port = 0): Promise<Origin> {
    const server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return new Origin(server);
  }

  /** Open connections are cut. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
