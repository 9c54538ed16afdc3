import assert from 'node:assert/strict';
import { ipAddress } from '@sofamesh/base/address';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { SeededRandom } from '@sofamesh/base/random';
import { TimerWheel } from '@sofamesh/base/timer-wheel';
import type { BalancerKind, Host } from '@sofamesh/contract/balancer';
import type { RequestHead, ResetReason } from '@sofamesh/contract/message';
import { type ClientStream, defaultCodecLimits, type Pooling, type Protocol } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import { Cluster } from '../../cluster/cluster.ts';
import type { PendingStream, UpstreamAttempt, UpstreamCarrier, UpstreamProtocol } from '../../cluster/upstream.ts';
import { UpstreamHost } from '../../cluster/upstream-host.ts';
import type { ClusterConfig, EndpointConfig, EndpointsConfig } from '../../config/cluster.ts';
import { Bindings } from '../bindings.ts';
import { LineStream, lineProtocol } from './line-protocol.ts';
import { ManualConnection, ManualTransport } from './manual-transport.ts';

/** Takes the hosts in turn, the one to avoid only if it must. */
export const inTurn: BalancerKind = {
  name: 'in_turn',
  create() {
    let hosts: readonly Host[] = [];
    let next = 0;
    return {
      update(changed) {
        hosts = changed;
      },
      pick({ avoid }) {
        const host = hosts[next++ % Math.max(1, hosts.length)];
        return host !== undefined && host === avoid ? hosts[next++ % hosts.length] : host;
      },
    };
  },
};

export function endpoint(host: string, port: number, over: Partial<EndpointConfig> = {}): EndpointConfig {
  return { address: ipAddress(host, port), weight: 1, healthy: true, hostname: '', ...over };
}

export function endpoints(
  name: string,
  version: string,
  hosts: readonly EndpointConfig[],
  priority = 0,
): EndpointsConfig {
  return { name, version, groups: [{ locality: '', priority, weight: 0, hosts }] };
}

export function clusterConfig(over: Partial<ClusterConfig> = {}): ClusterConfig {
  const name = over.name ?? 'c';
  return {
    name,
    version: '1',
    statName: name,
    discovery: { kind: 'static', endpoints: endpoints(name, '1', [endpoint('10.0.0.1', 80)]) },
    balancer: { name: 'in_turn', options: undefined },
    connectTimeoutMs: 5000,
    httpCodec: { kind: 'named', name: 'http1' },
    codecSettings: {},
    codecLimits: defaultCodecLimits,
    keepalive: undefined,
    tls: undefined,
    autoServerName: undefined,
    limits: { connectionsMax: 1024, pendingRequestsMax: 1024, requestsMax: 1024, retriesMax: 3 },
    maxRequestsPerConnection: 0,
    idleTimeoutMs: 3_600_000,
    connectionDurationMs: 0,
    streamDurationMs: 0,
    multiplexedConnections: 1,
    bufferBytesMax: 1 << 20,
    ...over,
  };
}

/** An attempt that notes what happens to it and sends its request when it may. */
export class NotedAttempt implements UpstreamAttempt {
  readonly dialect: number;
  readonly serverName: string | undefined;
  readonly wantsFresh: boolean;
  stream: LineStream | undefined = undefined;
  connection: ManualConnection | undefined = undefined;
  pending: PendingStream | undefined = undefined;
  /** Its connection was made for it. */
  fresh = false;
  failure: { readonly reason: ResetReason; readonly detail: string } | undefined = undefined;
  reset: ResetReason | undefined = undefined;
  replies = 0;
  /** Pool answers; more than one is a fault of the pool. */
  answers = 0;
  /** Called when the attempt failed or was reset, from inside the pool. */
  onLost: () => void = () => {};

  constructor(dialect = 0, { serverName, wantsFresh = false }: { serverName?: string; wantsFresh?: boolean } = {}) {
    this.dialect = dialect;
    this.serverName = serverName;
    this.wantsFresh = wantsFresh;
  }

  onPoolReady(stream: ClientStream, { connection }: UpstreamCarrier, fresh: boolean): void {
    assert.ok(stream instanceof LineStream && connection instanceof ManualConnection);
    this.answers++;
    this.stream = stream;
    this.connection = connection;
    this.fresh = fresh;
    stream.sendHead({} as RequestHead, true);
  }

  onPoolFailure(reason: ResetReason, detail: string): void {
    this.answers++;
    this.failure = { reason, detail };
    this.onLost();
  }

  onInformational(): void {}
  onResponseHead(): void {
    this.replies++;
  }
  onResponseData(): void {}
  onResponseTrailers(): void {}
  onResponseReset(reason: ResetReason): void {
    this.reset = reason;
    this.onLost();
  }
  onRequestWritable(): void {}

  /** The stream is open. */
  get open(): boolean {
    return this.stream !== undefined && this.replies === 0 && this.reset === undefined;
  }

  /** The upstream answers. */
  answer(): void {
    this.connection!.deliver(`${this.stream!.id}\n`);
  }
}

/** One cluster with one host, a protocol, and everything around them in the test's hands. */
export class PoolWorld {
  readonly clock = new ManualClock();
  readonly wheel = new TimerWheel(this.clock);
  readonly random = new SeededRandom(1);
  readonly stats = new MemoryStats();
  readonly transport = new ManualTransport();
  readonly bindings = new Bindings();
  readonly downstream = new ManualConnection(ipAddress('127.0.0.1', 1), undefined, 'open');
  readonly protocol;
  readonly protocols: ReadonlyMap<string, Protocol>;
  readonly cluster: Cluster;
  readonly host: UpstreamHost;

  constructor(pooling: Pooling, over: Partial<ClusterConfig> = {}, streamsMax?: number, name?: string) {
    this.protocol = lineProtocol(pooling, streamsMax, name);
    this.protocols = new Map([[this.protocol.name, this.protocol]]);
    const balancer = inTurn.create(undefined, new SeededRandom(1));
    this.cluster = new Cluster(clusterConfig(over), balancer, this);
    const host = this.cluster.pick({ hash: undefined, avoid: undefined });
    assert.ok(host instanceof UpstreamHost);
    this.host = host;
  }

  request(
    downstream: Connection = this.downstream,
    attempt = new NotedAttempt(),
    protocol: UpstreamProtocol = this.protocol,
  ): NotedAttempt {
    const answersBefore = attempt.answers;
    attempt.pending = this.cluster.newStream(this.host, protocol, downstream, attempt);
    // Undefined says that the answer was given inside the call.
    assert.equal(attempt.pending === undefined, attempt.answers > answersBefore);
    return attempt;
  }

  /** Metric of the cluster; 0 when it was never touched. */
  count(name: string): number {
    return this.stats.value(`cluster.c.${name}`) ?? 0;
  }

  /** Nothing is counted as going on. */
  assertAtRest(): void {
    for (const name of ['upstream_rq_active', 'upstream_rq_pending_active', 'upstream_cx_active']) {
      assert.equal(this.count(name), 0, name);
    }
    assert.equal(this.host.activeRequests, 0);
    assert.equal(this.host.cxActive, 0);
    assert.equal(this.wheel.waiting, 0, 'no timer is left');
  }
}
