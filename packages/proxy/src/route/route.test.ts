import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import { SeededRandom } from '@sofamesh/base/random';
import type { LogRecord } from '@sofamesh/contract/access-log';
import { LineRequestHead, LineResponseHead } from '@sofamesh/testkit/line-message';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import fc from 'fast-check';
import type {
  ForwardConfig,
  HashPolicyConfig,
  HeaderMatchConfig,
  RedirectConfig,
  RouteConfig,
  RouteMatchConfig,
  StreamDurationConfig,
  WeightedClusterConfig,
} from '../config/route.ts';
import { noHeaderMutations } from '../config/route.ts';
import { LocalResponseHead } from '../stream/local-response.ts';
import { anyPath, forward, prefix, retry, route, routeTable } from '../test-support/configs.ts';
import { askedRetry } from './asked-retry.ts';
import { type HashedExchange, HashPolicy } from './hash-policy.ts';
import { HeaderEdits } from './header-edits.ts';
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
    only(forward('c', more), match).applyRequest(request, undefined, record, true);
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
    const policy = new RetryPolicy(retry(['5xx']), 'here');
    fc.assert(
      fc.property(fc.nat(60), fc.integer(), (times, seed) => {
        const waitMs = policy.backOffMs(times, new SeededRandom(seed));
        return waitMs >= 0 && waitMs < Math.min(25 * 2 ** times, 250);
      }),
    );
  });

  test('a limit of ours is never a reason', () => {
    assert.equal(
      new RetryPolicy(retry(['5xx', 'reset', 'reset-before-request']), 'here').retriesReset('overflow', false),
      false,
    );
    assert.equal(
      new RetryPolicy(retry(['reset-before-request']), 'here').retriesReset('connection-failure', false),
      true,
    );
    assert.equal(new RetryPolicy(retry(['connect-failure']), 'here').retriesReset('connection-timeout', false), true);
  });

  test('a header of the answer', () => {
    const again: HeaderMatchConfig = {
      name: 'x-again',
      match: { kind: 'present', present: true },
      invert: false,
      treatMissingAsEmpty: false,
    };
    const answered = (on: string, ...headers: [string, string][]) => {
      const policy = new RetryPolicy(retry([on], { retriableHeaders: [again] }), 'here');
      return policy.retriesResponse(new LocalResponseHead({ status: 200, body: '', details: '', flags: 0, headers }));
    };
    assert.equal(answered('retriable-headers', ['x-again', '1']), true);
    assert.equal(answered('retriable-headers'), false);
    assert.equal(answered('5xx', ['x-again', '1']), false);
    assert.equal(answered('retriable-headers', ['x-again', '1'], ['x-envoy-ratelimited', '1']), false);
  });

  test('no retries is no policy', () => {
    assert.equal(only(forward('c', { retry: retry(['5xx'], { retriesMax: 0 }) })).retry, undefined);
  });
});

describe('hash policies', () => {
  const header = (name: string, more = {}) =>
    ({ kind: 'header', name, rewrite: undefined, terminal: false, ...more }) as const;
  const cookies: string[] = [];
  const exchange = {
    downstream: { remote: ipAddress('10.0.0.9', 5), local: ipAddress('10.0.0.1', 80) },
    addCookie: (text: string) => void cookies.push(text),
  } as unknown as HashedExchange;
  const hash = (policies: readonly HashPolicyConfig[], request: LineRequestHead, other: Partial<HashedExchange> = {}) =>
    HashPolicy.compile(policies, 'x')!.hash(request, { ...exchange, ...other });

  test('depend on every named header and their order, and spread', () => {
    const policy = [header('a'), header(':path')];
    assert.equal(HashPolicy.compile([], 'x'), undefined);
    assert.equal(hash([header('a')], head('/')), undefined);
    assert.notEqual(hash(policy, head('/', { a: '1' })), hash(policy, head('/', { a: '2' })));
    assert.notEqual(hash(policy, head('/1', { a: '1' })), hash(policy, head('/2', { a: '1' })));
    assert.notEqual(hash(policy, head('/x', { a: 'y' })), hash(policy, head('/y', { a: 'x' })));
    const buckets = new Array<number>(16).fill(0);
    for (let at = 0; at < 1600; at++) buckets[hash([header('a')], head('/', { a: `user-${at}` }))! >>> 28]!++;
    assert.ok(Math.min(...buckets) > 50, `${buckets}`);
  });

  test('a part of a header, a parameter, the client', () => {
    const rewrite = { pattern: '^(..).*', substitution: '\\1' };
    const first = header('a', { rewrite });
    assert.equal(hash([first], head('/', { a: 'abX' })), hash([first], head('/', { a: 'abY' })));
    const query = { kind: 'query', name: 'u', terminal: false } as const;
    assert.equal(hash([query], head('/?u=1&v=2')), hash([query], head('/?v=3&u=1')));
    assert.equal(hash([query], head('/?v=3')), undefined);
    const source = { kind: 'source-ip', terminal: false } as const;
    const behind = { clientAddress: ipAddress('1.2.3.4', 0) };
    assert.notEqual(hash([source], head('/')), hash([source], head('/'), behind));
  });

  test('a terminal part ends it when it is there', () => {
    const policy = [header('a', { terminal: true }), header('b')];
    assert.equal(hash(policy, head('/', { a: '1', b: '2' })), hash(policy, head('/', { a: '1', b: '3' })));
    assert.notEqual(hash(policy, head('/', { b: '2' })), hash(policy, head('/', { b: '3' })));
  });

  test('a cookie, given to clients that have none', () => {
    const cookie = { kind: 'cookie', name: 'lb', ttlS: 60, path: '/x', attributes: [], terminal: false } as const;
    const attributes = [
      { name: 'SameSite', value: 'Strict' },
      { name: 'Secure', value: '' },
    ];
    const given = hash([{ ...cookie, attributes }], head('/'));
    const [text = ''] = cookies.splice(0);
    assert.match(text, /^lb="[0-9a-f]{8}"; Max-Age=60; Path=\/x; SameSite=Strict; Secure; HttpOnly$/);
    assert.equal(
      hash([cookie], head('/', { cookie: `a=b; ${text.split(';')[0]}` })),
      given,
      'comes back to the same host',
    );
    assert.equal(hash([{ ...cookie, ttlS: undefined }], head('/')), undefined);
    hash([{ ...cookie, ttlS: 0, path: '' }], head('/'));
    assert.match(cookies.splice(0)[0]!, /^lb="[0-9a-f]{8}"; HttpOnly$/);
    assert.deepEqual(cookies, []);
  });
});

describe('edges of routes', () => {
  const connect = { ...anyPath, path: { kind: 'connect', value: '', ignoreCase: false } } as const;
  const random = new SeededRandom(1);
  const table = (...routes: readonly RouteConfig[]) =>
    new RouteTable(routeTable(routes), (text) => () => text, new MemoryStats());

  test('CONNECT goes only to routes for it, and nothing else does', () => {
    const any = { ...anyPath, path: { kind: 'regex', value: '.*', ignoreCase: false } } as const;
    const routes = table(route(forward('a'), any, { name: 'any' }), route(forward('b'), connect, { name: 'connect' }));
    const request = head('', {}, 'db:5432');
    request.method = 'CONNECT';
    assert.equal(routes.match(request, random)?.name, 'connect');
    assert.equal(routes.match(head('/x'), random)?.name, 'any');
    assert.equal(table(route(forward('b'), connect)).match(head('/x'), random), undefined);
  });

  test('gRPC routes', () => {
    const routes = table(route(forward('a'), { ...anyPath, grpc: true }));
    for (const type of ['application/grpc', 'application/grpc+proto']) {
      assert.ok(routes.match(head('/', { 'content-type': type }), random), type);
    }
    for (const type of ['application/grpc-web', 'application/grpcx', 'text/plain']) {
      assert.equal(routes.match(head('/', { 'content-type': type }), random), undefined, type);
    }
  });

  test('the host is made of a header or the path, and the old one goes on', () => {
    const rewritten = (hostRewrite: ForwardConfig['hostRewrite'], request = head('/eu/x?q', { to: 'other' })) => {
      only(forward('c', { hostRewrite, appendForwardedHost: true, prefixRewrite: '/n' }), prefix('/a')).applyRequest(
        request,
        undefined,
        record,
        true,
      );
      assert.equal(request.get('x-envoy-original-host'), request.get('x-forwarded-host'));
      return [request.authority, request.get('x-forwarded-host')];
    };
    assert.deepEqual(rewritten({ header: 'to' }), ['other', 'shop:80']);
    assert.deepEqual(rewritten({ header: 'absent' }), ['shop:80', undefined]);
    const path = { pattern: '^/(\\w+)/.*$', substitution: '\\1.example' };
    assert.deepEqual(rewritten({ path }), ['eu.example', 'shop:80']);
    assert.deepEqual(rewritten({ literal: 'shop:80' }), ['shop:80', 'shop:80']);
    assert.deepEqual(rewritten({ path: { pattern: 'no', substitution: 'x' } }), ['shop:80', undefined], 'no match');
  });

  test('a host that wants TLS', () => {
    const where = (requireTls: 'all' | 'external', headers: Readonly<Record<string, string>>) => {
      const host = { requireTls };
      const routes = new RouteTable(
        routeTable([route(forward('c'))], {}, host),
        (text) => () => text,
        new MemoryStats(),
      );
      return routes.match(head('/a?b', headers), random)!.reply(head('/a?b', headers))?.headers?.[0]?.[1];
    };
    assert.equal(where('all', { 'x-forwarded-proto': 'http' }), 'https://shop/a?b');
    assert.equal(where('all', { 'x-forwarded-proto': 'https' }), undefined);
    assert.equal(where('external', { 'x-envoy-internal': 'true' }), undefined);
    assert.equal(where('all', { 'x-envoy-internal': 'true' }), 'https://shop/a?b');
  });

  test('how long a stream may last', () => {
    const limit = (streamDuration: StreamDurationConfig, timeout?: string) => {
      const request = head('/', timeout === undefined ? {} : { 'grpc-timeout': timeout });
      return only(forward('c', { streamDuration })).streamDurationMs(request);
    };
    const none = { durationMs: undefined, grpcLongestMs: undefined, grpcOffsetMs: 0 };
    assert.equal(limit(none, '1S'), undefined);
    assert.equal(limit({ ...none, durationMs: 500 }, '1S'), 500);
    assert.equal(limit({ ...none, durationMs: 500, grpcLongestMs: 0 }, '1S'), 1000);
    assert.equal(limit({ ...none, durationMs: 500, grpcLongestMs: 0 }), 500);
    assert.equal(limit({ ...none, grpcLongestMs: 100 }, '1S'), 100);
    assert.equal(limit({ ...none, grpcLongestMs: 0 }, '0m'), 1, 'too late, and not for ever');
    assert.equal(limit({ ...none, grpcLongestMs: 0, grpcOffsetMs: 20 }, '100m'), 80);
    assert.equal(limit({ ...none, grpcLongestMs: 0, grpcOffsetMs: 200 }, '100m'), 1, 'up at once, and not for ever');
    const told = (streamDuration: StreamDurationConfig, timeout: string | undefined, type = 'application/grpc') => {
      const request = head('/', { 'content-type': type, ...(timeout !== undefined && { 'grpc-timeout': timeout }) });
      only(forward('c', { streamDuration })).streamDurationMs(request);
      return request.get('grpc-timeout');
    };
    assert.equal(told({ ...none, grpcLongestMs: 100 }, '1S'), '100m');
    assert.equal(told({ ...none, grpcLongestMs: 0, grpcOffsetMs: 20 }, '100m'), '80m');
    assert.equal(told({ ...none, durationMs: 500 }, undefined), '500m');
    assert.equal(told({ ...none, durationMs: 500 }, '100m'), '100m', 'never a longer one');
    assert.equal(told({ ...none, durationMs: 1e12 }, undefined), '16666667M');
    assert.equal(told({ ...none, durationMs: 500 }, undefined, 'text/plain'), undefined);
    for (const broken of ['', '1', '1X', '-1S', '1.5S', '999999999S', 'S'])
      assert.equal(limit({ ...none, grpcLongestMs: 0 }, broken), undefined, broken);
  });

  test('edits of the most specific level last', () => {
    const edit = (value: string) =>
      ({
        ...noHeaderMutations,
        request: { add: [{ name: 'x', value, action: 'overwrite' }], remove: [] },
      }) as const;
    const levels = (mostSpecificEditsLast: boolean) => {
      const more = { headers: edit('table'), mostSpecificEditsLast };
      const routes = new RouteTable(
        routeTable([route(forward('c'), anyPath, { headers: edit('route') })], more, { headers: edit('host') }),
        (text) => () => text,
        new MemoryStats(),
      );
      const request = head('/');
      const found = routes.match(request, random)!;
      found.applyRequest(request, found.pickCluster(request, random), record, true);
      return request.get('x');
    };
    assert.deepEqual([levels(false), levels(true)], ['table', 'route']);
  });

  test('a value that turns out empty is not added, unless that is wanted', () => {
    const add = [
      { name: 'a', value: '', action: 'append' },
      { name: 'b', value: '', action: 'append', keepsEmpty: true },
    ] as const;
    const request = head('/');
    HeaderEdits.compile({ add, remove: [] }, (text) => () => text, 'x')!.apply(request, record);
    assert.deepEqual([request.get('a'), request.get('b')], [undefined, '']);
  });

  test('a redirect rewrites by a pattern', () => {
    const regexRewrite = { pattern: '^/a/(.*)$', substitution: '/b/\\1' };
    const redirect: RedirectConfig = {
      kind: 'redirect',
      status: 302,
      scheme: undefined,
      host: undefined,
      port: undefined,
      path: undefined,
      prefixRewrite: undefined,
      regexRewrite,
      stripQuery: false,
    };
    assert.equal(only(redirect).reply(head('/a/x?q=1'))?.headers?.[0]?.[1], 'line://shop:80/b/x?q=1');
  });

  test('what somebody internal asks of retries', () => {
    const ask = (headers: Readonly<Record<string, string>>, config = forward('c')) => {
      const request = head('/', headers);
      const policy = askedRetry(only(config), request);
      for (const name of Object.keys(headers)) assert.equal(request.get(name), undefined, `${name} ends here`);
      return policy;
    };
    const answer = (status: number) =>
      new LineResponseHead({ id: 1, verb: 'RSP', end: true, words: [String(status)], bytes: 0 }, false);
    assert.equal(ask({}), undefined);
    const asked = ask({ 'x-envoy-retry-on': '5xx, retriable-status-codes', 'x-envoy-retriable-status-codes': '418,x' });
    assert.deepEqual([asked?.retriesMax, asked?.retriesResponse(answer(500))], [1, true]);
    assert.deepEqual([asked?.retriesResponse(answer(418)), asked?.retriesResponse(answer(404))], [true, false]);
    const most = ask({ 'x-envoy-max-retries': '7' }, forward('c', { retry: retry(['5xx']) }));
    assert.deepEqual([most?.retriesMax, most?.retriesResponse(answer(503))], [7, true]);
    assert.equal(ask({ 'x-envoy-max-retries': '-1' }, forward('c', { retry: retry(['5xx']) }))?.retriesMax, 1);
    assert.equal(ask({ 'x-envoy-upstream-rq-per-try-timeout-ms': '30' })?.perTryTimeoutMs, 30);
  });
});
