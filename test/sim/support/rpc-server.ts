import type { IpAddress } from '@sofamesh/base/address';
import { randomInteger } from '@sofamesh/base/random';
import type { Connection, ConnectionHandler, Listener } from '@sofamesh/contract/transport';
import { between, bodyBytes, garbage, oneIn, oneOf, pieces, weighted } from './chance.ts';
import type { Ledger } from './ledger.ts';
import { FrameReader, type RpcWire, tokenOf } from './rpc-wire.ts';
import { SlowWriter } from './slow-writer.ts';

export interface ServerOptions {
  readonly address: IpAddress;
  readonly misbehaves: 'no' | 'break' | 'all';
  /** What is written in one go arrives in one piece. */
  readonly unsplit: boolean;
  /** Of the deeds that cost a connection it does one in so many; default 1. */
  readonly breaksOneIn?: number;
}

const goodDeeds = { now: 50, slow: 40, failed: 8 };
const breakDeeds = { ...goodDeeds, truncated: 8, garbage: 3, reset: 4, leave: 4 };
const allDeeds = {
  ...breakDeeds,
  late: 8,
  never: 5,
  twice: 8,
  stray: 12,
  goAway: 3,
  heartbeat: 3,
  question: 2,
  deaf: 2,
};

type Deed = keyof typeof allDeeds;
const costly: ReadonlySet<Deed> = new Set(['truncated', 'garbage', 'reset', 'leave', 'goAway']);
const deedsOf: Readonly<Record<ServerOptions['misbehaves'], Readonly<Partial<Record<Deed, number>>>>> = {
  no: goodDeeds,
  break: breakDeeds,
  all: allDeeds,
};

/** A server of an RPC service: echoes tokens, out of order, and now and then does what it should not. */
export class RpcServer {
  readonly #ledger: Ledger;
  readonly #wire: RpcWire;
  readonly #options: ServerOptions;
  readonly #connections = new Set<RpcServing>();
  #listener: Listener | undefined = undefined;

  constructor(ledger: Ledger, wire: RpcWire, options: ServerOptions) {
    this.#ledger = ledger;
    this.#wire = wire;
    this.#options = options;
  }

  async start(): Promise<void> {
    const { address } = this.#options;
    const machine = this.#ledger.world.network.machine(address.host);
    this.#listener = await machine.listen({ address }, (connection) => {
      const serving: RpcServing = new RpcServing(this.#ledger, this.#wire, this.#options, connection, () =>
        this.#connections.delete(serving),
      );
      this.#connections.add(serving);
    });
  }

  /** Accepts no more; connections stay. */
  stop(): void {
    void this.#listener?.close();
  }

  close(): void {
    this.stop();
    for (const serving of this.#connections) serving.close();
  }
}

class RpcServing implements ConnectionHandler {
  readonly #ledger: Ledger;
  readonly #wire: RpcWire;
  readonly #options: ServerOptions;
  readonly #connection: Connection;
  readonly #onGone: () => void;
  readonly #name: string;
  readonly #reader: FrameReader;
  readonly #writer: SlowWriter;

  constructor(ledger: Ledger, wire: RpcWire, options: ServerOptions, connection: Connection, onGone: () => void) {
    this.#ledger = ledger;
    this.#wire = wire;
    this.#options = options;
    this.#connection = connection;
    this.#onGone = onGone;
    this.#name = `server ${options.address.host}`;
    this.#reader = new FrameReader(wire, (frame) => this.#onFrame(frame));
    this.#writer = new SlowWriter(ledger.world.clock, connection);
    connection.setHandler(this);
  }

  close(): void {
    this.#writer.stop();
    this.#connection.close('flush');
  }

  onBytes(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#ledger.world.violate(`${this.#name} got bytes that are no frame: ${error}`);
    }
  }

  onEnd(): void {
    this.#writer.stop();
    this.#connection.close('flush');
  }

  onClose(): void {
    this.#writer.stop();
    this.#onGone();
  }

  #onFrame(frame: Buffer): void {
    const wire = this.#wire;
    const { world } = this.#ledger;
    const kind = wire.kindOf(frame);
    if (kind === 'heartbeat') {
      this.#writer.write(wire.heartbeats!.answer(frame));
      return;
    }
    // The proxy answers what this server asks.
    if (kind === 'heartbeat-answer' || kind === 'answer') return;
    const call = this.#ledger.seen(tokenOf(frame), this.#name);
    if (call === undefined) return;
    if (call.request !== wire.withoutId(frame)) world.violate(`${call.token} came changed to ${this.#name}`);
    if ((kind === 'one-way') !== call.oneWay) world.violate(`${call.token} came as ${kind}`);
    // A reply to a one-way call is nonsense that must reach nobody.
    if (call.oneWay && !(this.#options.misbehaves === 'all' && oneIn(world.random, 4))) return;
    this.#answer(frame, call.token, call.answers);
  }

  #answer(request: Buffer, token: string, answers: string[]): void {
    const { misbehaves, breaksOneIn = 1 } = this.#options;
    const { world } = this.#ledger;
    const { random } = world;
    const drawn: Deed = weighted(random, deedsOf[misbehaves]);
    const deed = costly.has(drawn) && !oneIn(random, breaksOneIn) ? 'now' : drawn;
    const answer = this.#wire.answer(request, token, deed === 'failed', bodyBytes(random));
    answers.push(this.#wire.withoutId(answer));
    world.note(`${this.#name} will answer ${token}: ${deed}`);
    switch (deed) {
      case 'slow':
        this.#later(answer, between(random, 1, 80));
        return;
      case 'late':
        this.#later(answer, between(random, 300, 1500));
        return;
      case 'never':
        return;
      case 'twice':
        this.#write(answer);
        this.#later(answer, oneIn(random, 2) ? 0 : between(random, 1, 50));
        return;
      case 'stray':
        this.#write(this.#wire.strayed(answer, randomInteger(random, 10)));
        this.#later(answer, between(random, 0, 50));
        return;
      case 'truncated':
        this.#writer.write(answer.subarray(0, randomInteger(random, answer.length)));
        this.#writer.act(() => this.#connection.close(oneIn(random, 2) ? 'reset' : 'flush'), between(random, 0, 10));
        return;
      case 'garbage':
        this.#writer.write(garbage(random));
        return;
      case 'reset':
      case 'leave':
        this.#connection.close(deed === 'reset' ? 'reset' : 'now');
        return;
      case 'goAway':
        if (this.#wire.goAway !== undefined) this.#write(this.#wire.goAway());
        break;
      case 'heartbeat':
        if (this.#wire.heartbeats !== undefined) this.#write(this.#wire.heartbeats.question(7));
        break;
      case 'question':
        // Calls of a server to its client are not relayed.
        this.#write(this.#wire.call({ id: 7, token: '<q>', bytes: 10, oneWay: oneIn(random, 2), timeoutMs: 0 }));
        break;
      case 'deaf':
        this.#connection.pauseReading();
        world.clock.after(between(random, 1, 300), () => this.#connection.resumeReading());
        break;
      default:
        break;
    }
    this.#write(answer);
  }

  #later(answer: Buffer, delayMs: number): void {
    this.#ledger.world.clock.after(delayMs, () => this.#write(answer));
  }

  #write(frame: Buffer): void {
    const { random } = this.#ledger.world;
    if (!oneIn(random, 4)) this.#writer.write(frame);
    else {
      const pauseMsMax = oneOf(random, [5, 40]);
      for (const piece of pieces(random, frame)) this.#writer.write(piece, between(random, 0, pauseMsMax));
    }
  }
}
