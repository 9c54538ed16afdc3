import type { Clock } from '@sofamesh/base/clock';
import { CodedError } from '@sofamesh/base/errors';
import type { Logger } from '@sofamesh/base/logger';
import type { Random } from '@sofamesh/base/random';
import type { TimerWheel } from '@sofamesh/base/timer-wheel';
import type { AccessLog } from '@sofamesh/contract/access-log';
import type { RequestHead } from '@sofamesh/contract/message';
import type { NetworkFilter } from '@sofamesh/contract/network-filter';
import type { CodecOptions, Protocol } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { FilterChain } from '../chain/filter-chain.ts';
import { isHttp } from '../cluster/http-protocols.ts';
import type { Clusters, UpstreamCluster, UpstreamProtocol } from '../cluster/upstream.ts';
import type { KeepaliveConfig } from '../config/cluster.ts';
import type { HttpProxyConfig, RpcProxyConfig } from '../config/listener.ts';
import type { EngineEnvironment } from '../environment.ts';
import type { RouteSlot, RouteSlots } from '../route/route-slots.ts';
import { RouteTable } from '../route/route-table.ts';
import { openStreamStats } from '../stream-stats.ts';
import type { SpanReporters } from '../tracing/span-reporters.ts';
import { Tracer } from '../tracing/tracer.ts';
import { rawTcp } from './connect-terminator.ts';
import { DetectingConnection } from './detecting-connection.ts';
import { DownstreamConnection } from './downstream-connection.ts';
import { DownstreamStats } from './downstream-stats.ts';
import { HttpEdge } from './http-edge.ts';
import { type CompileLogFormat, LocalReplies } from './local-replies.ts';
import { MethodStats } from './method-stats.ts';
import { relay } from './relay.ts';
import { UpgradeChains } from './upgrade-chains.ts';

/** What proxies have from the engine. */
export interface ProxyContext {
  readonly environment: EngineEnvironment;
  readonly clusters: Clusters;
  readonly routes: RouteSlots;
  readonly spans: SpanReporters;
}

/**
 * The network filter for requests, HTTP and RPC alike: everything that the exchanges of one filter chain share, compiled
 * when the configuration arrived.
 */
export class StreamProxy implements NetworkFilter {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly logger: Logger;
  readonly clusters: Clusters;
  readonly protocols: ReadonlyMap<string, Protocol>;
  readonly stats: DownstreamStats;
  /** Undefined where calls are not told apart by method. */
  readonly methodStats: MethodStats | undefined;
  readonly filters: FilterChain;
  readonly routes: RouteSlot;
  readonly accessLogs: readonly AccessLog[];
  /** Undefined: no exchange becomes a span. */
  readonly tracer: Tracer | undefined;
  /** What HTTP adds as a hop; undefined for RPC. */
  readonly edge: HttpEdge | undefined;
  /** Undefined where requests cannot ask for an upgrade. */
  readonly upgrades: UpgradeChains | undefined;
  readonly localReplies: LocalReplies | undefined;
  readonly heartbeat: KeepaliveConfig | undefined;
  readonly bufferBytesMax: number;
  readonly idleTimeoutMs: number;
  readonly streamIdleTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly maxStreamDurationMs: number;
  readonly maxConnectionDurationMs: number;
  readonly drainTimeoutMs: number;
  /** Undefined: as the transport has it. */
  readonly closeGraceMs: number | undefined;
  readonly messageProgressTimeoutMs: number;
  readonly heldBytesMax: number;
  /** 0: no limit. */
  readonly maxRequestsPerConnection: number;
  /** Bytes of incomplete messages, of all connections. */
  heldBytes = 0;
  readonly #codecs: readonly Protocol[];
  readonly #relays: boolean;
  readonly #codecOptions = new Map<Protocol, CodecOptions>();
  readonly #connections = new Set<DownstreamConnection>();
  readonly #detecting = new Set<DetectingConnection>();
  #draining = false;

  /** Throws a CodedError that begins with `where`. */
  constructor(config: HttpProxyConfig | RpcProxyConfig, context: ProxyContext, bufferBytesMax: number, where: string) {
    const { environment } = context;
    const { clock, wheel, random, logger, stats, protocols } = environment;
    const http = config.kind === 'http' ? config : undefined;
    this.clock = clock;
    this.wheel = wheel;
    this.random = random;
    this.logger = logger;
    this.clusters = context.clusters;
    this.protocols = protocols;
    this.#codecs = chooseCodecs(config, protocols, where);
    this.#relays = config.kind === 'rpc' && config.serviceLevel === 'relay';
    const statPrefix = `http.${config.statPrefix}.`;
    this.stats = new DownstreamStats(stats, statPrefix);
    this.methodStats = config.kind === 'rpc' && config.methodStats ? new MethodStats(stats, statPrefix) : undefined;
    this.filters = new FilterChain(config.filters, environment, statPrefix, `${where}.http_filters`);
    this.routes =
      config.routes.kind === 'named'
        ? context.routes.named(config.routes.name)
        : { table: new RouteTable(config.routes.table, environment.compileFormat, stats) };
    this.accessLogs = config.accessLogs.map((log) => environment.openAccessLog(log));
    this.tracer = config.tracing && new Tracer(config.tracing, context.spans, random, `${where}.tracing`);
    const { requestId, localAddress } = environment;
    const parts = { clock, requestId, stats, statPrefix, routes: this.routes, localAddress };
    this.edge = http && new HttpEdge(http, parts, where);
    this.upgrades =
      http &&
      new UpgradeChains(http.upgrades, this.filters, (filters, at) => {
        return new FilterChain(filters, environment, statPrefix, `${where}.upgrade_configs[${at}].filters`);
      });
    this.localReplies =
      http?.localReplies &&
      new LocalReplies(http.localReplies, random, compileLogFormat(environment), `${where}.local_reply_config`);
    this.heartbeat = http?.heartbeat;
    const light = config.kind === 'rpc' && config.serviceLevel === 'light';
    for (const protocol of this.#codecs) {
      const settings = config.codecSettings[protocol.name];
      // As Envoy's codecs count: for all listeners together.
      const streamStats = http && openStreamStats(stats, '', protocol);
      this.#codecOptions.set(protocol, {
        limits: config.limits,
        settings,
        ...(light && { light }),
        ...(streamStats && { streamStats }),
      });
    }
    this.bufferBytesMax = bufferBytesMax;
    this.idleTimeoutMs = config.idleTimeoutMs;
    this.streamIdleTimeoutMs = config.streamIdleTimeoutMs;
    this.requestTimeoutMs = http?.requestTimeoutMs ?? 0;
    this.maxStreamDurationMs = http?.maxStreamDurationMs ?? 0;
    this.maxConnectionDurationMs = http?.maxConnectionDurationMs ?? 0;
    this.drainTimeoutMs = http?.drainTimeoutMs ?? 0;
    this.closeGraceMs = http?.delayedCloseMs;
    this.messageProgressTimeoutMs = config.messageProgressTimeoutMs;
    this.heldBytesMax = config.heldBytesMax;
    this.maxRequestsPerConnection = http?.maxRequestsPerConnection ?? 0;
  }

  get activeConnections(): number {
    return this.#connections.size + this.#detecting.size;
  }

  accept(connection: Connection, done: () => void): void {
    this.stats.cxTotal.increment();
    this.stats.cxActive.add(1);
    const protocol = this.#codecs.length === 1 ? this.#codecs[0] : this.#negotiated(connection.tls?.alpn);
    if (protocol !== undefined) {
      this.#serve(connection, protocol, done);
      return;
    }
    const detecting: DetectingConnection = new DetectingConnection(this.#codecs, connection, {
      found: (protocol, received) => {
        this.#forget(detecting);
        this.#serve(connection, protocol, done).onBytes(received);
      },
      gone: () => {
        this.#forget(detecting);
        this.#countGone();
        done();
      },
    });
    this.#detecting.add(detecting);
    if (this.idleTimeoutMs > 0) this.wheel.start(detecting.deadline, this.idleTimeoutMs);
    connection.setHandler(detecting);
  }

  /** What a client has agreed to during the TLS handshake needs not be guessed. */
  #negotiated(alpn: string | undefined): Protocol | undefined {
    return alpn === undefined ? undefined : this.#codecs.find((protocol) => protocol.alpn?.includes(alpn));
  }

  /** What a request is sent in to a cluster's hosts; undefined: there is no such codec. */
  upstreamProtocol(cluster: UpstreamCluster, request: RequestHead): UpstreamProtocol | undefined {
    if (this.#relays) return rawTcp;
    return this.edge === undefined ? cluster.rpcProtocol(request) : cluster.httpProtocol(request);
  }

  optionsOf(protocol: Protocol): CodecOptions {
    return this.#codecOptions.get(protocol)!;
  }

  #forget(detecting: DetectingConnection): void {
    this.#detecting.delete(detecting);
    this.wheel.stop(detecting.deadline);
  }

  #serve(connection: Connection, protocol: Protocol, done: () => void): DownstreamConnection {
    const served = new DownstreamConnection(this, protocol, connection, done);
    this.#connections.add(served);
    connection.setHandler(served);
    // Accepted by a listener that was replaced in the same turn.
    if (this.#draining) served.drain();
    return served;
  }

  connectionGone(connection: DownstreamConnection): void {
    this.#connections.delete(connection);
    this.#countGone();
  }

  #countGone(): void {
    this.stats.cxDestroy.increment();
    this.stats.cxActive.add(-1);
  }

  drain(): void {
    this.#draining = true;
    for (const connection of [...this.#connections]) connection.drain();
    for (const detecting of this.#detecting) detecting.close();
  }

  close(): void {
    for (const connection of [...this.#connections]) connection.close();
    for (const detecting of this.#detecting) detecting.close();
  }
}

function compileLogFormat({ compileFormat, compileJsonFormat }: EngineEnvironment): CompileLogFormat {
  return (format, where) =>
    format.kind === 'text'
      ? compileFormat(format.text, where, format.omitsEmpty ? '' : '-')
      : compileJsonFormat(format.json, where, format.omitsEmpty);
}

/** `auto` is every HTTP protocol there is, told apart by a connection's first bytes. */
function chooseCodecs(
  config: HttpProxyConfig | RpcProxyConfig,
  protocols: ReadonlyMap<string, Protocol>,
  where: string,
): readonly Protocol[] {
  if (config.kind === 'http' && config.codec === 'auto') {
    const codecs = [...protocols.values()].filter((protocol) => protocol.name.startsWith('http'));
    if (codecs.length === 0) throw new CodedError('unknown_protocol', `${where}.codec_type: no HTTP protocol is there`);
    return codecs;
  }
  if (config.kind === 'http') return [protocolNamed(config.codec, protocols, `${where}.codec_type`)];
  if (config.serviceLevel === 'relay') return [relay];
  return chooseRpcCodecs(config.protocol, protocols, `${where}.protocol`);
}

/** `names`: one, several, or `auto` for every RPC protocol. Calls may come inside HTTP/2 as well. */
function chooseRpcCodecs(names: string, protocols: ReadonlyMap<string, Protocol>, where: string): readonly Protocol[] {
  const named =
    names === 'auto'
      ? [...protocols.values()].filter((protocol) => !isHttp(protocol) && !protocol.upstreamOnly)
      : names.split(',').map((name) => protocolNamed(name.trim(), protocols, where));
  const carriers = [...protocols.values()].filter((protocol) => protocol.carrier && !named.includes(protocol));
  return carriers.length === 0 ? named : [...named, ...carriers];
}

function protocolNamed(name: string, protocols: ReadonlyMap<string, Protocol>, where: string): Protocol {
  const protocol = protocols.get(name);
  if (protocol === undefined) throw new CodedError('unknown_protocol', `${where}: ${name}: no such protocol`);
  return protocol;
}
