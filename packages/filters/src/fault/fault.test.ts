import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '@sofamesh/base/logger';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { SeededRandom } from '@sofamesh/base/random';
import { ResponseFlag } from '@sofamesh/contract/message';
import { filterSuite } from '@sofamesh/testkit/filter-suite';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import { ScriptedExchange, type ScriptedExchangeOptions } from '@sofamesh/testkit/scripted-exchange';
import { type FaultConfig, kind } from './fault.ts';

const all = 1_000_000;
const none: FaultConfig = {
  delay: undefined,
  abort: undefined,
  upstreamCluster: '',
  activeMax: Number.POSITIVE_INFINITY,
};
const delayed = (fixedMs: number, ppm = all): FaultConfig => ({ ...none, delay: { ppm, fixedMs, byHeader: false } });
const aborted = (status: number, ppm = all): FaultConfig => ({ ...none, abort: { ppm, status, byHeader: false } });
const byHeader: FaultConfig = {
  ...none,
  delay: { ppm: all, fixedMs: undefined, byHeader: true },
  abort: { ppm: all, status: undefined, byHeader: true },
};

filterSuite(kind, {
  configs: [
    { name: 'nothing', config: none },
    { name: 'delay', config: delayed(300) },
    { name: 'abort', config: aborted(503) },
    {
      name: 'both, for a half',
      config: { ...delayed(10, all / 2), abort: { ppm: all / 2, status: 500, byHeader: false } },
    },
    { name: 'by header', config: byHeader },
  ],
  headers: [
    [['x-envoy-fault-delay-request', '200']],
    [['x-envoy-fault-abort-request', '503']],
    [
      ['x-envoy-fault-delay-request', 'soon'],
      ['x-envoy-fault-abort-request', '99'],
    ],
  ],
});

function makeWorld(config: FaultConfig) {
  const clock = new ManualClock();
  const stats = new MemoryStats();
  const random = new SeededRandom(1);
  const make = kind.prepare(config, { clock, random, stats, statPrefix: 'http.in.', logger: silentLogger });
  const send = (options: Omit<ScriptedExchangeOptions, 'clock'> = {}) => {
    const exchange = new ScriptedExchange({ clock, ...options });
    const filter = make();
    const waits = filter.onRequestHead!(exchange.request, exchange, true);
    return { exchange, filter, waits };
  };
  return { clock, stats, send };
}

describe('fault', () => {
  test('aborts a share of requests with a status, flagged and counted', () => {
    const { stats, send } = makeWorld(aborted(503, all / 4));
    let hit = 0;
    for (let at = 0; at < 1000; at++) {
      const [reply] = send().exchange.replies;
      if (reply === undefined) continue;
      hit++;
      const { status, details, flags } = reply;
      assert.deepEqual([status, details, flags], [503, 'fault_filter_abort', ResponseFlag.faultInjected]);
    }
    assert.ok(hit > 200 && hit < 300, `${hit} of 1000`);
    assert.equal(stats.value('http.in.fault.aborts_injected'), hit);
  });

  test('delays, then aborts', async () => {
    const { clock, stats, send } = makeWorld({ ...delayed(300), abort: { ppm: all, status: 418, byHeader: false } });
    const { exchange, waits } = send();
    clock.advance(299);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(exchange.replies.length, 0);
    assert.equal(stats.value('http.in.fault.active_faults'), 1);
    clock.advance(1);
    await waits;
    assert.equal(exchange.replies[0]?.status, 418);
    assert.equal(exchange.flags, ResponseFlag.delayInjected);
  });

  test("a route's configuration replaces the listener's", () => {
    const { send } = makeWorld(aborted(503));
    assert.equal(send({ routeConfigs: { [kind.name]: none } }).exchange.replies.length, 0);
    assert.equal(send({ routeConfigs: { [kind.name]: aborted(404) } }).exchange.replies[0]?.status, 404);
  });

  test('leaves requests to other clusters alone', () => {
    const { send } = makeWorld({ ...aborted(503), upstreamCluster: 'b' });
    assert.equal(send({ cluster: 'a' }).exchange.replies.length, 0);
    assert.equal(send({ cluster: 'b' }).exchange.replies.length, 1);
  });

  test('more than the limit at a time pass unharmed', () => {
    const { stats, send } = makeWorld({ ...delayed(300), activeMax: 2 });
    const all = [send(), send(), send()];
    assert.deepEqual(
      all.map(({ waits }) => waits !== undefined),
      [true, true, false],
    );
    assert.equal(stats.value('http.in.fault.faults_overflow'), 1);
    for (const { exchange, filter, waits } of all) {
      waits?.catch(() => {});
      exchange.finish();
      filter.onEnd!(exchange);
    }
  });

  test('headers that ask for nonsense do nothing', () => {
    const { send } = makeWorld(byHeader);
    for (const value of ['', '-1', 'NaN', 'Infinity', '1e999', '99', '600', '200.5', '0x1f4']) {
      const { exchange, waits } = send({
        headers: [
          ['x-envoy-fault-abort-request', value === '0x1f4' ? 'five' : value],
          ['x-envoy-fault-delay-request', 'x'],
        ],
      });
      assert.equal(waits, undefined, value);
      assert.deepEqual(exchange.replies, [], value);
    }
  });
});
