import type { IpAddress } from '@sofamesh/base/address';
import { randomInteger } from '@sofamesh/base/random';
import type { Connection, ConnectionHandler, Listener } from '@sofamesh/contract/transport';
import { between, garbage, oneIn, oneOf, pieces, weighted } from './chance.ts';
import { goodAnswer, goodRequests, mutated } from './hostile-bytes.ts';
import { SlowWriter } from './slow-writer.ts';
import type { SimProtocol } from './wires.ts';
import type { SimWorld } from './world.ts';

const connectTimeoutMs = 500;

/** A client that sends what it likes and then, more often than not, just stays: the proxy has to get rid of it. */
export class HostileClient implements ConnectionHandler {
  gone = false;
  readonly #connection: Connection;

  constructor(world: SimWorld, ip: string, target: IpAddress, protocol: SimProtocol) {
    const { random, network, clock } = world;
    this.#connection = network.machine(ip).dial({ address: target, connectTimeoutMs }, this);
    const writer = new SlowWriter(clock, this.#connection);
    const bytes = oneIn(random, 5) ? garbage(random) : mutated(random, goodRequests(random, protocol));
    for (const piece of pieces(random, bytes)) writer.write(piece, oneIn(random, 2) ? 0 : between(random, 0, 30));
    const parting = weighted(random, { stay: 5, end: 2, reset: 1, leave: 1, deaf: 1 });
    if (parting === 'deaf') this.#connection.pauseReading();
    writer.act(
      () => {
        if (parting === 'end') this.#connection.end();
        else if (parting === 'reset') this.#connection.close('reset');
        else if (parting === 'leave') this.#connection.close('now');
      },
      between(random, 0, 50),
    );
    if (parting === 'deaf') clock.after(2000, () => this.#connection.resumeReading());
  }

  onBytes(): void {}

  onEnd(): void {
    this.#connection.close('flush');
  }

  onClose(): void {
    this.gone = true;
  }
}

/** A client that sends a request as it should be, to a server that is none: it must get something, or be let go. */
export class PlainCaller implements ConnectionHandler {
  heard = false;
  readonly #connection: Connection;

  constructor(world: SimWorld, ip: string, target: IpAddress, protocol: SimProtocol) {
    this.#connection = world.network.machine(ip).dial({ address: target, connectTimeoutMs }, this);
    this.#connection.write(goodRequests(world.random, protocol));
  }

  close(): void {
    this.#connection.close('now');
  }

  onBytes(): void {
    this.heard = true;
  }

  onEnd(): void {
    this.#connection.close('flush');
  }

  onClose(): void {
    this.heard = true;
  }
}

/** A server that says what it likes: answers with mistakes in them, floods, or nothing. */
export class HostileServer {
  readonly #world: SimWorld;
  readonly #address: IpAddress;
  readonly #protocol: SimProtocol;
  #listener: Listener | undefined = undefined;

  constructor(world: SimWorld, address: IpAddress, protocol: SimProtocol) {
    this.#world = world;
    this.#address = address;
    this.#protocol = protocol;
  }

  async start(): Promise<void> {
    const { network, random } = this.#world;
    const machine = network.machine(this.#address.host);
    this.#listener = await machine.listen({ address: this.#address }, (connection) => {
      const writer = new SlowWriter(this.#world.clock, connection);
      connection.setHandler({
        onBytes: (chunk) => this.#answer(chunk, connection, writer),
        onEnd: () => connection.close('flush'),
        onClose: () => writer.stop(),
      });
      // It speaks before it is asked.
      if (oneIn(random, 8)) writer.write(mutated(random, goodAnswer(random, this.#protocol, Buffer.alloc(0))));
    });
  }

  stop(): void {
    void this.#listener?.close();
  }

  #answer(request: Buffer, connection: Connection, writer: SlowWriter): void {
    const { random } = this.#world;
    const good = goodAnswer(random, this.#protocol, request);
    const deed = weighted(random, { mutated: 8, good: 2, garbage: 2, silent: 1, flood: 1, many: 1 });
    if (deed === 'silent') return;
    if (deed === 'flood') writer.write(Buffer.alloc(200_000, oneOf(random, ['\0', '\r\n', 'HTTP/1.1 ', good])));
    else if (deed === 'many') writer.write(Buffer.concat(Array.from({ length: 200 }, () => good)));
    else {
      const bytes = deed === 'good' ? good : deed === 'garbage' ? garbage(random) : mutated(random, good);
      for (const piece of pieces(random, bytes)) writer.write(piece, oneIn(random, 2) ? 0 : between(random, 0, 20));
    }
    if (oneIn(random, 4))
      writer.act(() => connection.close(oneOf(random, ['flush', 'now', 'reset'])), randomInteger(random, 20));
  }
}
