import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** How a connection breaks: in order, or by a reset. */
export type Break = 'close' | 'reset';

/** Stands before a server and passes everything on, until it is told to break answers off. */
export class BreakingRelay {
  #server: Server;
  #sockets = new Set<Socket>();
  #target: number;
  #break: { how: Break; afterBytes: number } | undefined;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((client) => this.#relay(client));
  }

  static async start(targetPort: number): Promise<BreakingRelay> {
    const relay = new BreakingRelay(targetPort);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on a connection breaks when that many bytes of answers have passed, counted from here. */
  breakAnswers(how: Break, afterBytes: number): void {
    this.#break = { how, afterBytes };
  }

  mend(): void {
    this.#break = undefined;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #relay(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => {}); // A reset; `close` follows.
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    client.on('data', (bytes) => server.write(bytes));
    server.on('data', (bytes: Buffer) => {
      if (this.#break === undefined) client.write(bytes);
      else if (bytes.length <= this.#break.afterBytes) {
        this.#break.afterBytes -= bytes.length;
        client.write(bytes);
      } else {
        const { how, afterBytes } = this.#break;
        server.pause(); // It is closed when the client's side is.
        // A reset may overtake what was written just before; it is given the time to arrive.
        client.write(bytes.subarray(0, afterBytes), () => {
          if (how === 'close') client.destroySoon();
          else setTimeout(() => client.resetAndDestroy(), 50);
        });
      }
    });
  }
}
