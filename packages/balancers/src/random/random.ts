import { type Random, randomInteger } from '@sofamesh/base/random';
import type { Balancer, BalancerKind, Host, PickContext } from '@sofamesh/contract/balancer';

/** Any host, as often as its weight says (Envoy: RANDOM). */
class RandomBalancer implements Balancer {
  readonly #random: Random;
  #hosts: readonly Host[] = [];
  /** Running sums of the weights; empty when they are equal. */
  #sums: Float64Array = new Float64Array(0);

  constructor(random: Random) {
    this.#random = random;
  }

  update(hosts: readonly Host[]): void {
    this.#hosts = hosts;
    const equal = hosts.every((host) => host.weight === hosts[0]!.weight);
    this.#sums = new Float64Array(equal ? 0 : hosts.length);
    let sum = 0;
    for (let at = 0; at < this.#sums.length; at++) this.#sums[at] = sum += hosts[at]!.weight;
  }

  pick(context: PickContext): Host | undefined {
    const at = this.#draw();
    const host = this.#hosts[at];
    if (host === undefined || host !== context.avoid) return host;
    return this.#hosts[(at + 1) % this.#hosts.length];
  }

  #draw(): number {
    const sums = this.#sums;
    if (sums.length === 0) return randomInteger(this.#random, this.#hosts.length);
    const point = this.#random.next() * sums[sums.length - 1]!;
    let [low, high] = [0, sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (point < sums[middle]!) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

export const kind: BalancerKind = {
  name: 'random',
  create: (_options, random) => new RandomBalancer(random),
};
