import { type IpAddress, ipAddress } from '@sofamesh/base/address';
import { randomInteger } from '@sofamesh/base/random';
import {
  chain,
  clusterConfig,
  filterConfig,
  forward,
  inline,
  listenerConfig,
  route,
  rpcProxy,
} from '@sofamesh/proxy/test-support/configs';
import { calmLink, type LinkFaults } from '@sofamesh/testkit/sim-network/faults';
import { ByteClient, ByteServer } from './byte-peers.ts';
import { Talk } from './byte-talk.ts';
import { oneIn, oneOf } from './chance.ts';
import { Sidecar } from './sidecar.ts';
import type { SimWorld } from './world.ts';

const clientIp = '10.0.1.1';
const serverIps = ['10.0.3.1', '10.0.3.2'];
const serverPort = 9000;
const trafficMs = 300;
const patienceMs = 60_000;
const bytesMax = 30_000;

/** Clients and servers that exchange bytes through proxies of service level RELAY, in a row. */
export class RelayMesh {
  /** Bytes that arrived where they should. */
  arrivedBytes = 0;
  readonly #world: SimWorld;
  readonly #sidecars: readonly Sidecar[];
  readonly #talks = new Map<number, Talk>();
  readonly #clients: ByteClient[] = [];
  readonly #calm: boolean;
  readonly #peersBreak: boolean;

  constructor(world: SimWorld, hops: number) {
    const { random } = world;
    this.#world = world;
    this.#calm = oneIn(random, 3);
    this.#peersBreak = !this.#calm && oneIn(random, 2);
    this.#sidecars = Array.from({ length: hops }, (_, at) => new Sidecar(world, `10.0.2.${at + 1}`, 1000));
  }

  async run(): Promise<void> {
    const world = this.#world;
    const { random, clock } = world;
    const [first, last] = [this.#sidecars[0]!, this.#sidecars.at(-1)!];
    this.#link(clientIp, first.ip);
    if (first !== last) this.#link(first.ip, last.ip);
    for (const ip of serverIps) this.#link(last.ip, ip);
    const servers = serverIps.map(
      (ip) => new ByteServer(world, ipAddress(ip, serverPort), this.#talks, this.#peersBreak),
    );
    for (const server of servers) await server.start();
    for (const [at, sidecar] of this.#sidecars.entries()) await this.#configure(sidecar, at, '1');

    for (let number = 1; number <= 5 + randomInteger(random, 20); number++) {
      const talk = new Talk(world, number, randomInteger(random, bytesMax), randomInteger(random, bytesMax));
      this.#talks.set(number, talk);
      clock.after(random.next() * trafficMs, () => {
        this.#clients.push(new ByteClient(world, clientIp, address(first), talk, this.#peersBreak));
      });
    }
    // Clusters with their hosts are replaced: who is connected does not notice.
    if (oneIn(random, 2)) clock.after(random.next() * trafficMs, () => void this.#configure(first, 0, '2'));
    if (!this.#calm && oneIn(random, 3))
      clock.after(random.next() * trafficMs, () => world.network.resetAll(oneOf(random, serverIps)));

    const over = () =>
      this.#clients.length === this.#talks.size &&
      this.#clients.every(({ closed }) => closed) &&
      servers.every(({ quiet }) => quiet);
    if (!(await world.runUntil(over, patienceMs))) this.#violateOpen(servers);
    if (this.#calm) for (const talk of this.#talks.values()) talk.checkWhole();
    for (const { asked, answered } of this.#talks.values()) {
      this.arrivedBytes += asked.receivedBytes + answered.receivedBytes;
    }
    if (world.violations.length > 0) return;
    let closed = false;
    void Promise.all(this.#sidecars.map(({ engine }) => engine.close())).then(() => {
      closed = true;
    });
    if (!(await world.runUntil(() => closed, patienceMs))) world.violate('a sidecar does not close');
    for (const server of servers) server.close();
    await world.runUntil(() => false, patienceMs);
    for (const sidecar of this.#sidecars) {
      sidecar.checkQuiet();
      sidecar.checkBooks();
    }
    world.checkOver();
  }

  #violateOpen(servers: readonly ByteServer[]): void {
    const open = [...this.#clients, ...servers.flatMap(({ peers }) => peers)].filter(({ closed }) => !closed);
    this.#world.violate(`these do not end: ${open.join('; ') || 'nothing that is open'}`);
  }

  #link(one: string, other: string): void {
    const { random, network } = this.#world;
    const breaks = !this.#calm && oneIn(random, 3);
    const faults: LinkFaults = {
      ...calmLink,
      latencyMsMax: oneIn(random, 2) ? 0.2 : 10,
      splitChance: random.next() * 0.8,
      coalesceChance: random.next(),
      windowBytes: oneIn(random, 3) ? 1500 : calmLink.windowBytes,
      resetChance: breaks ? 0.01 : 0,
      refuseChance: breaks && oneIn(random, 2) ? 0.2 : 0,
    };
    network.setFaults(one, other, faults);
    network.setFaults(other, one, faults);
  }

  async #configure(sidecar: Sidecar, at: number, version: string): Promise<void> {
    const next = this.#sidecars[at + 1];
    const hosts = (next === undefined ? serverIps.map((ip) => ipAddress(ip, serverPort)) : [address(next)]).map(
      (each) => ({ address: each, weight: 1, healthy: true, hostname: 'peer' }),
    );
    const groups = [{ locality: '', priority: 0, weight: 0, hosts }];
    const cluster = clusterConfig('shop-a', [], {
      version,
      discovery: { kind: 'static', endpoints: { name: 'shop-a', version, groups } },
      balancer: { name: 'round_robin', options: undefined },
      connectTimeoutMs: 100,
    });
    const network = rpcProxy(inline([route(forward('shop-a'))]), {
      protocol: '',
      serviceLevel: 'relay',
      filters: [filterConfig('envoy.filters.http.router', { suppressEnvoyHeaders: false })],
      accessLogs: [],
    });
    const listener = listenerConfig([chain(network)], { version, address: address(sidecar) });
    await sidecar.apply({ clusters: [cluster], listeners: [listener] });
  }
}

function address({ ip }: Sidecar): IpAddress {
  return ipAddress(ip, 8080);
}
