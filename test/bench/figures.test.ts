import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test } from 'node:test';
import { Latencies } from './bolt/latencies.ts';
import { chooseCores, coresOfList } from './cores.ts';
import { median, medianSample, ratioOf } from './figures.ts';
import { readOptions } from './options.ts';
import { pickNames } from './scenarios.ts';
import { usageOf } from './usage.ts';

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
    const burn = 'const end = Date.now() + 300; while (Date.now() < end); setInterval(() => {}, 1000); console.log(1)';
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
    assert.deepEqual([...pickNames(['http'])], ['http']);
    assert.equal(pickNames(['bolt']).size, 4);
    assert.throws(() => pickNames(['udp']), /one of http-log/);
  });
});
