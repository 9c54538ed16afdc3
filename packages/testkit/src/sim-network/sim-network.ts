import { isIP } from 'node:net';
import { type Address, formatAddress, type IpAddress, ipAddress } from '@sofamesh/base/address';
import { CodedError } from '@sofamesh/base/errors';
import type { ManualClock } from '@sofamesh/base/manual-clock';
import { type Random, randomInteger } from '@sofamesh/base/random';
import {
  type Connection,
  type ConnectionHandler,
  type DialOptions,
  defaultWatermarks,
  type Listener,
  type ListenOptions,
  type Transport,
} from '@sofamesh/contract/transport';
import { calmLink, type LinkFaults } from './faults.ts';
import { Lane, type LaneNetwork, type Segment } from './lane.ts';
import { SimConnection, type SimConnectionHost } from './sim-connection.ts';
import { SimDial } from './sim-dial.ts';
import { type SimCall, SimListener } from './sim-listener.ts';

export interface SimNetworkOptions {
  readonly clock: ManualClock;
  readonly random: Random;
  /** Of every link that {@link SimNetwork.setFaults} does not name. */
  readonly faults?: Partial<LinkFaults>;
  /** One line per event, the same ones for the same seed. */
  readonly onTrace?: (line: string) => void;
  /** As in `NodeTransport`. */
  readonly closeGraceMs?: number;
  readonly closeStallMs?: number;
}

/**
 * A network of machines in memory. Nothing happens but when the clock is moved, and the same seed gives the same world to
 * the last byte. Machines are named by their IP address; each has loopback addresses and Unix sockets of its own.
 */
export class SimNetwork {
  /** What handlers threw. A test of a whole world looks that it stays empty. */
  readonly handlerErrors: unknown[] = [];
  readonly #clock: ManualClock;
  readonly #random: Random;
  readonly #onTrace: (line: string) => void;
  readonly #defaultFaults: LinkFaults;
  readonly #linkFaults = new Map<string, LinkFaults>();
  readonly #cut = new Set<string>();
  readonly #heldLanes = new Set<Lane>();
  readonly #live = new Set<SimConnection>();
  readonly #machines = new Map<string, Machine>();
  readonly #host: SimConnectionHost;
  #calls = 0;

  constructor(options: SimNetworkOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#onTrace = options.onTrace ?? (() => {});
    this.#defaultFaults = { ...calmLink, ...options.faults };
    this.#host = {
      clock: options.clock,
      random: options.random,
      closeGraceMs: options.closeGraceMs ?? 1000,
      closeStallMs: options.closeStallMs ?? 5000,
      live: this.#live,
      handlerFailed: (error) => this.handlerErrors.push(error),
    };
  }

  /** The network as the machine at `ip` sees it. */
  machine(ip: string): Transport {
    let machine = this.#machines.get(ip);
    if (machine === undefined) {
      machine = new Machine(ip, this.#host, (options, handler) => this.#dial(ip, options, handler));
      this.#machines.set(ip, machine);
    }
    return machine;
  }

  /** Ends of connections that are not closed. */
  get liveConnections(): number {
    return this.#live.size;
  }

  /** How the link from one machine to another behaves from now on, one way; the rest stays as it was. */
  setFaults(from: string, to: string, faults: Partial<LinkFaults>): void {
    this.#linkFaults.set(link(from, to), { ...this.#faultsOf(from, to), ...faults });
  }

  /**
   * Nothing passes between the two groups until {@link heal}: what is under way arrives afterwards, as with TCP's
   * retransmission, unless somebody gave up.
   */
  partition(group: readonly string[], others: readonly string[]): void {
    for (const one of group) {
      for (const other of others) this.#cut.add(link(one, other)).add(link(other, one));
    }
    this.#trace(`partition ${group.join(' ')} | ${others.join(' ')}`);
  }

  /** Ends all partitions. */
  heal(): void {
    this.#cut.clear();
    this.#trace('heal');
    const held = [...this.#heldLanes];
    this.#heldLanes.clear();
    for (const lane of held) lane.release();
  }

  /** Every connection breaks now (those with an end at `ip` only, when given), and both ends see a reset. */
  resetAll(ip?: string): void {
    this.#trace(`reset ${ip ?? 'all'}`);
    for (const connection of [...this.#live]) {
      const ends = [connection.local, connection.remote].map((end) => (end.kind === 'ip' ? end.host : ''));
      if (ip === undefined || ends.includes(ip)) connection.breakLink();
    }
  }

  #dial(from: string, options: DialOptions, handler: ConnectionHandler): Connection {
    const { address } = options;
    const target = address.kind === 'pipe' || isLoopback(address.host) ? from : address.host;
    const local = this.#localEnd(from, address);
    const name = `${++this.#calls}`;
    const lanes: LaneNetwork = {
      clock: this.#clock,
      random: this.#random,
      faultsOf: (start, end) => this.#faultsOf(start, end),
      holdsBack: (lane) => this.#holdsBack(lane),
      trace: (event) => this.#trace(event),
    };
    const up = new Lane(lanes, `${name}>`, from, target);
    const down = new Lane(lanes, `${name}<`, target, from);
    const ends = { local, remote: address };
    const connection = new SimConnection(this.#host, up, options.watermarks ?? defaultWatermarks, handler, ends);
    const call: SimCall = { up, down, local: address, remote: local };
    up.receiver = ({ kind }) => {
      if (kind === 'open') this.#onOpen(call, from, target);
    };
    if (address.kind === 'ip' && isIP(address.host) === 0) {
      connection.finishLater({ kind: 'connect-failed', reason: 'EINVAL' });
    } else {
      new SimDial(lanes, options, connection, up, down);
    }
    return connection;
  }

  #onOpen(call: SimCall, from: string, target: string): void {
    const { refuseChance, silenceChance } = this.#faultsOf(from, target);
    const machine = this.#machines.get(target);
    const chance = this.#random.next();
    // Nobody has this address, so nobody says no.
    if (machine === undefined || chance < silenceChance) return;
    const listener = chance < silenceChance + refuseChance ? undefined : machine.listenerFor(call.local);
    call.up.receiver = resetBytes(call);
    if (listener === undefined) call.down.send({ kind: 'reset', reason: 'ECONNREFUSED' });
    else listener.accept(call);
  }

  #localEnd(from: string, to: Address): Address {
    if (to.kind === 'pipe') return { kind: 'pipe', path: '' };
    return ipAddress(isLoopback(to.host) ? to.host : from, 40_000 + (this.#calls % 20_000));
  }

  #faultsOf(from: string, to: string): LinkFaults {
    return this.#linkFaults.get(link(from, to)) ?? this.#defaultFaults;
  }

  #holdsBack(lane: Lane): boolean {
    if (!this.#cut.has(link(lane.from, lane.to))) return false;
    this.#heldLanes.add(lane);
    return true;
  }

  #trace(event: string): void {
    this.#onTrace(`${this.#clock.now().toFixed(3)} ${event}`);
  }
}

/** One machine: its listeners. */
class Machine implements Transport {
  readonly #ip: string;
  readonly #host: SimConnectionHost;
  readonly #dial: Transport['dial'];
  #listeners: SimListener[] = [];
  #ports = 30_000;

  constructor(ip: string, host: SimConnectionHost, dial: Transport['dial']) {
    this.#ip = ip;
    this.#host = host;
    this.#dial = dial;
  }

  async listen(options: ListenOptions, onConnection: (connection: Connection) => void): Promise<Listener> {
    const address = this.#bindable(options);
    const remove = () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
    const listener = new SimListener(this.#host, address, options, onConnection, remove);
    this.#listeners.push(listener);
    return listener;
  }

  dial(options: DialOptions, handler: ConnectionHandler): Connection {
    return this.#dial(options, handler);
  }

  /** Who accepts a connection to `address`; several that share a port take turns by chance. */
  listenerFor(address: Address): SimListener | undefined {
    const found = this.#listeners.filter((listener) => covers(listener.address, address));
    const exact = found.filter((listener) => formatAddress(listener.address) === formatAddress(address));
    const choice = exact.length > 0 ? exact : found;
    return choice[randomInteger(this.#host.random, choice.length)];
  }

  #bindable({ address: asked, reusePort }: ListenOptions): Address {
    const address = asked.kind === 'ip' && asked.port === 0 ? ipAddress(asked.host, ++this.#ports) : asked;
    const fail = (code: string): never => {
      throw new CodedError(code, `cannot listen on ${formatAddress(address)}: ${code}`);
    };
    if (address.kind === 'ip') {
      if (isIP(address.host) === 0) fail('EINVAL');
      if (!isWildcard(address) && !isLoopback(address.host) && address.host !== this.#ip) fail('EADDRNOTAVAIL');
    }
    const taken = this.#listeners.some(
      (other) =>
        (covers(other.address, address) || covers(address, other.address)) &&
        !(reusePort === true && other.options.reusePort === true),
    );
    if (taken) fail('EADDRINUSE');
    return address;
  }
}

function link(from: string, to: string): string {
  return `${from} ${to}`;
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}

function isWildcard({ host }: IpAddress): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** Whether a listener at `listening` takes connections to `address`. */
function covers(listening: Address, address: Address): boolean {
  if (listening.kind === 'pipe' || address.kind === 'pipe') return formatAddress(listening) === formatAddress(address);
  if (listening.port !== address.port) return false;
  if (listening.host === address.host) return true;
  return isWildcard(listening) && isIP(listening.host) === isIP(address.host);
}

/** What a machine answers for a connection that it does not have. */
function resetBytes({ down }: SimCall): (segment: Segment) => void {
  return ({ kind }) => {
    if (kind === 'bytes' || kind === 'hello') down.send({ kind: 'reset', reason: 'ECONNRESET' });
  };
}
