import type {
  CloseCause,
  Connection,
  DialOptions,
  Listener,
  ListenOptions,
  ServerTls,
} from '@sofamesh/contract/transport';
import { Recorder } from './recorder.ts';
import type { TransportWorld } from './world.ts';

/** Generous: a busy machine, not the code, decides how long a handshake takes. */
const connectTimeoutMs = 20_000;

/** A listener and everybody who meets there, each with a recorder. */
export class Meeting {
  readonly world: TransportWorld;
  readonly listener: Listener;
  /** Accepted connections, in their order. */
  readonly accepted: Recorder[];
  readonly dialled: Recorder[] = [];
  /** How accepted connections ended whose handshake came to nothing. */
  readonly tlsFailures: readonly CloseCause[];

  private constructor(
    world: TransportWorld,
    listener: Listener,
    accepted: Recorder[],
    tlsFailures: readonly CloseCause[],
  ) {
    this.world = world;
    this.listener = listener;
    this.accepted = accepted;
    this.tlsFailures = tlsFailures;
  }

  /**
   * `prepare` may change an accepted end before anything arrives. In a world with TLS every accepted connection starts it
   * at once, and is among the `accepted` when it stands.
   */
  static async open(
    world: TransportWorld,
    options: Partial<ListenOptions> = {},
    prepare: (server: Recorder, connection: Connection) => void = () => {},
  ): Promise<Meeting> {
    const accepted: Recorder[] = [];
    const tlsFailures: CloseCause[] = [];
    const stands = (connection: Connection) => {
      const server = new Recorder();
      server.connection = connection;
      accepted.push(server);
      connection.setHandler(server);
      prepare(server, connection);
    };
    const listener = await world.listening.listen({ address: world.freshAddress(), ...options }, (connection) => {
      if (world.tls === undefined) stands(connection);
      else secure(connection, world.tls.server, stands, (cause) => tlsFailures.push(cause));
    });
    return new Meeting(world, listener, accepted, tlsFailures);
  }

  /** Dials; does not wait. */
  dial(options: Partial<DialOptions> = {}, client = new Recorder()): Recorder {
    const tls = this.world.tls === undefined ? {} : { tls: this.world.tls.client };
    const dialOptions = { address: this.listener.address, connectTimeoutMs, ...tls, ...options };
    client.connection = this.world.dialling.dial(dialOptions, client);
    this.dialled.push(client);
    return client;
  }

  /** Dials and waits until both ends know of each other. */
  async connect(options: Partial<DialOptions> = {}): Promise<{ client: Recorder; server: Recorder }> {
    const at = this.accepted.length;
    const client = this.dial(options);
    const both = () => client.count('connect') === 1 && this.accepted.length > at;
    await this.world.until(() => client.closed || both(), 'a connection');
    if (client.cause !== undefined) throw new Error(`not connected: ${client.cause.kind} ${client.cause.reason}`);
    return { client, server: this.accepted[at]! };
  }

  async allClosed(): Promise<void> {
    await this.world.until(() => this.#all.every((end) => end.closed), 'everything to be closed');
  }

  /** Closes everything and looks whether every end was treated well. */
  async finish(): Promise<void> {
    await this.listener.close();
    for (const end of this.#all) end.connection.close('now');
    await this.allClosed();
    await this.world.settle();
    for (const end of this.#all) end.check();
  }

  /** Closes everything without a look, so that a test that failed leaves nothing open. */
  abandon(): void {
    void this.listener.close();
    for (const end of this.#all) end.connection.close('now');
  }

  get #all(): Recorder[] {
    return [...this.dialled, ...this.accepted];
  }
}

/** Starts TLS on an accepted connection; `stands` sets its handler. */
export function secure(
  connection: Connection,
  tls: ServerTls,
  stands: (connection: Connection) => void,
  failed: (cause: CloseCause) => void,
): void {
  connection.setHandler({
    onBytes() {
      throw new Error('bytes before the handshake was done');
    },
    onEnd() {},
    onClose: failed,
  });
  connection.startTls(tls, Buffer.alloc(0), () => stands(connection));
}

/** The longest pattern of each seed so far, of which shorter ones are the beginning: making one takes longer than copying. */
const patterns = new Map<number, Uint32Array<ArrayBuffer>>();

/** Bytes that tell where they are from: no part of them looks like another part. Every call has memory of its own. */
export function pattern(bytes: number, seed = 1): Buffer {
  let words = patterns.get(seed);
  if (words === undefined || words.byteLength < bytes) {
    words = patternWords(Math.ceil(bytes / 4), seed);
    patterns.set(seed, words);
  }
  return Buffer.from(words.buffer.slice(0, bytes));
}

function patternWords(count: number, seed: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(count);
  let state = seed >>> 0 || 1;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return words;
}
