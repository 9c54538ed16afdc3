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
import { protocol as http1 } from '@sofamesh/protocols/http1/http1';
import type { ConfigUpdate } from '@sofamesh/proxy/config/update';
import { Engine } from '@sofamesh/proxy/engine';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import type { SimWorld } from './world.ts';

const byName = <Kind extends { readonly name: string }>(...kinds: readonly Kind[]) =>
  new Map(kinds.map((kind) => [kind.name, kind]));

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
      protocols: byName(bolt, dubbo, http1),
      balancers: byName<BalancerKind>(leastRequest as BalancerKind, random as BalancerKind, roundRobin as BalancerKind),
      filters: byName<FilterKind>(fault as FilterKind, router as FilterKind),
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
