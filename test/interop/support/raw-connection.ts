import { connect, type Socket } from 'node:net';

/** A bare TCP connection: sends bytes, collects what comes back. */
export class RawConnection {
  #socket: Socket;
  #received = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake?.();
    });
    socket.on('error', () => {}); // A reset is a close.
    socket.on('close', () => {
      this.#closed = true;
      this.#wake?.();
    });
  }

  static open(port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new RawConnection(socket)));
      socket.once('error', reject);
    });
  }

  send(bytes: Buffer | string): void {
    this.#socket.write(bytes);
  }

  /** Waits for that many bytes and takes them. */
  async take(count: number, timeoutMs = 3_000): Promise<Buffer> {
    await this.#until(() => this.#received.length >= count, `${count} bytes`, timeoutMs);
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  /** Waits until the other side has closed; answers with what it sent before. */
  async closed(timeoutMs = 3_000): Promise<Buffer> {
    await this.#until(() => this.#closed, 'a close', timeoutMs);
    return this.#received;
  }

  /** Sends no more, and goes on receiving. */
  finish(): void {
    this.#socket.end();
  }

  end(): void {
    this.#socket.destroy();
  }

  async #until(reached: () => boolean, what: string, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!reached()) {
      const left = deadline - Date.now();
      if (left <= 0 || (this.#closed && !reached()))
        throw new Error(
          `waited for ${what}, got ${this.#received.toString('hex')}${this.#closed ? ', then a close' : ''}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
