import { formatAddress, ipAddress } from '@sofamesh/base/address';
import { silentLogger } from '@sofamesh/base/logger';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { SeededRandom } from '@sofamesh/base/random';
import { TimerWheel } from '@sofamesh/base/timer-wheel';
import type { LogRecord } from '@sofamesh/contract/access-log';
import type { Balancer, BalancerKind, Host, PickContext } from '@sofamesh/contract/balancer';
import type { FilterKind } from '@sofamesh/contract/filter';
import { formatResponseFlags } from '@sofamesh/contract/message';
import type { NetworkFilterKind } from '@sofamesh/contract/network-filter';
import type { Protocol } from '@sofamesh/contract/protocol';
import type { SpanFormat, SpanFormatName, SpanRecord } from '@sofamesh/contract/trace';
import type { CloseCause, Connection, ConnectionHandler } from '@sofamesh/contract/transport';
import { lineProtocol } from '@sofamesh/testkit/line-protocol';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import type { ConfigUpdate } from '../config/update.ts';
import { Engine } from '../engine.ts';
import type { PreparedUpdate, Rejection } from '../engine-api.ts';
import { MemoryDatagrams } from './memory-datagrams.ts';
import { MemoryNetwork } from './memory-network.ts';

/** One line of the access log, as text. */
export function logLine(record: LogRecord): string {
  const { status, details, attempts, upstreamHost } = record;
  return [status, formatResponseFlags(record.flags), details, attempts, upstreamHost || '-'].join(' ');
}

/** A few operators of formats, as `replace` wants them. */
function operatorOf(record: LogRecord): (text: string, operator: string, argument: string) => string {
  return (text, operator, argument) => {
    switch (operator) {
      case 'ROUTE_NAME':
        return record.routeName;
      case 'RESPONSE_CODE':
        return String(record.status);
      case 'RESPONSE_CODE_DETAILS':
        return record.details;
      case 'RESP':
        return record.response?.get(argument) ?? '-';
      default:
        return text;
    }
  };
}

class InTurn implements Balancer {
  #hosts: readonly Host[] = [];
  #next = 0;

  update(hosts: readonly Host[]): void {
    this.#hosts = hosts;
  }

  pick({ avoid }: PickContext): Host | undefined {
    const hosts = this.#hosts;
    for (let tries = 0; tries < hosts.length; tries++) {
      const host = hosts[this.#next++ % hosts.length];
      if (host !== avoid || hosts.length === 1) return host;
    }
    return hosts[0];
  }
}

const balancer: BalancerKind = { name: 'in_turn', create: () => new InTurn() };

/** What the terminal filter of these tests is called; it forwards. */
export const routerKind: FilterKind = {
  name: 'router',
  terminal: true,
  prepare: () => () => ({
    onRequestHead(_head, exchange) {
      exchange.forward();
      return undefined;
    },
  }),
};

/** An engine with clients and upstreams in memory: nothing moves but what a test lets move. */
export class EngineWorld {
  readonly clock = new ManualClock();
  readonly random: SeededRandom;
  readonly network: MemoryNetwork;
  readonly datagrams = new MemoryDatagrams();
  readonly stats = new MemoryStats();
  readonly logs: string[] = [];
  readonly records: LogRecord[] = [];
  /** What has been put into reports, in the order of the reports. */
  readonly spans: SpanRecord[] = [];
  /** More may be added before a configuration names them. */
  readonly protocols: Map<string, Protocol>;
  readonly engine: Engine;

  constructor(
    filters: readonly FilterKind[] = [],
    options: {
      seed?: number;
      drainMs?: number;
      downstreamConnectionsMax?: number;
      downstreamPlaces?: SharedArrayBuffer;
      worker?: number;
      withoutSpans?: boolean;
      networkFilters?: readonly NetworkFilterKind[];
    } = {},
  ) {
    this.random = new SeededRandom(options.seed ?? 1);
    this.network = new MemoryNetwork(options.seed === undefined ? undefined : this.random);
    const protocols = [
      lineProtocol({ name: 'lines', pooling: 'multiplexed', messages: 'streamed' }),
      lineProtocol({ name: 'lines1', pooling: 'exclusive', messages: 'streamed' }),
      lineProtocol({ name: 'rpc', pooling: 'multiplexed', messages: 'whole' }),
    ];
    this.protocols = new Map(protocols.map((protocol) => [protocol.name, protocol]));
    let requests = 0;
    this.engine = new Engine({
      clock: this.clock,
      wheel: new TimerWheel(this.clock, 1),
      random: this.random,
      transport: this.network,
      datagrams: this.datagrams,
      stats: this.stats,
      logger: silentLogger,
      protocols: this.protocols,
      balancers: new Map([[balancer.name, balancer]]),
      filters: new Map([routerKind, ...filters].map((kind) => [kind.name, kind])),
      networkFilters: new Map((options.networkFilters ?? []).map((kind) => [kind.name, kind])),
      openAccessLog: () => ({
        log: (record) => {
          this.logs.push(logLine(record));
          this.records.push(record);
        },
      }),
      compileFormat: (format) => (record) => format.replace(/%(\w+)(?:\((.*?)\))?%/g, operatorOf(record)),
      compileJsonFormat: (format) => () => JSON.stringify(format),
      ...(options.withoutSpans !== true && { spanFormat: this.#spanFormat }),
      requestId: () => `id-${++requests}`,
      ...(options.drainMs === undefined ? undefined : { drainMs: options.drainMs }),
      ...(options.downstreamConnectionsMax !== undefined && {
        downstreamConnectionsMax: options.downstreamConnectionsMax,
      }),
      ...(options.downstreamPlaces !== undefined && { downstreamPlaces: options.downstreamPlaces }),
      ...(options.worker !== undefined && { worker: options.worker }),
    });
  }

  readonly #spanFormat = (name: SpanFormatName, service: string): SpanFormat => ({
    contentType: `spans/${name}`,
    encode: (spans) => {
      this.spans.push(...spans);
      return Buffer.from(`${service}.${spans.length}`);
    },
  });

  /** Prepares and commits; the rejections. */
  async apply(update: ConfigUpdate): Promise<readonly Rejection[]> {
    const prepared: PreparedUpdate = await this.engine.prepare(update);
    prepared.commit(prepared.rejections);
    return prepared.rejections;
  }

  /** Lets everything arrive that is under way, promises included; time stands still. */
  async settle(): Promise<void> {
    const kept = Promise.resolve();
    for (let quiet = 0; quiet < 2; ) {
      let moved = false;
      while (this.network.step()) moved = true;
      for (let turn = 0; turn < 20; turn++) await kept;
      quiet = moved ? 0 : quiet + 1;
    }
  }

  /** Lets everything arrive, moves time, and lets everything arrive that comes of it. */
  async pass(durationMs: number): Promise<void> {
    await this.settle();
    this.clock.advance(durationMs);
    await this.settle();
  }

  async client(port = 8080): Promise<LinePeer> {
    const peer = new LinePeer();
    peer.connection = this.network.dial({ address: ipAddress('127.0.0.1', port), connectTimeoutMs: 1000 }, peer);
    await this.settle();
    return peer;
  }

  /** An upstream host: `onLine` sees each line that comes and may write. */
  async upstream(port: number, onLine: (line: string, peer: LinePeer) => void = () => {}): Promise<Upstream> {
    const upstream = new Upstream();
    const address = ipAddress('10.0.0.1', port);
    const listener = await this.network.listen({ address }, (connection) => {
      const peer = new LinePeer(onLine);
      peer.connection = connection;
      connection.setHandler(peer);
      upstream.peers.push(peer);
    });
    upstream.close = () => void listener.close();
    return upstream;
  }

  addressOf(name: string): string {
    return formatAddress(this.engine.status().listeners.find((listener) => listener.name === name)!.address);
  }
}

/** One end of a connection that speaks lines. */
export class LinePeer implements ConnectionHandler {
  connection!: Connection;
  lines: string[] = [];
  closed: CloseCause | undefined = undefined;
  ended = false;
  readonly #onLine: (line: string, peer: LinePeer) => void;
  #rest = '';

  constructor(onLine: (line: string, peer: LinePeer) => void = () => {}) {
    this.#onLine = onLine;
  }

  send(...lines: readonly string[]): void {
    for (const line of lines) this.connection.write(Buffer.from(`${line}\n`));
  }

  /** What has come since the last call. */
  take(): string[] {
    return this.lines.splice(0);
  }

  onBytes(chunk: Buffer): void {
    const parts = (this.#rest + chunk.toString()).split('\n');
    this.#rest = parts.pop()!;
    for (const line of parts) {
      this.lines.push(line);
      this.#onLine(line, this);
    }
  }

  onEnd(): void {
    this.ended = true;
    this.connection.close('flush');
  }

  onClose(cause: CloseCause): void {
    this.closed = cause;
  }
}

export class Upstream {
  readonly peers: LinePeer[] = [];
  /** Accepts no more. */
  close: () => void = () => {};

  get lines(): string[] {
    return this.peers.flatMap((peer) => peer.lines);
  }

  take(): string[] {
    return this.peers.flatMap((peer) => peer.take());
  }

  /** The newest connection. */
  get peer(): LinePeer {
    return this.peers[this.peers.length - 1]!;
  }
}

/** Answers every request of the streamed line protocol as soon as it is whole. */
export function answering(...answer: readonly string[]): (line: string, peer: LinePeer) => void {
  return (line, peer) => {
    const [id, verb = ''] = line.split(' ');
    if (verb.endsWith('.') && verb !== 'RST.') peer.send(...answer.map((each) => `${id} ${each}`));
  };
}
