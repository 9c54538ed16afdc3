import type { IpAddress } from '@sofamesh/base/address';
import { randomInteger } from '@sofamesh/base/random';
import type { CloseCause, Connection, ConnectionHandler, Listener } from '@sofamesh/contract/transport';
import { type Direction, type Talk, talkNumber } from './byte-talk.ts';
import { between, oneIn } from './chance.ts';
import { SlowWriter } from './slow-writer.ts';
import type { SimWorld } from './world.ts';

const connectTimeoutMs = 500;

/** One end of a talk: says its bytes in pieces, hears those of the other, and may break off in the middle. */
class BytePeer implements ConnectionHandler {
  closed = false;
  readonly #world: SimWorld;
  readonly #breaks: boolean;
  #connection: Connection | undefined = undefined;
  #writer: SlowWriter | undefined = undefined;
  #talk: Talk | undefined = undefined;
  #outgoing: Direction | undefined = undefined;
  #incoming: Direction | undefined = undefined;

  constructor(world: SimWorld, breaks: boolean) {
    this.#world = world;
    this.#breaks = breaks;
  }

  /** It knows whom it talks to. */
  get spoken(): boolean {
    return this.#talk !== undefined;
  }

  connect(connection: Connection): void {
    this.#connection = connection;
    this.#writer = new SlowWriter(this.#world.clock, connection);
  }

  speak(talk: Talk, outgoing: Direction, incoming: Direction): void {
    const { random } = this.#world;
    this.#talk = talk;
    this.#outgoing = outgoing;
    this.#incoming = incoming;
    if (this.#breaks && oneIn(random, 4)) {
      const how = oneIn(random, 2) ? 'reset' : 'now';
      this.#world.note(`${talk}: the one who says ${outgoing.number} will break off: ${how}`);
      this.#world.clock.after(between(random, 0, 100), () => {
        outgoing.left = how === 'now';
        this.close(how);
      });
    }
    if (oneIn(random, 6)) {
      this.#connection!.pauseReading();
      this.#world.clock.after(between(random, 0, 100), () => this.#connection!.resumeReading());
    }
    const pieceBytesMax = 1 + randomInteger(random, oneIn(random, 4) ? 20_000 : 500);
    let left = outgoing.totalBytes;
    // A few pieces that one can see, and the rest in larger ones.
    for (let pieces = 0; left > 0; pieces++) {
      const bytes = pieces > 30 ? left : Math.min(left, 1 + randomInteger(random, pieceBytesMax));
      left -= bytes;
      const pauseMs = oneIn(random, 3) ? between(random, 0, 8) : 0;
      this.#writer!.act(() => this.#connection!.write(outgoing.take(bytes)), pauseMs);
    }
    this.#writer!.act(
      () => {
        outgoing.ended = true;
        this.#connection!.end();
        this.#leaveIfDone();
      },
      oneIn(random, 2) ? 0 : between(random, 0, 60),
    );
  }

  toString(): string {
    const [said, heard] = [this.#outgoing, this.#incoming];
    if (said === undefined || heard === undefined) return 'a server that nobody spoke to';
    const heardOf = `${heard.receivedBytes} of ${heard.sentBytes} bytes of ${heard.number}`;
    return `${this.#talk}: said ${said.sentBytes} of ${said.totalBytes}, ended ${said.ended}; heard ${heardOf}, end ${heard.sawEnd}`;
  }

  close(how: 'flush' | 'now' | 'reset'): void {
    this.#writer?.stop();
    this.#connection?.close(how);
  }

  onBytes(chunk: Buffer): void {
    if (this.#talk !== undefined) this.#talk.receive(this.#incoming!, chunk);
  }

  onEnd(): void {
    if (this.#talk === undefined) {
      this.close('flush');
      return;
    }
    this.#talk.end(this.#incoming!);
    // Nobody was there.
    if (this.#talk.arrivals === 0) this.close('now');
    else this.#leaveIfDone();
  }

  onClose(_cause: CloseCause): void {
    this.closed = true;
    this.#writer?.stop();
  }

  #leaveIfDone(): void {
    if (this.#outgoing!.ended && this.#incoming!.sawEnd) this.close('flush');
  }
}

export class ByteClient extends BytePeer {
  constructor(world: SimWorld, ip: string, target: IpAddress, talk: Talk, breaks: boolean) {
    super(world, breaks);
    this.connect(world.network.machine(ip).dial({ address: target, connectTimeoutMs }, this));
    this.speak(talk, talk.asked, talk.answered);
  }
}

/** Answers every talk that reaches it. */
export class ByteServer {
  readonly #world: SimWorld;
  readonly #address: IpAddress;
  readonly #talks: ReadonlyMap<number, Talk>;
  readonly #breaks: boolean;
  readonly #peers = new Set<BytePeer>();
  #listener: Listener | undefined = undefined;

  constructor(world: SimWorld, address: IpAddress, talks: ReadonlyMap<number, Talk>, breaks: boolean) {
    this.#world = world;
    this.#address = address;
    this.#talks = talks;
    this.#breaks = breaks;
  }

  async start(): Promise<void> {
    const machine = this.#world.network.machine(this.#address.host);
    this.#listener = await machine.listen({ address: this.#address }, (connection) => {
      const peer = new ArrivedPeer(this.#world, this.#breaks, (number) => this.#talks.get(number));
      this.#peers.add(peer);
      peer.connect(connection);
      connection.setHandler(peer);
    });
  }

  get peers(): readonly BytePeer[] {
    return [...this.#peers];
  }

  /** A connection that its proxy has made for somebody who has left waits for the next one. */
  get quiet(): boolean {
    return this.peers.every(({ closed, spoken }) => closed || !spoken);
  }

  close(): void {
    void this.#listener?.close();
    for (const peer of this.#peers) if (!peer.closed) peer.close('flush');
  }
}

/** One who learns from the first bytes whom it talks to. */
class ArrivedPeer extends BytePeer {
  readonly #world: SimWorld;
  readonly #find: (number: number) => Talk | undefined;
  #talk: Talk | undefined = undefined;
  #first: Buffer = Buffer.alloc(0);

  constructor(world: SimWorld, breaks: boolean, find: (number: number) => Talk | undefined) {
    super(world, breaks);
    this.#world = world;
    this.#find = find;
  }

  override onBytes(chunk: Buffer): void {
    if (this.#talk !== undefined) {
      super.onBytes(chunk);
      return;
    }
    this.#first = Buffer.concat([this.#first, chunk]);
    const number = talkNumber(this.#first);
    if (number === undefined) return;
    const talk = this.#find(number);
    if (talk === undefined || ++talk.arrivals > 1) {
      this.#world.violate(`a server is ${talk === undefined ? 'in no talk' : `the second in ${talk}`}: ${number}`);
      return;
    }
    this.#talk = talk;
    this.speak(talk, talk.answered, talk.asked);
    super.onBytes(this.#first);
  }
}
