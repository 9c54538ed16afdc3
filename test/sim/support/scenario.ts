import { type IpAddress, ipAddress } from '@sofamesh/base/address';
import { randomInteger } from '@sofamesh/base/random';
import type { ConfigUpdate } from '@sofamesh/proxy/config/update';
import { between, oneIn, oneOf } from './chance.ts';
import { HttpClient } from './http-client.ts';
import { HttpServer } from './http-server.ts';
import { Ledger } from './ledger.ts';
import { MeshConfig, plainRpc, type RpcShape } from './mesh-config.ts';
import { type ClientOptions, RpcClient } from './rpc-client.ts';
import { RpcServer, type ServerOptions } from './rpc-server.ts';
import { Sidecar } from './sidecar.ts';
import { drawWeather, type Weather } from './weather.ts';
import { type SimProtocol, wireOf } from './wires.ts';
import type { SimWorld } from './world.ts';

export interface Scenario {
  readonly protocol: SimProtocol;
  /** Sidecars in a row, the one next to the clients first. */
  readonly hops: readonly ('proxy' | 'tcp')[];
  readonly rpc?: RpcShape;
  /** So many clients with a call or two each, and not a few with many. */
  readonly crowd?: number;
}

interface Peer {
  close(): void;
}

interface Client extends Peer {
  act(): void;
}

interface Server extends Peer {
  start(): Promise<void>;
  stop(): void;
}

const serverIps = ['10.0.3.1', '10.0.3.2', '10.0.3.3'];
const clientIps = ['10.0.1.1', '10.0.1.2', '10.0.1.3'];
const serverPort = 9000;
const trafficMs = 800;
/** Every call must have ended so long after the last one began: all timeouts of the run are shorter. */
const patienceMs = 60_000;
const closingMsMax = 6500;

/** A mesh with its clients and servers, from the first call to the moment when nothing is left. */
export class Mesh {
  readonly ledger: Ledger;
  readonly #world: SimWorld;
  readonly #scenario: Scenario;
  readonly #weather: Weather;
  readonly #sidecars: Sidecar[] = [];
  readonly #configs: MeshConfig[] = [];
  readonly #clients: Client[] = [];
  readonly #servers: Server[] = [];
  #draining: Promise<void> | undefined = undefined;

  constructor(world: SimWorld, scenario: Scenario) {
    const { random } = world;
    const drawn = drawWeather(random);
    // Limits for a few clients would leave next to nothing of a crowd's calls.
    const weather = scenario.crowd === undefined ? drawn : { ...drawn, tight: false };
    this.#world = world;
    this.#scenario = scenario;
    this.#weather = weather;
    const drainMs = oneOf(random, [50, 2000]);
    for (const [at, kind] of scenario.hops.entries()) {
      const ip = `10.0.2.${at + 1}`;
      this.#sidecars.push(new Sidecar(world, ip, drainMs));
      const isLast = at === scenario.hops.length - 1;
      const rpc = scenario.rpc ?? plainRpc;
      const shape: RpcShape = isLast ? { ...rpc, between: 'frames' } : rpc;
      this.#configs.push(new MeshConfig(random, ip, scenario.protocol, kind, weather, shape));
    }
    this.ledger = new Ledger(world, {
      calm: weather.calm,
      breaksAllowed: breaksAllowed(scenario, weather),
      timeoutsAllowed: !weather.patient,
      sendsMax: this.#configs.reduce((product, { sendsMax }) => product * sendsMax, 1),
      idempotentSendsMax: this.#configs.reduce((product, { idempotentSendsMax }) => product * idempotentSendsMax, 1),
    });
    world.note(`weather ${JSON.stringify(weather)}`);
  }

  async run(): Promise<void> {
    const world = this.#world;
    this.#setFaults();
    await this.#start();
    this.#schedule();
    const ended = await world.runUntil(() => this.ledger.allEnded && world.clock.now() > trafficMs, patienceMs);
    if (!ended && world.violations.length === 0) this.ledger.check();
    if (world.violations.length > 0) return;
    await this.#end();
  }

  #setFaults(): void {
    const { network } = this.#world;
    const { downLink, midLink, upLink } = this.#weather;
    const both = (one: string, other: string, link: Weather['downLink']) => {
      network.setFaults(one, other, link);
      network.setFaults(other, one, link);
    };
    const [first, last] = [this.#sidecars[0]!, this.#sidecars.at(-1)!];
    for (const ip of clientIps) both(ip, first.ip, downLink);
    for (const ip of serverIps) both(ip, last.ip, upLink);
    both(first.ip, last.ip, midLink);
  }

  async #start(): Promise<void> {
    const { random } = this.#world;
    const { upLink, serversMisbehave, clientsMisbehave } = this.#weather;
    const unsplit = upLink.splitChance === 0 && upLink.windowBytes > 10_000;
    for (const ip of serverIps) {
      const options = {
        address: ipAddress(ip, serverPort),
        misbehaves: oneIn(random, 2) ? serversMisbehave : ('no' as const),
        unsplit,
        // Many calls are on each connection that it breaks.
        breaksOneIn: this.#scenario.crowd === undefined ? 1 : 5,
      };
      const server = this.#createServer(options);
      this.#servers.push(server);
      await server.start();
    }
    for (const [at, sidecar] of this.#sidecars.entries()) {
      const config = this.#configs[at]!;
      await sidecar.apply({
        clusters: config.clusters(),
        endpoints: config.endpoints(this.#targetsOf(at)),
        routes: [config.routes()],
        listeners: [config.listener()],
      });
    }
    const count = this.#scenario.crowd ?? 1 + randomInteger(random, clientIps.length);
    const target = this.#configs[0]!.address;
    for (let at = 0; at < count; at++) {
      const ip = clientIps[at % clientIps.length]!;
      this.#clients.push(this.#createClient({ name: `client ${at} ${ip}`, ip, target, misbehaves: clientsMisbehave }));
    }
  }

  /** Where the sidecar at this place of the row sends requests. */
  #targetsOf(at: number): readonly IpAddress[] {
    const next = this.#configs[at + 1];
    return next === undefined ? serverIps.map((ip) => ipAddress(ip, serverPort)) : [next.address];
  }

  #createClient(options: ClientOptions): Client {
    const wire = wireOf(this.#scenario.protocol);
    return wire === undefined ? new HttpClient(this.ledger, options) : new RpcClient(this.ledger, wire, options);
  }

  #createServer(options: ServerOptions): Server {
    const wire = wireOf(this.#scenario.protocol);
    return wire === undefined ? new HttpServer(this.ledger, options) : new RpcServer(this.ledger, wire, options);
  }

  // ── what happens while calls go on ────────────────────────────────────────────────────────────────────────────

  #schedule(): void {
    const { random } = this.#world;
    const { reconfigures, replacesChains, drains, serversMisbehave } = this.#weather;
    if (this.#scenario.crowd === undefined) this.#scheduleClients();
    else this.#scheduleCrowd();
    if (reconfigures)
      for (let left = 1 + randomInteger(random, 6); left > 0; left--) this.#at(() => this.#reconfigure());
    if (replacesChains) this.#at(() => this.#replaceChain());
    if (serversMisbehave !== 'no' && oneIn(random, 2)) this.#at(() => this.#hitServer());
    if (drains) this.#at(() => this.#drain());
  }

  #scheduleClients(): void {
    const { random } = this.#world;
    for (const client of this.#clients) {
      for (let left = 4 + randomInteger(random, 16); left > 0; left--) this.#at(() => client.act());
      if (oneIn(random, 8)) this.#burst(client);
    }
  }

  /** Everybody calls at nearly the same time, so that many calls are on one connection when something happens to it. */
  #scheduleCrowd(): void {
    const { random, clock } = this.#world;
    for (let rush = oneIn(random, 3) ? 2 : 1; rush > 0; rush--) {
      const startMs = (random.next() * trafficMs) / 2;
      const lastsMs = oneOf(random, [5, 30, 200]);
      for (const client of this.#clients) clock.after(startMs + random.next() * lastsMs, () => client.act());
    }
  }

  /** More calls at a time than there are low ids, slots of a small table, or places under a tight limit. */
  #burst(client: Client): void {
    const { clock, random } = this.#world;
    const startMs = random.next() * trafficMs;
    for (let left = 40; left > 0; left--) clock.after(startMs + random.next() * 30, () => client.act());
  }

  #at(action: () => void): void {
    const { clock, random } = this.#world;
    clock.after(random.next() * trafficMs, action);
  }

  /** A change that nobody may notice: calls go on, under the old or the new configuration. */
  #reconfigure(): void {
    const { random } = this.#world;
    const at = randomInteger(random, this.#sidecars.length);
    const config = this.#configs[at]!;
    const sidecar = this.#sidecars[at]!;
    const change = oneOf(random, ['endpoints', 'routes', 'clusters', 'listener', 'nothing'] as const);
    this.#world.note(`sidecar ${sidecar.ip}: new ${change}`);
    const apply = (update: ConfigUpdate) => void sidecar.apply(update);
    switch (change) {
      case 'endpoints': {
        const targets = this.#targetsOf(at);
        const some = targets.filter(() => oneIn(random, 2));
        apply({ endpoints: config.endpoints(some.length > 0 ? some : targets) });
        return;
      }
      case 'routes':
        apply({ routes: [config.routes()] });
        return;
      case 'clusters':
        apply({ clusters: config.clusters() });
        return;
      case 'listener':
        apply({ listeners: [config.listener()] });
        return;
      case 'nothing':
        void sidecar.abandon({
          clusters: config.clusters(),
          listeners: [config.elsewhere()],
          removedRoutes: ['routes'],
        });
    }
  }

  /** Connections of the chain before end; or the whole listener is gone for a while. */
  #replaceChain(): void {
    const { random, clock } = this.#world;
    const at = randomInteger(random, this.#sidecars.length);
    const sidecar = this.#sidecars[at]!;
    const config = this.#configs[at]!;
    const back = () => void sidecar.apply({ listeners: [config.listener(true)] });
    const removes = oneIn(random, 3);
    this.#world.note(`sidecar ${sidecar.ip}: ${removes ? 'listener removed' : 'new filter chain'}`);
    if (!removes) back();
    else {
      void sidecar.apply({ removedListeners: [config.listener().name] });
      if (this.#draining === undefined) clock.after(between(random, 0, 100), back);
    }
  }

  /** A server is cut off, loses its connections, or is gone for a while. */
  #hitServer(): void {
    const { random, network, clock } = this.#world;
    const at = randomInteger(random, serverIps.length);
    const ip = serverIps[at]!;
    const last = this.#sidecars.at(-1)!;
    const blow = oneOf(
      random,
      this.#weather.patient ? (['reset', 'restart'] as const) : (['reset', 'partition', 'restart'] as const),
    );
    const lastsMs = between(random, 10, 400);
    this.#world.note(`server ${ip} is hit: ${blow}`);
    switch (blow) {
      case 'reset':
        network.resetAll(ip);
        return;
      case 'partition':
        network.partition([ip], [last.ip]);
        clock.after(lastsMs, () => network.heal());
        return;
      case 'restart': {
        const server = this.#servers[at]!;
        server.stop();
        network.resetAll(ip);
        clock.after(lastsMs, () => void server.start());
      }
    }
  }

  #drain(): void {
    this.#world.note('the first sidecar drains');
    this.#draining ??= this.#sidecars[0]!.engine.drain(oneOf(this.#world.random, [0, 100, 1500]));
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #end(): Promise<void> {
    const world = this.#world;
    const { random } = world;
    // One-way calls need no less than this to arrive.
    if (this.#weather.calm) await world.runUntil(() => false, 3000);
    await this.#checkIdle();
    if (oneIn(random, 2)) {
      for (const client of this.#clients) client.close();
      await this.#checkBound();
    }
    if (oneIn(random, 2)) await world.runUntil(() => false, between(random, 0, 3000));
    let closed = false;
    void this.#close().then(() => {
      closed = true;
    });
    if (!(await world.runUntil(() => closed, patienceMs))) world.violate('a sidecar does not close');
    // Upstreams that do not read may be waited for so long; no call has a deadline any more.
    await world.runUntil(() => false, closingMsMax);
    for (const sidecar of this.#sidecars) sidecar.checkDeadlines();
    for (const peer of [...this.#clients, ...this.#servers]) peer.close();
    await world.runUntil(() => false, patienceMs);
    this.ledger.check();
    for (const sidecar of this.#sidecars) {
      sidecar.checkQuiet();
      sidecar.checkBooks();
    }
    this.#checkRequests();
    world.checkOver();
  }

  /** Where nothing goes wrong, what is sent comes and goes on, at every proxy that knows what a request is. */
  #checkRequests(): void {
    if (!this.#weather.calm) return;
    let sent = this.ledger.calls;
    for (const [at, sidecar] of this.#sidecars.entries()) {
      if (this.#scenario.hops[at] === 'tcp') continue;
      const { taken, passedOn, again } = sidecar.requests;
      if (taken !== sent || passedOn - again !== sent)
        this.#world.violate(`sidecar ${sidecar.ip}: ${sent} calls, ${taken} came, ${passedOn} - ${again} went on`);
      sent = passedOn;
    }
  }

  /** Whoever hears nothing of a peer for ever waits for it, with a one-way call or the rest of a body. */
  get #mayHang(): boolean {
    const { downLink, midLink, upLink } = this.#weather;
    return [downLink, midLink, upLink].some(({ silenceChance }) => silenceChance > 0);
  }

  /** What belongs to connections of clients goes with them. */
  async #checkBound(): Promise<void> {
    if (this.#scenario.rpc?.bound !== true || this.#mayHang) return;
    const open = () => this.#sidecars.reduce((sum, sidecar) => sum + sidecar.upstreamConnections, 0);
    if (!(await this.#world.runUntil(() => open() === 0, patienceMs)))
      this.#world.violate(`${open()} bound connections are left behind by their clients`);
  }

  /** Once every call has ended for its client, it ends at every proxy, all connections still being there. */
  async #checkIdle(): Promise<void> {
    const { protocol, hops } = this.#scenario;
    // A connection is what a TCP proxy counts as a request.
    if (protocol === 'http1' || hops.includes('tcp') || this.#mayHang) return;
    await this.#world.runUntil(() => this.#sidecars.every(({ busy }) => busy.length === 0), patienceMs);
    for (const { ip, busy } of this.#sidecars) {
      if (busy.length > 0) this.#world.violate(`sidecar ${ip} is not idle although all calls have ended: ${busy}`);
    }
  }

  async #close(): Promise<void> {
    await this.#draining;
    for (const { engine } of this.#sidecars) await engine.close();
  }
}

/** Whether connections of clients that do nothing wrong may break. */
function breaksAllowed({ hops }: Scenario, weather: Weather): boolean {
  const { downLink, replacesChains, drains, tight } = weather;
  if (hops[0] === 'tcp' && !weather.calm) return true;
  return replacesChains || drains || tight || downLink.resetChance + downLink.refuseChance + downLink.silenceChance > 0;
}
