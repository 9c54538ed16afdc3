import { type IpAddress, ipAddress } from '@sofamesh/base/address';
import { randomInteger } from '@sofamesh/base/random';
import { defaultCodecLimits } from '@sofamesh/contract/protocol';
import type { ClusterConfig } from '@sofamesh/proxy/config/cluster';
import type { ListenerConfig } from '@sofamesh/proxy/config/listener';
import {
  chain,
  clusterConfig,
  filterConfig,
  forward,
  httpProxy,
  inline,
  listenerConfig,
  retry,
  route,
  rpcProxy,
} from '@sofamesh/proxy/test-support/configs';
import { oneIn } from './chance.ts';
import { HostileClient, HostileServer, PlainCaller } from './hostile-peers.ts';
import { HttpClient } from './http-client.ts';
import { HttpServer } from './http-server.ts';
import { Ledger } from './ledger.ts';
import { RpcClient } from './rpc-client.ts';
import { RpcServer } from './rpc-server.ts';
import { Sidecar } from './sidecar.ts';
import { type SimProtocol, wireOf } from './wires.ts';
import type { SimWorld } from './world.ts';

const proxyIp = '10.0.2.1';
const goodIp = '10.0.3.1';
const evilIp = '10.0.3.9';
const clientIp = '10.0.1.1';
const hostileIp = '10.0.1.9';
const serverPort = 9000;
const trafficMs = 500;
const patienceMs = 30_000;
/** All timeouts of the listeners are shorter. */
const silenceMs = 5000;

/**
 * One sidecar, and on it two listeners: honest clients and servers on one, on the other peers that say anything. The
 * honest ones may not notice, and the others must all be got rid of.
 */
export class HostileMesh {
  readonly ledger: Ledger;
  readonly #world: SimWorld;
  readonly #protocol: SimProtocol;
  readonly #sidecar: Sidecar;
  readonly #good = ipAddress(proxyIp, 8080);
  readonly #evil = ipAddress(proxyIp, 8081);
  readonly #hostile: HostileClient[] = [];
  readonly #callers: PlainCaller[] = [];

  constructor(world: SimWorld, protocol: SimProtocol) {
    this.#world = world;
    this.#protocol = protocol;
    this.#sidecar = new Sidecar(world, proxyIp, 1000);
    const once = { sendsMax: 1, idempotentSendsMax: 1 };
    this.ledger = new Ledger(world, { calm: true, breaksAllowed: false, timeoutsAllowed: false, ...once });
  }

  async run(): Promise<void> {
    const world = this.#world;
    const { random, clock } = world;
    const serverOptions = { address: ipAddress(goodIp, serverPort), misbehaves: 'no', unsplit: false } as const;
    const wire = wireOf(this.#protocol);
    const server =
      wire === undefined ? new HttpServer(this.ledger, serverOptions) : new RpcServer(this.ledger, wire, serverOptions);
    const hostileServer = new HostileServer(world, ipAddress(evilIp, serverPort), this.#protocol);
    await server.start();
    await hostileServer.start();
    await this.#sidecar.apply({
      clusters: [this.#cluster('good', goodIp), this.#cluster('evil', evilIp)],
      listeners: [this.#listener('good', this.#good), this.#listener('evil', this.#evil)],
    });
    const options = { name: 'client', ip: clientIp, target: this.#good, misbehaves: false };
    const client =
      wire === undefined ? new HttpClient(this.ledger, options) : new RpcClient(this.ledger, wire, options);
    const at = (action: () => void) => void clock.after(random.next() * trafficMs, action);
    for (let left = 6; left > 0; left--) at(() => client.act());
    for (let left = 5 + randomInteger(random, 20); left > 0; left--) at(() => this.#addHostile());

    const ended = await world.runUntil(() => this.ledger.allEnded && clock.now() > trafficMs, patienceMs);
    if (!ended) this.ledger.check();
    await world.runUntil(() => false, silenceMs);
    for (const caller of this.#callers) {
      if (!caller.heard) world.violate('a call to a hostile server was neither answered nor broken');
      caller.close();
    }
    if (!(await world.runUntil(() => this.#hostile.every(({ gone }) => gone), patienceMs)))
      world.violate('a hostile client is still connected');
    if (world.violations.length > 0) return;
    client.close();
    let closed = false;
    void this.#sidecar.engine.close().then(() => {
      closed = true;
    });
    if (!(await world.runUntil(() => closed, patienceMs))) world.violate('the sidecar does not close');
    hostileServer.stop();
    server.close();
    await world.runUntil(() => false, patienceMs);
    this.ledger.check();
    world.checkOver();
    this.#sidecar.checkQuiet();
  }

  #addHostile(): void {
    const world = this.#world;
    if (oneIn(world.random, 3)) this.#callers.push(new PlainCaller(world, hostileIp, this.#evil, this.#protocol));
    else this.#hostile.push(new HostileClient(world, hostileIp, this.#evil, this.#protocol));
  }

  #cluster(name: string, ip: string): ClusterConfig {
    const hosts = [{ address: ipAddress(ip, serverPort), weight: 1, healthy: true, hostname: name }];
    const groups = [{ locality: '', priority: 0, weight: 0, hosts }];
    return clusterConfig(name, [], {
      discovery: { kind: 'static', endpoints: { name, version: '1', groups } },
      balancer: { name: 'round_robin', options: undefined },
      connectTimeoutMs: 100,
      httpCodec: { kind: 'named', name: 'http1' },
    });
  }

  #listener(name: string, address: IpAddress): ListenerConfig {
    const isEvil = name === 'evil';
    const action = forward(name, {
      timeoutMs: isEvil ? 300 : 20_000,
      retry: isEvil && oneIn(this.#world.random, 2) ? retry(['5xx']) : undefined,
    });
    const routes = inline([route(action)]);
    const timeouts = isEvil
      ? { idleTimeoutMs: 800, streamIdleTimeoutMs: 600, messageProgressTimeoutMs: 400, heldBytesMax: 20_000 }
      : {};
    const more = {
      statPrefix: name,
      filters: [filterConfig('envoy.filters.http.router', { suppressEnvoyHeaders: false })],
      accessLogs: [],
      limits: isEvil
        ? { ...defaultCodecLimits, headBytesMax: 4000, frameBytesMax: 16_000, streamsMax: 4 }
        : defaultCodecLimits,
      ...timeouts,
    };
    const network =
      this.#protocol === 'http1'
        ? httpProxy(routes, {
            ...more,
            codec: isEvil ? 'auto' : 'http1',
            codecSettings: { http1: { acceptHttp10: true } },
            requestTimeoutMs: isEvil ? 1000 : 0,
          })
        : rpcProxy(routes, { ...more, protocol: this.#protocol });
    return listenerConfig([chain(network)], { name, address });
  }
}
