import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type Random, randomInteger } from '@sofamesh/base/random';
import { FrameReader, type RpcWire, tokenOf } from '../../sim/support/rpc-wire.ts';

/** Out of a thousand calls. What is left is answered at once or within a few milliseconds. */
export interface Troubles {
  readonly slow?: number;
  /** Never answered. */
  readonly drop?: number;
  readonly twice?: number;
  /** Answered under an id that nobody gave out, and then under its own. */
  readonly stray?: number;
  /** The connection is reset, with all calls that are on it. */
  readonly reset?: number;
}

const slowMs = 250;
const quickMsMax = 15;

/** A server that echoes tokens, out of order, and does wrong as often as it is told. */
export class TokenServer {
  troubles: Troubles;
  /** Calls by token, one-way ones too. */
  readonly seen = new Map<string, number>();
  readonly #wire: RpcWire;
  readonly #random: Random;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #server: Server | undefined = undefined;
  #port = 0;

  constructor(wire: RpcWire, random: Random, troubles: Troubles = {}) {
    this.#wire = wire;
    this.#random = random;
    this.troubles = troubles;
  }

  get port(): number {
    return this.#port;
  }

  /** At the port that it had before, if it had one. */
  async start(): Promise<void> {
    this.#server = createServer((socket) => this.#serve(socket));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Resets its connections. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await new Promise((resolve) => this.#server!.close(resolve));
  }

  #serve(socket: Socket): void {
    const reader = new FrameReader(this.#wire, (frame) => this.#onFrame(socket, Buffer.from(frame)));
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #onFrame(socket: Socket, frame: Buffer): void {
    const wire = this.#wire;
    const kind = wire.kindOf(frame);
    if (kind === 'heartbeat') socket.write(wire.heartbeats!.answer(frame));
    if (kind !== 'call' && kind !== 'one-way') return;
    const token = tokenOf(frame)!;
    this.seen.set(token, (this.seen.get(token) ?? 0) + 1);
    if (kind === 'one-way') return;
    const answer = wire.answer(frame, token, false, randomInteger(this.#random, 2000));
    const { slow = 0, drop = 0, twice = 0, stray = 0, reset = 0 } = this.troubles;
    let left = randomInteger(this.#random, 1000);
    if ((left -= slow) < 0) this.#after(slowMs, () => socket.write(answer));
    else if ((left -= drop) < 0) return;
    else if ((left -= reset) < 0) socket.resetAndDestroy();
    else if ((left -= twice) < 0) {
      socket.write(answer);
      this.#after(randomInteger(this.#random, quickMsMax), () => socket.write(answer));
    } else if ((left -= stray) < 0) {
      socket.write(wire.strayed(answer, randomInteger(this.#random, 10)));
      this.#after(randomInteger(this.#random, quickMsMax), () => socket.write(answer));
    } else this.#after(randomInteger(this.#random, quickMsMax), () => socket.write(answer));
  }

  #after(delayMs: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, delayMs);
    this.#timers.add(timer);
  }
}

interface Waiting {
  readonly token: string;
  readonly ended: (ending: Ending) => void;
}

/** An answer with the call's own token, or the protocol's own error without one. */
export type Ending = 'answer' | 'error';

/** One connection of a client, which looks closely at all that it gets. */
export class TokenClient {
  /** What must not have happened. */
  readonly violations: string[] = [];
  readonly counts = { answer: 0, error: 0 };
  readonly #wire: RpcWire;
  readonly #name: string;
  readonly #socket: Socket;
  readonly #waiting = new Map<string, Waiting>();
  #calls = 0;
  #leaving = false;

  constructor(wire: RpcWire, name: string, socket: Socket) {
    this.#wire = wire;
    this.#name = name;
    this.#socket = socket;
    const reader = new FrameReader(wire, (frame) => this.#onFrame(frame));
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        this.violations.push(`${name} got what is no frame: ${error}`);
        socket.destroy();
      }
    });
    socket.on('close', () => {
      if (!this.#leaving) this.violations.push(`the connection of ${name} ended under ${this.#waiting.size} calls`);
      for (const { ended } of this.#waiting.values()) ended('error');
      this.#waiting.clear();
    });
  }

  static async connect(wire: RpcWire, name: string, port: number): Promise<TokenClient> {
    const socket = connect(port, '127.0.0.1');
    const client = new TokenClient(wire, name, socket);
    await once(socket, 'connect');
    return client;
  }

  /** `id` must be free. */
  call(id: number, bytes = 0): Promise<Ending> {
    const token = this.#nextToken();
    const frame = this.#wire.call({ id, token, bytes, oneWay: false, timeoutMs: 0 });
    return new Promise((resolve) => {
      this.#waiting.set(this.#wire.idOf(frame), { token, ended: resolve });
      this.#socket.write(frame);
    });
  }

  /** Returns its token. */
  callOneWay(id: number): string {
    const token = this.#nextToken();
    this.#socket.write(this.#wire.call({ id, token, bytes: 0, oneWay: true, timeoutMs: 0 }));
    return token;
  }

  close(): void {
    this.#leaving = true;
    this.#socket.destroy();
  }

  #nextToken(): string {
    return `<t${this.#name}-${++this.#calls}>`;
  }

  #onFrame(frame: Buffer): void {
    const wire = this.#wire;
    const id = wire.idOf(frame);
    const token = tokenOf(frame);
    const waiting = this.#waiting.get(id);
    if (wire.kindOf(frame) !== 'answer' || waiting === undefined) {
      this.violations.push(`${this.#name} got ${wire.kindOf(frame)} ${token} under id ${id}, where nothing waits`);
      return;
    }
    this.#waiting.delete(id);
    if (token !== undefined && token !== waiting.token)
      this.violations.push(`${this.#name} got the answer of ${token} to ${waiting.token}`);
    const fault = token === undefined ? wire.faultOfError(frame) : undefined;
    if (fault !== undefined) this.violations.push(`${this.#name}: ${fault}`);
    const ending = token === undefined ? 'error' : 'answer';
    this.counts[ending]++;
    waiting.ended(ending);
  }
}
