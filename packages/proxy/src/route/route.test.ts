import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRandom } from '@sofamesh/base/random';
import type { LogRecord } from '@sofamesh/contract/access-log';
import { LineRequestHead } from '@sofamesh/testkit/line-message';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import fc from 'fast-check';
import type { ForwardConfig, RedirectConfig, RouteMatchConfig, WeightedClusterConfig } from '../config/route.ts';
import { noHeaderMutations } from '../config/route.ts';
import { anyPath, forward, prefix, retry, route, routeTable } from '../test-support/configs.ts';
import { hashRequest } from './hash-policy.ts';
import { RetryPolicy } from './retry-policy.ts';
import type { Route } from './route.ts';
import { RouteTable } from './route-table.ts';

const record = {} as LogRecord;

function head(path: string, headers: Readonly<Record<string, string>> = {}, authority = 'shop:80'): LineRequestHead {
  const made = new LineRequestHead({ id: 1, verb: 'REQ', end: true, words: ['GET', authority], bytes: 0 }, false);
  made.path = path;
  for (const [name, value] of Object.entries(headers)) made.add(name, value);
  return made;
}

function only(action: Parameters<typeof route>[0], match: RouteMatchConfig = anyPath): Route {
  const table = new RouteTable(routeTable([route(action, match)]), (text) => () => text, new MemoryStats());
  return table.match(head('/a/b'), new SeededRandom(1))!;
}

describe('rewrites', () => {
  const rewrite = (more: Partial<ForwardConfig>, path: string, match?: RouteMatchConfig) => {
    const request = head(path);
    only(forward('c', more), match).applyRequest(request, undefined, record);
    return [request.path, request.get('x-envoy-original-path'), request.authority];
  };

  test('of the prefix', () => {
    assert.deepEqual(rewrite({ prefixRewrite: '/x' }, '/a/b?q', prefix('/a')), ['/x/b?q', '/a/b?q', 'shop:80']);
    assert.equal(rewrite({ prefixRewrite: '/' }, '/a/b', prefix('/a/'))[0], '/b');
    const exact = { ...anyPath, path: { kind: 'exact', value: '/a/b', ignoreCase: false } } as const;
    assert.equal(rewrite({ prefixRewrite: '/x' }, '/a/b?q', exact)[0], '/x?q');
  });

  test('by a pattern, groups and dollars included, the query left alone', () => {
    const regexRewrite = { pattern: '^/(\\w+)/(\\w+)$', substitution: '/$/\\2/\\1' };
    assert.equal(rewrite({ regexRewrite }, '/a/b?a/b')[0], '/$/b/a?a/b');
    assert.equal(rewrite({ regexRewrite: { pattern: 'a', substitution: 'z' } }, '/aba')[0], '/zbz');
    assert.equal(rewrite({ regexRewrite: { pattern: 'b(x)?', substitution: '<\\0\\1\\\\>' } }, '/ab')[0], '/a<b\\>');
    for (const substitution of ['\\2', '\\x', '\\']) {
      assert.throws(() => only(forward('c', { regexRewrite: { pattern: '(a)', substitution } })), {
        code: 'bad_substitution',
        message: /regex_rewrite\.substitution/,
      });
    }
  });

  test('of the host', () => {
    assert.equal(rewrite({ hostRewrite: { literal: 'other' } }, '/')[2], 'other');
    assert.equal(rewrite({ hostRewrite: 'auto' }, '/')[2], 'shop:80');
    assert.equal(only(forward('c', { hostRewrite: 'auto' })).rewritesHostToUpstream, true);
  });
});

describe('redirects', () => {
  const none: RedirectConfig = {
    kind: 'redirect',
    status: 302,
    scheme: undefined,
    host: undefined,
    port: undefined,
    path: undefined,
    prefixRewrite: undefined,
    stripQuery: false,
  };
  const locations: readonly (readonly [Partial<RedirectConfig>, string])[] = [
    [{ scheme: 'https' }, 'https://shop:80/a/b?q=1'],
    [{ host: 'new.example' }, 'line://new.example/a/b?q=1'],
    [{ port: 8443 }, 'line://shop:8443/a/b?q=1'],
    [{ path: '/x' }, 'line://shop:80/x?q=1'],
    [{ path: '/x?y=2' }, 'line://shop:80/x?y=2'],
    [{ prefixRewrite: '/new' }, 'line://shop:80/new/b?q=1'],
    [{ stripQuery: true }, 'line://shop:80/a/b'],
  ];
  for (const [change, location] of locations) {
    test(location, () => {
      const reply = only({ ...none, ...change }, prefix('/a')).reply(head('/a/b?q=1'));
      assert.deepEqual([reply?.status, reply?.headers], [302, [['location', location]]]);
    });
  }

  test('the default port goes with the scheme it belongs to', () => {
    const request = Object.defineProperty(head('/'), 'scheme', { value: 'http' });
    assert.deepEqual(only({ ...none, scheme: 'https' }).reply(request)?.headers, [['location', 'https://shop/']]);
  });
});

describe('clusters', () => {
  const weighted = (weights: readonly number[]): WeightedClusterConfig[] =>
    weights.map((weight, at) => ({ name: `c${at}`, weight, headers: noHeaderMutations, filterConfigs: { f: at } }));

  test('share requests by weight', () => {
    const random = new SeededRandom(7);
    const chosen = only(forward('', { clusters: weighted([70, 0, 30]) }));
    const counts = new Map<string, number>();
    for (let at = 0; at < 5000; at++) {
      const { name } = chosen.pickCluster(head('/'), random)!;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    assert.deepEqual([...counts.keys()].sort(), ['c0', 'c2']);
    assert.ok(Math.abs(counts.get('c0')! - 3500) < 150, `${counts.get('c0')}`);
  });

  test('may be named by a header', () => {
    const byHeader = only(forward('', { clusters: [], clusterHeader: 'to' }));
    assert.equal(byHeader.pickCluster(head('/', { to: 'x' }), new SeededRandom(1))?.name, 'x');
    assert.equal(byHeader.pickCluster(head('/'), new SeededRandom(1)), undefined);
  });

  test('have their own filter configuration, before that of the route', () => {
    const chosen = only(forward('', { clusters: weighted([1, 1]) }));
    assert.equal(chosen.filterConfig('f', chosen.clusters[1]), 1);
    assert.equal(chosen.filterConfig('g', chosen.clusters[1]), undefined);
  });
});

describe('retry policy', () => {
  test('the back-off stays under a doubling, bounded interval', () => {
    const policy = new RetryPolicy(retry(['5xx']));
    fc.assert(
      fc.property(fc.nat(60), fc.integer(), (times, seed) => {
        const waitMs = policy.backOffMs(times, new SeededRandom(seed));
        return waitMs >= 0 && waitMs < Math.min(25 * 2 ** times, 250);
      }),
    );
  });

  test('a limit of ours is never a reason', () => {
    assert.equal(
      new RetryPolicy(retry(['5xx', 'reset', 'reset-before-request'])).retriesReset('overflow', false),
      false,
    );
    assert.equal(new RetryPolicy(retry(['reset-before-request'])).retriesReset('connection-failure', false), true);
    assert.equal(new RetryPolicy(retry(['connect-failure'])).retriesReset('connection-timeout', false), true);
  });

  test('no retries is no policy', () => {
    assert.equal(only(forward('c', { retry: retry(['5xx'], { retriesMax: 0 }) })).retry, undefined);
  });
});

test('hashes depend on every named header and their order, and spread', () => {
  const policy = [{ header: 'a' }, { header: ':path' }];
  assert.equal(hashRequest([{ header: 'a' }], head('/')), undefined);
  assert.notEqual(hashRequest(policy, head('/', { a: '1' })), hashRequest(policy, head('/', { a: '2' })));
  assert.notEqual(hashRequest(policy, head('/1', { a: '1' })), hashRequest(policy, head('/2', { a: '1' })));
  assert.notEqual(hashRequest(policy, head('/x', { a: 'y' })), hashRequest(policy, head('/y', { a: 'x' })));
  const buckets = new Array<number>(16).fill(0);
  for (let at = 0; at < 1600; at++) buckets[hashRequest([{ header: 'a' }], head('/', { a: `user-${at}` }))! >>> 28]!++;
  assert.ok(Math.min(...buckets) > 50, `${buckets}`);
});
