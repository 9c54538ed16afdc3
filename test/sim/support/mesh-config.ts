import { type IpAddress, ipAddress } from '@sofamesh/base/address';
import { type Random, randomInteger } from '@sofamesh/base/random';
import type { ClusterConfig, EndpointsConfig, RpcUpstreamConfig } from '@sofamesh/proxy/config/cluster';
import type { FilterConfig } from '@sofamesh/proxy/config/extension';
import type { ListenerConfig, NetworkConfig } from '@sofamesh/proxy/config/listener';
import { noHeaderMutations, type RetryConfig, type RouteTableConfig } from '@sofamesh/proxy/config/route';
import {
  chain,
  clusterConfig,
  filterConfig,
  forward,
  httpProxy,
  listenerConfig,
  retry,
  route,
  routeTable,
  rpcProxy,
} from '@sofamesh/proxy/test-support/configs';
import { oneIn, oneOf } from './chance.ts';
import type { Weather } from './weather.ts';
import type { SimProtocol } from './wires.ts';

/** How calls of an RPC protocol are treated, and travel to the next machine. */
export interface RpcShape {
  readonly level: 'full' | 'light';
  /** Each as the frame that it is, or inside HTTP/2, or now so and now so. Servers always get frames. */
  readonly between: 'frames' | 'http2' | 'either';
  /** Clients share no upstream connection. */
  readonly bound: boolean;
  readonly heartbeats: boolean;
}

export const plainRpc: RpcShape = { level: 'full', between: 'frames', bound: false, heartbeats: false };

/** Two clusters of the same hosts, so that a change of routes moves traffic and changes nothing else. */
export const clusterNames = ['shop-a', 'shop-b'] as const;
const listenerPort = 8080;
const patientMs = 20_000;

/** The configuration of one sidecar, drawn once; changes count versions up. */
export class MeshConfig {
  /** How often one request may be sent on. */
  readonly sendsMax: number;
  /** The same where its method is idempotent and its connection was found closed. */
  readonly idempotentSendsMax: number;
  readonly address: IpAddress;
  readonly #random: Random;
  readonly #protocol: SimProtocol;
  readonly #weather: Weather;
  readonly #retry: RetryConfig | undefined;
  readonly #timeoutMs: number;
  readonly #balancer: string;
  readonly #filters: readonly FilterConfig[];
  readonly #isTcp: boolean;
  readonly #tight: Tight;
  readonly #bufferBytesMax: number;
  readonly #rpc: RpcShape;
  #version = 0;
  #chainVersion = 0;

  constructor(
    random: Random,
    ip: string,
    protocol: SimProtocol,
    kind: 'proxy' | 'tcp',
    weather: Weather,
    rpc: RpcShape,
  ) {
    this.#random = random;
    this.#rpc = rpc;
    this.#protocol = protocol;
    this.#weather = weather;
    this.#isTcp = kind === 'tcp';
    this.address = ipAddress(ip, listenerPort);
    this.#retry = drawRetry(random, weather.patient);
    this.#timeoutMs = weather.patient ? patientMs : oneOf(random, [150, 400, 1000]);
    this.sendsMax = this.#retry?.on.includes('5xx') ? 1 + this.#retry.retriesMax : 1;
    this.idempotentSendsMax = this.#isTcp ? this.sendsMax : this.sendsMax + 1;
    this.#balancer = oneOf(random, ['round_robin', 'least_request', 'random']);
    this.#filters = drawFilters(random, weather.tight);
    this.#bufferBytesMax = oneOf(random, [4000, 1024 * 1024]);
    this.#tight = weather.tight ? drawTight(random) : roomy;
  }

  clusters(): ClusterConfig[] {
    const version = this.#next();
    const rpc = this.#rpcUpstream();
    return clusterNames.map((name) =>
      clusterConfig(name, [], {
        version,
        discovery: { kind: 'eds', serviceName: name },
        balancer: { name: this.#balancer, options: undefined },
        connectTimeoutMs: 100,
        httpCodec: { kind: 'named', name: 'http1' },
        bufferBytesMax: this.#bufferBytesMax,
        ...(rpc && { rpc }),
        ...this.#tight.cluster,
      }),
    );
  }

  #rpcUpstream(): RpcUpstreamConfig | undefined {
    if (this.#protocol === 'http1') return undefined;
    const { between, bound, heartbeats } = this.#rpc;
    const carried = between === 'http2' || (between === 'either' && oneIn(this.#random, 2));
    const heartbeat = { intervalMs: 60, timeoutMs: 2000, jitterPercent: 20, idleIntervalMs: 0 };
    return { codec: carried ? 'rpc-http2' : undefined, bound, heartbeat: heartbeats ? heartbeat : undefined };
  }

  endpoints(addresses: readonly IpAddress[]): EndpointsConfig[] {
    const version = this.#next();
    const hosts = addresses.map((address) => ({
      address,
      weight: 1 + randomInteger(this.#random, 3),
      healthy: true,
      hostname: 'shop',
    }));
    return clusterNames.map((name) => ({ name, version, groups: [{ locality: '', priority: 0, weight: 0, hosts }] }));
  }

  routes(): RouteTableConfig {
    const action = forward(clusterNames[0], {
      timeoutMs: this.#timeoutMs,
      retry: this.#retry,
      clusters: clusterNames.map((name) => ({
        name,
        weight: randomInteger(this.#random, 3) + (name === clusterNames[0] ? 1 : 0),
        headers: noHeaderMutations,
        filterConfigs: {},
      })),
    });
    return routeTable([route(action)], { version: this.#next() });
  }

  /** `replace`: with another filter chain than before, so that connections of the old one end. */
  listener(replace = false): ListenerConfig {
    if (replace) this.#chainVersion++;
    return listenerConfig([chain(this.#network())], {
      version: this.#next(),
      address: this.address,
      bufferBytesMax: this.#bufferBytesMax,
    });
  }

  /** One that takes another port of the machine. */
  elsewhere(): ListenerConfig {
    return { ...this.listener(), name: 'elsewhere', address: ipAddress(this.address.host, listenerPort + 1) };
  }

  #network(): NetworkConfig {
    if (this.#isTcp) {
      return {
        kind: 'tcp',
        statPrefix: 'tcp',
        clusters: [{ name: clusterNames[0], weight: 1 }],
        idleTimeoutMs: 0,
        maxConnectAttempts: 2 + this.#chainVersion,
        maxDurationMs: 0,
        hashSourceIp: false,
        logOnConnect: false,
        logFlushIntervalMs: 0,
        accessLogs: [],
      };
    }
    const routes = { kind: 'named', name: 'routes' } as const;
    const more = {
      filters: this.#filters,
      accessLogs: [],
      streamIdleTimeoutMs: this.#weather.patient ? 0 : 3000,
      idleTimeoutMs: this.#tight.idleTimeoutMs,
      messageProgressTimeoutMs: this.#weather.calm ? 0 : 1500,
      heldBytesMax: 1024 * 1024 + this.#chainVersion,
    };
    return this.#protocol === 'http1'
      ? httpProxy(routes, {
          ...more,
          codec: 'http1',
          codecSettings: { http1: { acceptHttp10: true } },
          maxRequestsPerConnection: this.#tight.requestsMax,
        })
      : rpcProxy(routes, { ...more, protocol: this.#protocol, serviceLevel: this.#rpc.level });
  }

  #next(): string {
    return String(++this.#version);
  }
}

function drawRetry(random: Random, patient: boolean): RetryConfig | undefined {
  const backOff = { backOffBaseMs: 5, backOffMaxMs: 20 };
  switch (randomInteger(random, 3)) {
    case 0:
      return undefined;
    case 1:
      return retry(['connect-failure', 'refused-stream'], { retriesMax: 2, ...backOff });
    default:
      return retry(['5xx'], { retriesMax: 2, perTryTimeoutMs: patient ? 0 : oneOf(random, [0, 60, 200]), ...backOff });
  }
}

/** Without the fault filter the chain is straight; with it exchanges walk. */
function drawFilters(random: Random, aborts: boolean): readonly FilterConfig[] {
  const router = filterConfig('envoy.filters.http.router', { suppressEnvoyHeaders: false });
  if (!aborts && oneIn(random, 2)) return [router];
  const faults = {
    delay: { ppm: 200_000, fixedMs: 1 + randomInteger(random, 30), byHeader: false },
    abort: aborts ? { ppm: 50_000, status: 503, byHeader: false } : undefined,
    upstreamCluster: '',
    activeMax: 1000,
  };
  return [filterConfig('envoy.filters.http.fault', faults), router];
}

interface Tight {
  readonly cluster: Partial<ClusterConfig>;
  readonly idleTimeoutMs: number;
  readonly requestsMax: number;
}

const roomy: Tight = { cluster: {}, idleTimeoutMs: 0, requestsMax: 0 };

function drawTight(random: Random): Tight {
  return {
    cluster: {
      limits: {
        connectionsMax: 1 + randomInteger(random, 4),
        pendingRequestsMax: 1 + randomInteger(random, 6),
        requestsMax: 2 + randomInteger(random, 10),
        retriesMax: 1 + randomInteger(random, 3),
      },
      idleTimeoutMs: oneOf(random, [0, 50]),
      maxRequestsPerConnection: oneOf(random, [0, 1, 3]),
      multiplexedConnections: 1 + randomInteger(random, 3),
    },
    idleTimeoutMs: oneOf(random, [0, 0, 100]),
    requestsMax: oneOf(random, [0, 1, 4]),
  };
}
