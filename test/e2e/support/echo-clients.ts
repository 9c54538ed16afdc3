import { connect } from 'node:net';

/** A connection to an echo server that says a word and waits for it. */
export class EchoClient {
  readonly #socket;
  readonly #ended: Promise<false>;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1').on('error', () => {});
    this.#ended = new Promise((resolve) => this.#socket.on('close', () => resolve(false)));
  }

  /** False when the connection ends instead. */
  isServed(): Promise<boolean> {
    const answered = new Promise<true>((resolve) => this.#socket.once('data', () => resolve(true)));
    this.#socket.write('word');
    return Promise.race([answered, this.#ended]);
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    await this.#ended;
  }
}

/** Many connections, of which a proxy may serve only some. */
export class EchoClients {
  readonly #all = new Set<EchoClient>();

  connect(port: number, count: number): readonly EchoClient[] {
    const made = Array.from({ length: count }, () => new EchoClient(port));
    for (const client of made) this.#all.add(client);
    return made;
  }

  /** Those that get an answer. */
  async served(of: readonly EchoClient[]): Promise<readonly EchoClient[]> {
    const answers = await Promise.all(of.map((client) => client.isServed()));
    return of.filter((_client, index) => answers[index]);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((client) => client.close()));
  }
}
