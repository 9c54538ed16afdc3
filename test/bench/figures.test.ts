import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test } from 'node:test';
import { judgeScenario } from './aims.ts';
import { chooseCores, coresOfList } from './cores.ts';
import { median, medianSample, noCpu, ratioOf } from './figures.ts';
import { readOptions } from './options.ts';
import { scenarioText } from './report.ts';
import { Latencies } from './rpc/latencies.ts';
import { pickNames } from './scenarios.ts';
import { usageOf } from './usage.ts';
import { warmUp } from './warm-up.ts';

const sample = { requestsPerSecond: 100, p50Us: 10, p99Us: 20, cpuUsPerRequest: 5, coreShare: 1, rssMb: 60 };

describe('figures', () => {
  test('median, of each figure by itself', () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.ok(Number.isNaN(median([])));
    const runs = [sample, { ...sample, p50Us: 30, rssMb: 50 }, { ...sample, p50Us: 20, rssMb: 70 }];
    assert.deepEqual(medianSample(runs), { ...sample, p50Us: 20 });
  });

  test('a ratio pairs the runs that followed each other', () => {
    const slower = (factor: number) => ({ ...sample, cpuUsPerRequest: sample.cpuUsPerRequest * factor });
    const peer = [slower(2), slower(4), slower(40)];
    assert.equal(ratioOf([slower(1), slower(2), slower(20)], peer).cpuUsPerRequest, 0.5);
    assert.equal(ratioOf([slower(1), slower(2)], peer.slice(0, 2)).p50Us, 1);
  });

  test('quantiles of latencies', () => {
    const latencies = new Latencies();
    assert.equal(latencies.quantile(0.5), 0);
    for (let microseconds = 1; microseconds <= 100; microseconds++) latencies.add(microseconds);
    latencies.add(10_000_000);
    assert.equal(latencies.quantile(0.5), 51);
    assert.equal(latencies.quantile(0.99), 100);
    assert.equal(latencies.quantile(1), 200_000);
  });

  test('the proxy has a core of its own where there are two', () => {
    assert.deepEqual(coresOfList('0-2,5'), [0, 1, 2, 5]);
    assert.deepEqual(chooseCores([0, 1]), { proxy: 1, load: 0, backend: 0 });
    assert.deepEqual(chooseCores([3]), { proxy: 3, load: 3, backend: 3 });
  });

  test('usage counts children too', async () => {
    const burn = 'while (process.cpuUsage().user < 300_000); setInterval(() => {}, 1000); console.log(1)';
    const child = spawn('sh', ['-c', '"$0" -e "$1"; true', process.execPath, burn], { detached: true });
    try {
      await new Promise((resolve) => child.stdout.once('data', resolve));
      const { cpuMs, rssMb } = usageOf(child.pid!);
      assert.ok(cpuMs >= 150, `${cpuMs} ms`);
      assert.ok(rssMb > 20, `${rssMb} MB`);
    } finally {
      process.kill(-child.pid!, 'SIGKILL');
    }
  });

  test('options and scenario names', () => {
    assert.deepEqual(readOptions(['--peers', 'envoy', '--runs', '2']).peers, ['envoy']);
    assert.throws(() => readOptions(['--runs', '0']), /whole number/);
    assert.throws(() => readOptions(['--mosn', 'x']), /one of source/);
    const picked = (...only: string[]) => pickNames(only).scenarios.map(({ name }) => name);
    assert.deepEqual(picked('http'), ['http']);
    assert.deepEqual(picked('bolt'), ['bolt-1', 'bolt-64', 'bolt-256', 'bolt-16x4', 'bolt-2hops']);
    assert.equal(picked('rpc').length, 10);
    assert.deepEqual(pickNames(['sidecar']), { scenarios: [], others: new Set(['sidecar']) });
    assert.throws(() => pickNames(['udp']), /one of rpc, http-log/);
  });

  test('a role of mosn picks its scenario without the other mosns', () => {
    const entrants = (...only: string[]) =>
      pickNames(only).scenarios.map((one) => one.entrants.map(({ name }) => name));
    const peers = ['mosn-go', 'envoy', 'direct'];
    assert.deepEqual(entrants('bolt-64-relay'), [['mosn-relay', ...peers]]);
    assert.deepEqual(entrants('dubbo-2hops-mtls'), [['mosn-mtls', 'direct']]);
    assert.deepEqual(entrants('bolt-64-light', 'bolt-64-relay'), [['mosn-light', 'mosn-relay', ...peers]]);
    assert.deepEqual(entrants('bolt-64', 'bolt-64-relay'), [['mosn', 'mosn-light', 'mosn-relay', ...peers]]);
  });

  test('aims compare the mosn that they name', () => {
    const contender = (name: string, cpuUsPerRequest: number, faults: string[] = []) => {
      const one = { ...sample, cpuUsPerRequest };
      return { name, freshRssMb: 1, runs: [one], median: one, mosnRatio: undefined, faults };
    };
    const all = [contender('mosn', 5), contender('mosn-relay', 3), contender('mosn-go', 20), contender('envoy', 2)];
    const texts = (contenders: typeof all) =>
      judgeScenario('bolt-64', contenders).map(({ text, value }) => [text, value]);
    assert.deepEqual(texts(all), [
      ['CPU per request ≤ 5 × envoy', 2.5],
      ['CPU per request of mosn-relay ≤ 1.5 × envoy', 1.5],
      ['CPU per request ≤ 0.2 × mosn-go', 0.25],
    ]);
    assert.deepEqual(texts(all.slice(1)), [['CPU per request of mosn-relay ≤ 1.5 × envoy', 1.5]]);
    const failed = [contender('mosn', 5), contender('mosn-go', 20, ['it ended'])];
    assert.ok(judgeScenario('bolt-64', failed).every(({ value, met }) => Number.isNaN(value) && !met));
  });

  test('the table of two hops has the part of each and what they add', () => {
    const twoHops = { ...sample, cpuUsPerRequest: 9, hopsCpuUs: [4, 5], pacedP50Us: 300, pacedP99Us: 900 };
    const direct = { ...sample, ...noCpu, pacedP50Us: 100, pacedP99Us: 250 };
    const contenders = Object.entries({ mosn: twoHops, direct }).map(([name, one]) => {
      return { name, freshRssMb: 1, runs: [one], median: medianSample([one, one]), mosnRatio: undefined, faults: [] };
    });
    const text = scenarioText({ name: 'bolt-2hops', title: 'two', contenders, aims: [] });
    assert.match(text, /mosn .* 9\.00 = 4\.00 \+ 5\.00 .* 0\.300 +0\.900 +0\.200 +0\.650/);
  });

  test('a warm-up lasts until the cost stops falling, and no longer than it may', async () => {
    const slicesOf = async (costsMs: readonly number[], secondsMax: number) => {
      let slices = 0;
      let usedMs = 0;
      const run = async () => {
        usedMs += costsMs[slices++]!;
        return { requests: 1, requestsPerSecond: 1, p50Us: 1, p99Us: 1, faults: {} };
      };
      await warmUp({ check: async () => {}, run }, 0, () => usedMs, secondsMax);
      return slices;
    };
    assert.equal(await slicesOf([20, 10, 5, 5, 4.9, 5, 5, 6, 5, 3], 15), 9);
    assert.equal(await slicesOf([20, 21, 10, 11, 9.9, 10, 10, 10, 12, 5], 15), 9);
    assert.equal(await slicesOf([20, 10, 5, 2], 3), 3);
  });
});
