import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '@sofamesh/base/logger';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { SeededRandom } from '@sofamesh/base/random';
import type { Filter, FilterKind } from '@sofamesh/contract/filter';
import { LineHeaders, LineResponseHead } from './line-message.ts';
import { MemoryStats } from './memory-stats.ts';
import { ScriptedExchange, type ScriptedExchangeOptions } from './scripted-exchange.ts';

export interface FilterFixtures<Config> {
  /** Plain data as the folder's `config.ts` makes it. At least one; each must let some request through or answer it. */
  readonly configs: readonly { readonly name: string; readonly config: Config }[];
  /** Request headers that make the filter do its work, besides none at all. */
  readonly headers?: readonly (readonly (readonly [name: string, value: string])[])[];
  /** Longest that the filter holds a request, in milliseconds. Default 60,000. */
  readonly holdsMsMax?: number;
  /** Body bytes pass unchanged. Default true. */
  readonly keepsBody?: boolean;
}

const statPrefix = 'http.suite.';

/** What every filter promises, whatever it is for. Its own tests say the rest. */
export function filterSuite<Config>(kind: FilterKind<Config>, fixtures: FilterFixtures<Config>): void {
  const { configs, headers = [], holdsMsMax = 60_000, keepsBody = true } = fixtures;
  const requests = [[], ...headers];

  const makeWorld = (config: Config, seed = 1) => {
    const clock = new ManualClock();
    const stats = new MemoryStats();
    const environment = { clock, random: new SeededRandom(seed), stats, statPrefix, logger: silentLogger };
    const make = kind.prepare(config, environment);
    const exchange = (options: Omit<ScriptedExchangeOptions, 'clock'> = {}) =>
      new ScriptedExchange({ clock, ...options });
    return { clock, stats, make, exchange };
  };

  /** The request's head goes in; resolves when the filter has let it go. Undefined: at once. */
  const enter = (filter: Filter, exchange: ScriptedExchange, end = true) => {
    const waits = filter.onRequestHead?.(exchange.request, exchange, end);
    assert.ok(waits === undefined || waits instanceof Promise, 'a hook returns nothing or a promise');
    return waits;
  };

  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

  describe(`filter ${kind.name}`, () => {
    for (const { name, config } of configs) {
      test(`${name}: a request is let through or answered, once, and nothing is left over`, async () => {
        for (const requestHeaders of requests) {
          for (const oneWay of [false, true]) {
            const { clock, stats, make, exchange: makeExchange } = makeWorld(config);
            const filter = make();
            const exchange = makeExchange({ headers: requestHeaders, oneWay });
            const waits = enter(filter, exchange);
            if (waits !== undefined) {
              await settle();
              clock.advance(holdsMsMax);
              await waits;
            }
            assert.ok(exchange.replies.length + exchange.forwards.length <= 1, 'answered or forwarded once');
            if (kind.terminal) assert.equal(exchange.replies.length + exchange.forwards.length, 1);
            else assert.equal(exchange.forwards.length, 0, 'only terminal filters forward');
            for (const { status } of exchange.replies) assert.ok(status >= 200 && status <= 599);
            exchange.finish();
            filter.onEnd?.(exchange);
            assert.deepEqual(stats.gaugesLeft(), []);
          }
        }
      });

      test(`${name}: body and trailers pass in both directions`, async () => {
        const { make, exchange: makeExchange } = makeWorld(config);
        const filter = make();
        const exchange = makeExchange();
        void Promise.resolve(enter(filter, exchange, false)).catch(() => {});
        const pass = async (hook: 'onRequestData' | 'onResponseData') => {
          for (const [text, end] of [
            ['one', false],
            ['', false],
            ['two', true],
          ] as const) {
            const chunk = Buffer.from(text);
            const passed = await (filter[hook]?.(chunk, exchange, end) ?? chunk);
            assert.ok(Buffer.isBuffer(passed));
            if (keepsBody) assert.equal(passed.toString(), text);
          }
        };
        await pass('onRequestData');
        await filter.onRequestTrailers?.(new LineHeaders([['a', '1']]), exchange);
        const response = new LineResponseHead({ id: 1, verb: 'HEAD', end: false, words: ['200'], bytes: 0 }, false);
        exchange.response = response;
        await filter.onResponseHead?.(response, exchange, false);
        await pass('onResponseData');
        const last = await filter.onResponseTrailers?.(new LineHeaders([['a', '1']]), exchange);
        assert.ok(
          last === undefined || (Buffer.isBuffer(last) && !keepsBody),
          'trailers go on, or data in their place',
        );
        exchange.finish();
        filter.onEnd?.(exchange);
      });

      test(`${name}: a client that goes away while it is held leaves nothing behind`, async () => {
        for (const requestHeaders of requests) {
          const { clock, stats, make, exchange: makeExchange } = makeWorld(config);
          const filter = make();
          const exchange = makeExchange({ headers: requestHeaders });
          const waits = enter(filter, exchange);
          await settle();
          exchange.finish();
          filter.onEnd?.(exchange);
          await waits?.catch(() => {});
          const { length } = exchange.replies;
          clock.advance(2 * holdsMsMax);
          await settle();
          assert.equal(exchange.replies.length, length, 'nobody is answered any more');
          assert.deepEqual(stats.gaugesLeft(), []);
        }
      });

      test(`${name}: a response that comes without a request passes, and an end without a beginning too`, async () => {
        const { stats, make, exchange: makeExchange } = makeWorld(config);
        const filter = make();
        const exchange = makeExchange();
        const response = new LineResponseHead({ id: 1, verb: 'HEAD', end: true, words: ['503'], bytes: 0 }, false);
        exchange.response = response;
        await filter.onResponseHead?.(response, exchange, true);
        exchange.finish();
        filter.onEnd?.(exchange);
        make().onEnd?.(makeExchange());
        assert.deepEqual(stats.gaugesLeft(), []);
      });

      test(`${name}: many requests at once do not meet`, async () => {
        const { clock, stats, make, exchange: makeExchange } = makeWorld(config, 7);
        const all = Array.from({ length: 50 }, (_, at) => {
          const exchange = makeExchange({ headers: requests[at % requests.length]! });
          const filter = make();
          return { exchange, filter, waits: enter(filter, exchange) };
        });
        await settle();
        for (const [at, { exchange, filter }] of all.entries()) {
          if (at % 3 !== 0) continue;
          exchange.finish();
          filter.onEnd?.(exchange);
        }
        clock.advance(holdsMsMax);
        await Promise.allSettled(all.map(({ waits }) => waits));
        for (const [at, { exchange, filter }] of all.entries()) {
          assert.ok(exchange.replies.length + exchange.forwards.length <= 1);
          if (at % 3 === 0) continue;
          exchange.finish();
          filter.onEnd?.(exchange);
        }
        assert.deepEqual(stats.gaugesLeft(), []);
      });

      test(`${name}: metrics stand below the prefix that it was given`, () => {
        const { stats } = makeWorld(config);
        for (const metric of stats.names) assert.ok(metric.startsWith(statPrefix), metric);
      });
    }
  });
}
