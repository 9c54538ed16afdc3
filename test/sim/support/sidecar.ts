import { kind as leastRequest } from '@sofamesh/balancers/least-request/least-request';
import { kind as random } from '@sofamesh/balancers/random/random';
import { kind as roundRobin } from '@sofamesh/balancers/round-robin/round-robin';
import { silentLogger } from '@sofamesh/base/logger';
import { TimerWheel } from '@sofamesh/base/timer-wheel';
import type { BalancerKind } from '@sofamesh/contract/balancer';
import type { FilterKind } from '@sofamesh/contract/filter';
import { kind as fault } from '@sofamesh/filters/fault/fault';
import { kind as router } from '@sofamesh/filters/router/router';
import { protocol as bolt } from '@sofamesh/protocols/bolt/bolt';
import { protocol as dubbo } from '@sofamesh/protocols/dubbo/dubbo';
import { protocol as dubboThrift } from '@sofamesh/protocols/dubbo-thrift/dubbo-thrift';
import { protocol as example } from '@sofamesh/protocols/example/example';
import { protocol as hsf } from '@sofamesh/protocols/hsf/hsf';
import { protocol as http1 } from '@sofamesh/protocols/http1/http1';
import { protocol as http2 } from '@sofamesh/protocols/http2/http2';
import { compose as composeCarrier } from '@sofamesh/protocols/rpc-http2/rpc-http2';
import { protocol as tars } from '@sofamesh/protocols/tars/tars';
import { protocol as thrift } from '@sofamesh/protocols/thrift/thrift';
import type { ConfigUpdate } from '@sofamesh/proxy/config/update';
import { Engine } from '@sofamesh/proxy/engine';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import { clusterNames } from './mesh-config.ts';
import type { SimWorld } from './world.ts';

const byName = <Kind extends { readonly name: string }>(...kinds: readonly Kind[]) =>
  new Map(kinds.map((kind) => [kind.name, kind]));

const protocols = byName(bolt, dubbo, dubboThrift, example, hsf, http1, http2, tars, thrift);
const carrier = composeCarrier(protocols)!;
protocols.set(carrier.name, carrier);

/** Gauges that say what is configured and not what is going on. */
const standingGauges = /membership_|total_listeners_active$/;

/** The real data plane on one machine of the world. */
export class Sidecar {
  readonly ip: string;
  readonly stats = new MemoryStats();
  readonly engine: Engine;
  readonly #world: SimWorld;
  readonly #wheel: TimerWheel;
  #requests = 0;

  constructor(world: SimWorld, ip: string, drainMs: number) {
    this.ip = ip;
    this.#world = world;
    this.#wheel = new TimerWheel(world.clock);
    this.engine = new Engine({
      clock: world.clock,
      wheel: this.#wheel,
      random: world.random,
      transport: world.network.machine(ip),
      stats: this.stats,
      logger: silentLogger,
      protocols,
      balancers: byName<BalancerKind>(leastRequest as BalancerKind, random as BalancerKind, roundRobin as BalancerKind),
      filters: byName<FilterKind>(fault as FilterKind, router as FilterKind),
      networkFilters: new Map(),
      openAccessLog: () => ({ log() {} }),
      compileFormat: (format) => () => format,
      compileJsonFormat: () => () => '',
      requestId: () => `${ip}-${++this.#requests}`,
      drainMs,
    });
  }

  async apply(update: ConfigUpdate): Promise<void> {
    const prepared = await this.engine.prepare(update);
    for (const { kind, name, reason } of prepared.rejections) {
      this.#world.violate(`sidecar ${this.ip} refused ${kind} ${name}: ${reason}`);
    }
    prepared.commit(prepared.rejections);
  }

  /** An update that another worker refused. */
  async abandon(update: ConfigUpdate): Promise<void> {
    (await this.engine.prepare(update)).abandon();
  }

  /** Whatever begins is counted again where it ends. */
  checkBooks(): void {
    const { stats } = this;
    const rq = (what: string) => stats.get(`http.in.downstream_rq_${what}`);
    const ends = ['completed', 'one_way', 'rx_reset', 'tx_reset'].map((what) => `${what}=${rq(what)}`);
    const ended = rq('completed') + rq('one_way') + rq('rx_reset') + rq('tx_reset');
    if (rq('total') !== ended)
      this.#world.violate(`sidecar ${this.ip}: of ${rq('total')} requests: ${ends.join(', ')}`);
    const classes = ['1xx', '2xx', '3xx', '4xx', '5xx'].reduce((sum, each) => sum + rq(each), 0);
    if (classes !== rq('completed'))
      this.#world.violate(`sidecar ${this.ip}: ${classes} statuses of completed requests`);
    for (const name of clusterNames) {
      const cx = (what: string) => stats.get(`cluster.${name}.upstream_cx_${what}`);
      if (cx('total') !== cx('destroy') || cx('destroy') !== cx('destroy_local') + cx('destroy_remote'))
        this.#world.violate(`sidecar ${this.ip}: ${name}: ${cx('total')} connections, ${cx('destroy')} destroyed`);
    }
  }

  /** Requests that came, that went on, and how many of those went on again. */
  get requests(): { readonly taken: number; readonly passedOn: number; readonly again: number } {
    const { stats } = this;
    const sum = (what: string) =>
      clusterNames.reduce((total, name) => total + stats.get(`cluster.${name}.upstream_rq_${what}`), 0);
    const again = sum('retry') + sum('resent');
    return { taken: stats.get('http.in.downstream_rq_total'), passedOn: sum('total'), again };
  }

  get upstreamConnections(): number {
    return clusterNames.reduce((sum, name) => sum + this.stats.get(`cluster.${name}.upstream_cx_active`), 0);
  }

  /** Gauges of requests that are under way. */
  get busy(): readonly string[] {
    return this.stats.gaugesLeft(standingGauges).filter((name) => /_rq_(pending_)?active$/.test(name));
  }

  checkDeadlines(): void {
    const { waiting } = this.#wheel;
    if (waiting > 0) this.#world.violate(`sidecar ${this.ip}: ${waiting} deadlines wait`);
  }

  /** After everything was closed. */
  checkQuiet(): void {
    const where = `sidecar ${this.ip}`;
    const gauges = this.stats.gaugesLeft(standingGauges);
    if (gauges.length > 0) {
      const values = gauges.map((name) => `${name}=${this.stats.value(name)}`);
      this.#world.violate(`${where}: gauges are left: ${values.join(', ')}`);
    }
    this.checkDeadlines();
    for (const cluster of this.engine.status().clusters) {
      for (const host of cluster.hosts) {
        if (host.cxActive !== 0 || host.rqActive !== 0) {
          this.#world.violate(`${where}: ${cluster.name} has ${host.cxActive} connections, ${host.rqActive} requests`);
        }
      }
    }
    for (const listener of this.engine.status().listeners) {
      if (listener.connections !== 0) this.#world.violate(`${where}: ${listener.connections} clients`);
    }
  }
}
