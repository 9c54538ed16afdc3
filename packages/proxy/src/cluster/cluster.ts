import { formatAddress } from '@sofamesh/base/address';
import type { Balancer, Host, PickContext } from '@sofamesh/contract/balancer';
import type { RequestHead } from '@sofamesh/contract/message';
import { type CodecOptions, defaultCodecLimits, type Protocol } from '@sofamesh/contract/protocol';
import type { Connection, ConnectionHandler, DialOptions, Watermarks } from '@sofamesh/contract/transport';
import type { ClusterConfig, EndpointGroupConfig } from '../config/cluster.ts';
import type { ClusterStatus } from '../engine-api.ts';
import type { EngineEnvironment } from '../environment.ts';
import { AlpnPool } from '../pool/alpn-pool.ts';
import type { Bindings } from '../pool/bindings.ts';
import { BoundPool } from '../pool/bound-pool.ts';
import { DialectPool } from '../pool/dialect-pool.ts';
import { ExclusivePool } from '../pool/exclusive-pool.ts';
import type { Pool, PoolEnvironment } from '../pool/pool.ts';
import { ProxyHeaderPools } from '../pool/proxy-header-pools.ts';
import { ServerNamePools } from '../pool/server-name-pools.ts';
import { upstreamProxyHeader } from '../proxy-protocol/upstream-header.ts';
import { CircuitBreakers } from './circuit-breakers.ts';
import { ClusterStats } from './cluster-stats.ts';
import { DialledConnection } from './dialled-connection.ts';
import { HttpProtocols, isHttp } from './http-protocols.ts';
import { OriginalDestinations } from './original-destinations.ts';
import { RpcProtocols } from './rpc-protocols.ts';
import type { PendingStream, UpstreamAttempt, UpstreamCluster, UpstreamProtocol } from './upstream.ts';
import { UpstreamHost } from './upstream-host.ts';
import { upstreamTls } from './upstream-tls.ts';

/** What a cluster needs of the engine. */
export interface ClusterEnvironment
  extends Pick<EngineEnvironment, 'clock' | 'wheel' | 'random' | 'transport' | 'stats' | 'protocols'> {
  readonly bindings: Bindings;
}

/** A cluster as configured, with its hosts. A changed configuration is a new cluster; endpoints change within one. */
export class Cluster implements UpstreamCluster {
  readonly name: string;
  readonly config: ClusterConfig;
  readonly stats: ClusterStats;
  readonly #environment: ClusterEnvironment;
  readonly #breakers: CircuitBreakers;
  readonly #balancer: Balancer;
  readonly #watermarks: Watermarks;
  readonly #httpProtocols: HttpProtocols;
  readonly #rpcProtocols: RpcProtocols;
  #hosts: ReadonlyMap<string, UpstreamHost> = new Map();
  /** Of an ORIGINAL_DST cluster. */
  readonly #originals: OriginalDestinations | undefined;
  /** No host is healthy, so all are used (Envoy's panic). */
  #panic = false;
  #retired = false;
  #closed = false;

  constructor(config: ClusterConfig, balancer: Balancer, environment: ClusterEnvironment) {
    this.name = config.name;
    this.config = config;
    this.stats = new ClusterStats(environment.stats, config.statName);
    this.#environment = environment;
    this.#breakers = new CircuitBreakers(config.limits, environment.stats, this.stats);
    this.#balancer = balancer;
    this.#watermarks = { highBytes: config.bufferBytesMax, lowBytes: Math.floor(config.bufferBytesMax / 2) };
    this.#httpProtocols = new HttpProtocols(config.httpCodec, environment.protocols);
    this.#rpcProtocols = new RpcProtocols(config.rpc?.codec, environment.protocols);
    balancer.update([]);
    if (config.discovery.kind === 'original-dst') {
      this.#originals = new OriginalDestinations(config.discovery, environment.wheel, () => this.#countMembers());
      this.#hosts = this.#originals.hosts;
    }
    if (config.discovery.kind === 'static') this.setEndpoints(config.discovery.endpoints.groups);
  }

  /** Takes the place of the endpoints before. A host whose address stays is the same object; one that went is drained. */
  setEndpoints(groups: readonly EndpointGroupConfig[]): void {
    const before = this.#hosts;
    const hosts = new Map<string, UpstreamHost>();
    let added = false;
    for (const group of groups) {
      for (const endpoint of group.hosts) {
        const name = formatAddress(endpoint.address);
        if (hosts.has(name)) continue;
        const known = before.get(name);
        const host = known ?? new UpstreamHost(endpoint.address);
        added ||= known === undefined;
        host.describe(endpoint, group);
        hosts.set(name, host);
      }
    }
    this.#hosts = hosts;
    if (added || hosts.size !== before.size) this.stats.membershipChange.increment();
    this.#chooseUsable([...hosts.values()]);
    for (const [name, host] of before) if (!hosts.has(name)) host.drain();
  }

  #chooseUsable(hosts: readonly UpstreamHost[]): void {
    const weighted = hosts.filter((host) => host.weight > 0);
    const healthy = weighted.filter((host) => host.healthy);
    const level = healthy.reduce((lowest, host) => Math.min(lowest, host.priority), Number.POSITIVE_INFINITY);
    this.#panic = healthy.length === 0 && weighted.length > 0;
    this.#balancer.update(this.#panic ? weighted : healthy.filter((host) => host.priority === level));
    this.#countMembers();
  }

  #countMembers(): void {
    this.stats.membershipTotal.set(this.#hosts.size);
    this.stats.membershipHealthy.set([...this.#hosts.values()].filter((host) => host.healthy).length);
  }

  pick(context: PickContext): Host | undefined {
    if (this.#originals !== undefined) return this.#originals.pick(context);
    const host = this.#balancer.pick(context);
    if (this.#panic && host !== undefined) this.stats.lbHealthyPanic.increment();
    return host;
  }

  httpProtocol(request: RequestHead): UpstreamProtocol | undefined {
    return this.#httpProtocols.of(request);
  }

  rpcProtocol(request: RequestHead): Protocol | undefined {
    return this.#rpcProtocols.of(request);
  }

  newStream(
    host: Host,
    protocol: UpstreamProtocol,
    downstream: Connection,
    attempt: UpstreamAttempt,
  ): PendingStream | undefined {
    return this.#poolOf(host as UpstreamHost, protocol).newStream(downstream, attempt);
  }

  dial(host: Host, handler: ConnectionHandler, downstream?: Connection): Connection | undefined {
    if (!this.#breakers.connections.acquire()) return undefined;
    const tally = {
      host: host as UpstreamHost,
      stats: this.stats,
      breakers: this.#breakers,
      clock: this.#environment.clock,
    };
    const { proxyProtocol } = this.config;
    const preamble = proxyProtocol && downstream && upstreamProxyHeader(proxyProtocol, downstream);
    return new DialledConnection(tally, this.#dialer(tally.host, undefined, undefined, preamble), handler).connection;
  }

  acquireConnection(): boolean {
    return this.#breakers.connections.acquire();
  }

  releaseConnection(): void {
    this.#breakers.connections.release();
  }

  acquireRequest(): boolean {
    return this.#breakers.requests.acquire();
  }

  releaseRequest(): void {
    this.#breakers.requests.release();
  }

  acquireRetry(): boolean {
    return this.#breakers.retries.acquire();
  }

  releaseRetry(): void {
    this.#breakers.retries.release();
  }

  /** It was removed or has a successor: idle connections are closed, what is under way ends on it. */
  retire(): void {
    this.#retired = true;
    this.#breakers.retire();
    this.#originals?.stop();
    for (const host of this.#hosts.values()) host.drain();
  }

  /** Closes every pooled connection. */
  close(): void {
    this.#closed = true;
    for (const host of this.#hosts.values()) for (const pool of host.pools) pool.close();
  }

  status(): ClusterStatus {
    return {
      name: this.name,
      version: this.config.version,
      hosts: [...this.#hosts.values()].map((host) => host.status()),
    };
  }

  #poolOf(host: UpstreamHost, protocol: UpstreamProtocol): Pool {
    const { pools } = host;
    for (let at = 0; at < pools.length; at++) if (pools[at]!.protocol === protocol) return pools[at]!;
    const pool = this.#createPool(host, protocol);
    pools.push(pool);
    if (this.#retired || host.draining) pool.drain();
    if (this.#closed) pool.close();
    return pool;
  }

  #createPool(host: UpstreamHost, protocol: UpstreamProtocol): Pool {
    const { proxyProtocol } = this.config;
    if (proxyProtocol === undefined) return this.#createNamedPool(host, protocol, undefined);
    return new ProxyHeaderPools(protocol, this.stats, proxyProtocol, (preamble) =>
      this.#createNamedPool(host, protocol, preamble),
    );
  }

  #createNamedPool(host: UpstreamHost, protocol: UpstreamProtocol, preamble: Buffer | undefined): Pool {
    const { autoServerName, tls } = this.config;
    const byName = autoServerName !== undefined && tls !== undefined && (!('pooling' in protocol) || isHttp(protocol));
    if (!byName) return this.#createPlainPool(host, protocol, undefined, preamble);
    return new ServerNamePools(protocol, this.stats, (name) => this.#createPlainPool(host, protocol, name, preamble));
  }

  #createPlainPool(
    host: UpstreamHost,
    protocol: UpstreamProtocol,
    serverName: string | undefined,
    preamble: Buffer | undefined,
  ): Pool {
    const { config, stats } = this;
    const { clock, wheel, random } = this.#environment;
    const environment: PoolEnvironment = {
      host,
      config,
      stats,
      breakers: this.#breakers,
      clock,
      wheel,
      random,
      codecOptionsOf: this.#codecOptionsOf,
      dial: this.#dialer(host, protocol, serverName, preamble),
    };
    if (!('pooling' in protocol)) return new AlpnPool(protocol, environment);
    switch (this.config.rpc?.bound && !isHttp(protocol) ? 'bound' : protocol.pooling) {
      case 'exclusive':
        return new ExclusivePool(protocol, environment);
      case 'multiplexed':
        return new DialectPool(protocol, environment);
      case 'bound':
        return new BoundPool(protocol, environment, this.#environment.bindings);
    }
  }

  readonly #codecOptionsOf = (protocol: Protocol): CodecOptions => {
    const { codecLimits, codecSettings, rpc } = this.config;
    const limits = isHttp(protocol) ? codecLimits : (rpc?.codecLimits ?? defaultCodecLimits);
    const streamStats = this.stats.streamsOf(protocol);
    return { limits, settings: codecSettings[protocol.name], ...(streamStats && { streamStats }) };
  };

  #dialer(
    host: UpstreamHost,
    protocol: UpstreamProtocol | undefined,
    serverName: string | undefined,
    preamble: Buffer | undefined,
  ): (handler: ConnectionHandler) => Connection {
    const { connectTimeoutMs } = this.config;
    const tls = upstreamTls(this.config, protocol, serverName);
    const options: DialOptions = {
      address: host.address,
      connectTimeoutMs,
      watermarks: this.#watermarks,
      ...(preamble !== undefined && { preamble }),
    };
    const whole = tls === undefined ? options : { ...options, tls };
    const { transport } = this.#environment;
    return (handler) => transport.dial(whole, handler);
  }
}
