import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '@sofamesh/base/random';
import { balancerSuite, hostsOf } from '@sofamesh/testkit/balancer-suite';
import { kind } from './least-request.ts';

balancerSuite(kind);

test('prefers the host with fewer requests in flight', () => {
  for (const weights of [
    [1, 1],
    [2, 3],
  ]) {
    const balancer = kind.create(undefined, new SeededRandom(3));
    const hosts = hostsOf(weights);
    balancer.update(hosts);
    hosts[0]!.activeRequests = 50;
    let busy = 0;
    for (let at = 0; at < 1000; at++) if (balancer.pick({ hash: undefined, avoid: undefined }) === hosts[0]) busy++;
    assert.ok(busy < 300, `${busy} of 1000 went to the busy host`);
  }
});
