import type { IpAddress } from '@sofamesh/base/address';
import { randomInteger } from '@sofamesh/base/random';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import { between, bodyBytes, garbage, oneIn, pieces, weighted } from './chance.ts';
import type { Call, Ledger } from './ledger.ts';
import { FrameReader, type RpcWire, tokenOf } from './rpc-wire.ts';
import { SlowWriter } from './slow-writer.ts';

export interface ClientOptions {
  readonly name: string;
  /** Machine on which it runs. */
  readonly ip: string;
  readonly target: IpAddress;
  readonly misbehaves: boolean;
}

const connectTimeoutMs = 500;

/** A client of an RPC service: one connection, many calls at a time, a new connection when the old one is gone. */
export class RpcClient {
  readonly #ledger: Ledger;
  readonly #wire: RpcWire;
  readonly #options: ClientOptions;
  #link: RpcLink | undefined = undefined;

  constructor(ledger: Ledger, wire: RpcWire, options: ClientOptions) {
    this.#ledger = ledger;
    this.#wire = wire;
    this.#options = options;
  }

  /** Makes one call, or does something that a client should not do. */
  act(): void {
    const { random } = this.#ledger.world;
    const link = this.#usableLink();
    if (this.#options.misbehaves && oneIn(random, 6)) link.misbehave();
    else if (this.#wire.heartbeats !== undefined && oneIn(random, 15)) link.heartbeat();
    else link.call();
  }

  close(): void {
    this.#link?.close();
  }

  #usableLink(): RpcLink {
    if (this.#link?.usable !== true) this.#link = new RpcLink(this.#ledger, this.#wire, this.#options);
    return this.#link;
  }
}

/** One connection of a client, and the calls that wait for an answer on it. */
class RpcLink implements ConnectionHandler {
  usable = true;
  readonly #ledger: Ledger;
  readonly #wire: RpcWire;
  readonly #name: string;
  readonly #connection: Connection;
  readonly #reader: FrameReader;
  readonly #writer: SlowWriter;
  readonly #waiting = new Map<string, Call>();
  readonly #heartbeats = new Set<string>();
  /** Every client counts from 1: what they use collides. */
  #lastId = 0;
  /** This side did something after which the connection may be closed. */
  #harmed = false;
  #closed = false;

  constructor(ledger: Ledger, wire: RpcWire, { name, ip, target }: ClientOptions) {
    const { clock, network } = ledger.world;
    this.#ledger = ledger;
    this.#wire = wire;
    this.#name = name;
    this.#reader = new FrameReader(wire, (frame) => this.#onFrame(frame));
    this.#connection = network.machine(ip).dial({ address: target, connectTimeoutMs }, this);
    this.#writer = new SlowWriter(clock, this.#connection);
  }

  call(): void {
    const { random } = this.#ledger.world;
    const call = this.#ledger.begin(this.#name, oneIn(random, 8));
    const id = this.#freeId(call.oneWay);
    const timeoutMs = oneIn(random, 4) && this.#ledger.promises.timeoutsAllowed ? 150 + randomInteger(random, 1000) : 0;
    const frame = this.#wire.call({ id, token: call.token, bytes: bodyBytes(random), oneWay: call.oneWay, timeoutMs });
    call.request = this.#wire.withoutId(frame);
    if (!call.oneWay) this.#waiting.set(this.#wire.idOf(frame), call);
    if (oneIn(random, 3)) this.#writeSlowly(frame);
    else this.#writer.write(frame);
    if (call.oneWay) this.#ledger.end(call, 'sent', 'nothing is expected');
  }

  heartbeat(): void {
    const frame = this.#wire.heartbeats!.question(this.#freeId(true));
    this.#heartbeats.add(this.#wire.idOf(frame));
    this.#writer.write(frame);
  }

  misbehave(): void {
    const { world } = this.#ledger;
    const { random, clock } = world;
    const deed = weighted(random, { reset: 2, leave: 2, halfClose: 2, garbage: 2, truncate: 2, giveUp: 3, deaf: 3 });
    world.note(`${this.#name} misbehaves: ${deed}`);
    switch (deed) {
      case 'reset':
      case 'leave':
        this.#leave(() => this.#connection.close(deed === 'reset' ? 'reset' : 'now'));
        return;
      case 'halfClose':
        // What was sent before is still answered.
        this.usable = false;
        this.#writer.act(() => this.#connection.end());
        return;
      case 'garbage':
        this.#leave(() => this.#connection.write(garbage(random)));
        return;
      case 'truncate': {
        const frame = this.#wire.call({ id: 1, token: '<none>', bytes: 300, oneWay: false, timeoutMs: 0 });
        this.#leave(() => {
          this.#connection.write(frame.subarray(0, 1 + randomInteger(random, frame.length - 1)));
          this.#connection.end();
        });
        return;
      }
      case 'giveUp': {
        const call = [...this.#waiting.values()].find(({ ending }) => ending === undefined);
        if (call !== undefined) this.#ledger.end(call, 'given-up', 'the client does not wait any longer');
        return;
      }
      case 'deaf':
        this.#connection.pauseReading();
        clock.after(between(random, 1, 200), () => this.#connection.resumeReading());
    }
  }

  close(): void {
    this.usable = false;
    this.#harmed = true;
    this.#writer.act(() => this.#connection.close('flush'));
  }

  #leave(how: () => void): void {
    this.usable = false;
    this.#harmed = true;
    this.#writer.act(how);
  }

  #writeSlowly(frame: Buffer): void {
    const { random } = this.#ledger.world;
    for (const piece of pieces(random, frame)) this.#writer.write(piece, between(random, 0, 15));
  }

  /** A low one again as soon as it is free; those of one-way calls are never used twice. */
  #freeId(once: boolean): number {
    const { random } = this.#ledger.world;
    if (once) return 1_000_000 + ++this.#lastId;
    for (;;) {
      const id = oneIn(random, 2) ? 1 + randomInteger(random, 8) : ++this.#lastId;
      const frame = this.#wire.call({ id, token: '', bytes: 0, oneWay: false, timeoutMs: 0 });
      if (!this.#waiting.has(this.#wire.idOf(frame))) return id;
    }
  }

  // ── of the connection ─────────────────────────────────────────────────────────────────────────────────────────

  onBytes(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.#ledger.world.violate(`${this.#name} got bytes that are no frame: ${error}`);
    }
  }

  onEnd(): void {
    const { heldBytes } = this.#reader;
    this.#gone(heldBytes > 0 ? `the end came ${heldBytes} bytes into a frame` : 'the server ended the connection');
    this.#writer.stop();
    this.#connection.close('flush');
  }

  onClose(cause: CloseCause): void {
    this.#closed = true;
    this.#writer.stop();
    this.#gone(`${cause.kind} ${cause.reason}`);
  }

  #gone(why: string): void {
    this.usable = false;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const call of waiting) {
      if (call.ending === undefined) this.#ledger.end(call, 'break', why, this.#harmed);
    }
  }

  // ── frames ────────────────────────────────────────────────────────────────────────────────────────────────────

  #onFrame(frame: Buffer): void {
    const wire = this.#wire;
    const { world } = this.#ledger;
    const kind = wire.kindOf(frame);
    const id = wire.idOf(frame);
    switch (kind) {
      case 'go-away':
        world.note(`${this.#name} is asked to go`);
        this.usable = false;
        return;
      case 'heartbeat-answer':
        if (!this.#heartbeats.delete(id)) world.violate(`${this.#name} got an answer to a heartbeat it did not send`);
        return;
      case 'answer':
        this.#onAnswer(id, frame);
        return;
      default:
        world.violate(`${this.#name} got a frame of kind ${kind}`);
    }
  }

  #onAnswer(id: string, frame: Buffer): void {
    const { world } = this.#ledger;
    const call = this.#waiting.get(id);
    const token = tokenOf(frame);
    if (call === undefined) {
      world.violate(`${this.#name} got an answer (${token ?? 'an error'}) to id ${id}, under which nothing waits`);
      return;
    }
    this.#waiting.delete(id);
    if (token !== undefined && token !== call.token) {
      world.violate(`${this.#name} got the answer of ${token} to ${call.token}`);
    } else if (token !== undefined && !call.answers.includes(this.#wire.withoutId(frame))) {
      world.violate(`${call.token} got an answer that no server gave`);
    }
    const fault = token === undefined ? this.#wire.faultOfError(frame) : undefined;
    if (fault !== undefined) world.violate(`${call.token}: ${fault}`);
    if (call.ending !== 'given-up') this.#ledger.end(call, token === undefined ? 'error' : 'answer', `id ${id}`);
    if (this.#closed) world.violate(`${call.token} was answered after its connection had closed`);
  }
}
