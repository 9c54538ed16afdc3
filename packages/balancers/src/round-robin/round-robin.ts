import { type Random, randomInteger } from '@sofamesh/base/random';
import type { Balancer, BalancerKind, Host, PickContext } from '@sofamesh/contract/balancer';
import { WeightedSchedule } from '../shared/weighted-schedule.ts';

/** Each host in turn, in proportion to its weight (Envoy: ROUND_ROBIN). */
class RoundRobin implements Balancer {
  readonly #random: Random;
  #hosts: readonly Host[] = [];
  #next = 0;
  /** Only for unequal weights. */
  #schedule: WeightedSchedule | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  update(hosts: readonly Host[]): void {
    this.#hosts = hosts;
    const equal = hosts.every((host) => host.weight === hosts[0]!.weight);
    this.#schedule = equal
      ? undefined
      : new WeightedSchedule(
          hosts.map((host) => host.weight),
          this.#random.next(),
        );
    this.#next = hosts.length === 0 ? 0 : randomInteger(this.#random, hosts.length);
  }

  pick(context: PickContext): Host | undefined {
    const host = this.#take();
    return host !== undefined && host === context.avoid && this.#hosts.length > 1 ? this.#take() : host;
  }

  #take(): Host | undefined {
    if (this.#schedule !== undefined) return this.#hosts[this.#schedule.take()];
    if (this.#hosts.length === 0) return undefined;
    if (this.#next >= this.#hosts.length) this.#next = 0;
    return this.#hosts[this.#next++];
  }
}

export const kind: BalancerKind = {
  name: 'round_robin',
  create: (_options, random) => new RoundRobin(random),
};
