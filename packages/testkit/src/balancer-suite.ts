import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import { SeededRandom } from '@sofamesh/base/random';
import type { BalancerKind, Host, PickContext } from '@sofamesh/contract/balancer';

/** Hosts 10.0.0.1, 10.0.0.2, … with these weights. */
export function hostsOf(weights: readonly number[]): Host[] {
  return weights.map((weight, at) => {
    const host = `10.0.0.${at + 1}`;
    return { address: ipAddress(host, 80), name: `${host}:80`, weight, activeRequests: 0 };
  });
}

const anyHost: PickContext = { hash: undefined, avoid: undefined };

/** What every balancer promises. `spreads`: shares follow the weights (hashing ones do so only over many keys). */
export function balancerSuite<Options>(kind: BalancerKind<Options>, { spreads = true } = {}): void {
  const create = (weights: readonly number[], seed = 1) => {
    const balancer = kind.create(undefined, new SeededRandom(seed));
    const hosts = hostsOf(weights);
    balancer.update(hosts);
    return { balancer, hosts };
  };

  describe(`balancer ${kind.name}`, () => {
    test('has no host to give when there is none', () => {
      const { balancer } = create([]);
      assert.equal(balancer.pick(anyHost), undefined);
      balancer.update(hostsOf([1]));
      assert.equal(balancer.pick(anyHost)?.name, '10.0.0.1:80');
      balancer.update([]);
      assert.equal(balancer.pick(anyHost), undefined);
    });

    test('gives only hosts of the present set', () => {
      const { balancer, hosts } = create([1, 1, 1, 1]);
      const fewer = hosts.slice(1, 3);
      balancer.update(fewer);
      for (let at = 0; at < 200; at++) assert.ok(fewer.includes(balancer.pick({ hash: at, avoid: undefined })!));
    });

    for (const weights of [
      [1, 1, 1],
      [1, 2, 7],
      [100, 1],
      [1, 1, 1, 1, 1, 5],
    ]) {
      test(`shares follow weights ${weights.join(':')}`, { skip: !spreads }, () => {
        const { balancer, hosts } = create(weights);
        const seen = new Map<Host, number>(hosts.map((host) => [host, 0]));
        const picks = 20_000;
        for (let at = 0; at < picks; at++) {
          const host = balancer.pick(anyHost)!;
          seen.set(host, seen.get(host)! + 1);
        }
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (const host of hosts) {
          const share = seen.get(host)! / picks;
          assert.ok(
            Math.abs(share - host.weight / total) < 0.02,
            `${host.name}: ${share} instead of ${host.weight / total}`,
          );
        }
      });
    }

    test('avoids a host that failed, when there is another one', () => {
      const { balancer, hosts } = create([1, 1, 1]);
      const context = { hash: 7, avoid: hosts[0] };
      for (let at = 0; at < 100; at++) assert.notEqual(balancer.pick(context), hosts[0]);
      balancer.update([hosts[0]!]);
      assert.equal(balancer.pick(context), hosts[0], 'the only host is better than none');
    });

    test('picks the same for the same seed', () => {
      const names = (seed: number) => {
        const { balancer } = create([3, 1, 2], seed);
        return Array.from({ length: 50 }, () => balancer.pick(anyHost)!.name);
      };
      assert.deepEqual(names(42), names(42));
    });
  });
}
