import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import { address } from '../config/test-support/readers.ts';
import { world } from './test-support/world.ts';

function dnsCluster(type: string, ...hosts: string[]): JsonObject {
  const lb_endpoints = hosts.map((host) => ({ endpoint: { address: address(80, host) } }));
  return {
    static_resources: {
      clusters: [{ name: 'c', type, load_assignment: { cluster_name: 'c', endpoints: [{ lb_endpoints }] } }],
    },
  };
}

function hostsOf({ state }: ReturnType<typeof world>): string[] {
  const [endpoints] = state.current().endpoints ?? [];
  return (endpoints?.groups ?? []).flatMap(({ hosts }) =>
    hosts.map((host) => (host.address.kind === 'ip' ? host.address.host : '')),
  );
}

describe('clusters by DNS', () => {
  test('STRICT_DNS: every address is a host; a change is sent, an equal answer is not, a failure keeps what was', async () => {
    let answer: () => Promise<string[]> = async () => ['10.0.0.2', '10.0.0.1', 'junk'];
    const it = world(dnsCluster('STRICT_DNS', 'a.example', '10.9.9.9'), () => answer());
    await it.start();
    await it.pass(0);
    assert.deepEqual(it.applier.take(), ['+cluster c', '+endpoints c']);
    assert.deepEqual(hostsOf(it), ['10.0.0.2', '10.0.0.1', '10.9.9.9']);
    answer = async () => ['10.0.0.1', '10.0.0.2'];
    await it.pass(5_000);
    assert.deepEqual(it.applier.take(), []);
    answer = () => Promise.reject(new Error('SERVFAIL'));
    await it.pass(5_000);
    assert.deepEqual(it.applier.take(), []);
    assert.equal(it.stats.value('cluster.c.update_failure'), 1);
    answer = async () => ['10.0.0.3'];
    await it.pass(5_000);
    assert.deepEqual(it.applier.take(), ['+endpoints c']);
    assert.deepEqual(hostsOf(it), ['10.0.0.3', '10.9.9.9']);
    it.state.stop();
    await it.pass(60_000);
    assert.equal(it.clock.nextDueMs(), undefined);
  });

  test('LOGICAL_DNS: one host, the same as long as the name stands for it', async () => {
    let answer = ['10.0.0.1', '10.0.0.2'];
    const it = world(dnsCluster('LOGICAL_DNS', 'a.example'), async () => answer);
    await it.start();
    await it.pass(0);
    assert.deepEqual(hostsOf(it), ['10.0.0.1']);
    answer = ['10.0.0.2', '10.0.0.1'];
    await it.pass(5_000);
    assert.deepEqual(hostsOf(it), ['10.0.0.1']);
    answer = ['10.0.0.2'];
    await it.pass(5_000);
    assert.deepEqual(hostsOf(it), ['10.0.0.2']);
    it.state.stop();
  });

  test('a resolver that fails or never answers does not hold the start back for long', async () => {
    for (const resolve of [() => Promise.reject(new Error('NXDOMAIN')), () => new Promise<string[]>(() => {})]) {
      const it = world(dnsCluster('STRICT_DNS', 'a.example'), resolve);
      await it.start();
      await it.pass(10_000);
      assert.deepEqual(it.applier.take(), ['+cluster c', '+endpoints c']);
      assert.equal(it.initialized.length, 1);
      assert.deepEqual(hostsOf(it), []);
      it.state.stop();
    }
  });
});
