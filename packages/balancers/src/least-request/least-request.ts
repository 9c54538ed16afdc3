import { type Random, randomInteger } from '@sofamesh/base/random';
import type { Balancer, BalancerKind, Host, PickContext } from '@sofamesh/contract/balancer';
import { WeightedSchedule } from '../shared/weighted-schedule.ts';

/** Envoy's LeastRequestLbConfig. */
export interface LeastRequestOptions {
  /** Hosts to draw; the one with the fewest requests in flight wins. Default 2. */
  readonly choiceCount: number;
  /** Unequal weights: weight / (active + 1) ^ bias. Default 1. */
  readonly activeRequestBias: number;
}

const defaults: LeastRequestOptions = { choiceCount: 2, activeRequestBias: 1 };

/**
 * With equal weights: draws a few hosts and takes the least busy ("power of two choices"). With unequal ones: a weighted
 * schedule in which a busy host counts for less (Envoy: LEAST_REQUEST).
 */
class LeastRequest implements Balancer {
  readonly #options: LeastRequestOptions;
  readonly #random: Random;
  #hosts: readonly Host[] = [];
  #schedule: WeightedSchedule | undefined;
  readonly #loadWeight = (item: number): number => {
    const host = this.#hosts[item]!;
    const { activeRequestBias: bias } = this.#options;
    return bias === 0 ? host.weight : host.weight / (host.activeRequests + 1) ** bias;
  };

  constructor(options: LeastRequestOptions, random: Random) {
    this.#options = options;
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
  }

  pick(context: PickContext): Host | undefined {
    if (this.#schedule === undefined) return this.#draw(context);
    const host = this.#hosts[this.#schedule.take(this.#loadWeight)];
    return host === context.avoid ? this.#hosts[this.#schedule.take(this.#loadWeight)] : host;
  }

  #draw(context: PickContext): Host | undefined {
    const hosts = this.#hosts;
    if (hosts.length <= 1) return hosts[0];
    let best: Host | undefined;
    for (let draws = this.#options.choiceCount; draws > 0; draws--) {
      const host = hosts[randomInteger(this.#random, hosts.length)]!;
      if (host === context.avoid) continue;
      if (best === undefined || host.activeRequests < best.activeRequests) best = host;
    }
    return best ?? this.#neighbourOf(context.avoid);
  }

  /** Every draw hit the host to avoid: any other one will do. */
  #neighbourOf(avoid: Host | undefined): Host | undefined {
    const at = avoid === undefined ? 0 : this.#hosts.indexOf(avoid) + 1;
    return this.#hosts[at % this.#hosts.length];
  }
}

export const kind: BalancerKind<LeastRequestOptions> = {
  name: 'least_request',
  create: (options, random) => new LeastRequest(options ?? defaults, random),
};
