import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SeededRandom } from '@sofamesh/base/random';
import { LineRequestHead } from '@sofamesh/testkit/line-message';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import type { HeaderMatchConfig, RouteConfig, RouteMatchConfig, VirtualHostConfig } from '../config/route.ts';
import { noHeaderMutations } from '../config/route.ts';
import { anyPath, forward, route, routeTable } from '../test-support/configs.ts';
import { RouteTable } from './route-table.ts';

const random = new SeededRandom(1);

function head(authority: string, path = '/', headers: Readonly<Record<string, string>> = {}): LineRequestHead {
  const made = new LineRequestHead({ id: 1, verb: 'REQ', end: true, words: ['GET', authority, path], bytes: 0 }, false);
  for (const [name, value] of Object.entries(headers)) made.add(name, value);
  return made;
}

function virtualHost(name: string, domains: readonly string[], routes?: readonly RouteConfig[]): VirtualHostConfig {
  return {
    name,
    domains,
    routes: routes ?? [route(forward(name), anyPath, { name })],
    headers: noHeaderMutations,
    filterConfigs: {},
    retry: undefined,
  };
}

function compile(virtualHosts: readonly VirtualHostConfig[], ignorePortInHost = false): RouteTable {
  return new RouteTable(routeTable([], { virtualHosts, ignorePortInHost }), (text) => () => text, new MemoryStats());
}

describe('virtual hosts', () => {
  const table = compile([
    virtualHost('exact', ['shop.example.com', 'shop:80']),
    virtualHost('suffix', ['*.example.com', '*-suffix.com']),
    virtualHost('longer', ['*.deep.example.com']),
    virtualHost('prefix', ['shop.*']),
    virtualHost('any', ['*']),
  ]);
  const found: readonly (readonly [authority: string, host: string])[] = [
    ['shop.example.com', 'exact'],
    ['SHOP.Example.COM', 'exact'],
    ['shop:80', 'exact'],
    ['a.example.com', 'suffix'],
    ['x.deep.example.com', 'longer'],
    ['deep.example.com', 'suffix'],
    ['.example.com', 'any'],
    ['a-suffix.com', 'suffix'],
    ['shop.example.org', 'prefix'],
    ['shop.', 'any'],
    ['shop.example.com:80', 'prefix'],
    ['', 'any'],
  ];
  for (const [authority, host] of found) {
    test(`${authority || '(none)'} is ${host}`, () => {
      assert.equal(table.match(head(authority), random)?.virtualHost, host);
    });
  }

  test('ports can be ignored', () => {
    const ignoring = compile([virtualHost('a', ['shop.example.com']), virtualHost('v6', ['[::1]'])], true);
    assert.equal(ignoring.match(head('shop.example.com:8080'), random)?.name, 'a');
    assert.equal(ignoring.match(head('[::1]:8080'), random)?.name, 'v6');
    assert.equal(ignoring.match(head('[::1]'), random)?.name, 'v6');
    assert.equal(compile([virtualHost('a', ['shop'])]).match(head('shop:1'), random), undefined);
  });

  for (const domains of [
    ['a', 'A'],
    ['*', '*'],
    ['*.a', '*.A'],
    ['a.*', 'a.*'],
  ]) {
    test(`${domains} are twice the same`, () => {
      assert.throws(() => compile([virtualHost('x', domains)]), {
        code: 'duplicate_domain',
        message: /virtual_hosts\[0\] \(x\)\.domains: /,
      });
    });
  }
});

describe('matches', () => {
  const match = (more: Partial<RouteMatchConfig>) =>
    compile([virtualHost('h', ['*'], [route(forward('c'), { ...anyPath, ...more })])]);
  const path = (kind: RouteMatchConfig['path']['kind'], value: string, ignoreCase = false) =>
    match({ path: { kind, value, ignoreCase } });
  const paths: readonly (readonly [RouteTable, string, boolean])[] = [
    [path('prefix', '/a'), '/ab?x', true],
    [path('prefix', '/a'), '/A', false],
    [path('prefix', '/a', true), '/A', true],
    [path('prefix', '/'), '*', false],
    [path('exact', '/a'), '/a?q=1', true],
    [path('exact', '/a'), '/a/', false],
    [path('exact', '/a', true), '/A', true],
    [path('separated-prefix', '/a'), '/a', true],
    [path('separated-prefix', '/a'), '/a/b', true],
    [path('separated-prefix', '/a'), '/ab', false],
    [path('separated-prefix', '/a', true), '/A/b', true],
    [path('regex', '/a[0-9]+'), '/a12?x', true],
    [path('regex', '/a[0-9]+'), '/a12/b', false],
  ];
  for (const [at, [table, target, expected]] of paths.entries()) {
    test(`path ${at}: ${target} ${expected}`, () => {
      assert.equal(table.match(head('h', target), random) !== undefined, expected);
    });
  }

  const header = (
    condition: HeaderMatchConfig['match'],
    more: Partial<HeaderMatchConfig> = {},
    name = 'x',
  ): RouteTable => match({ headers: [{ name, match: condition, invert: false, treatMissingAsEmpty: false, ...more }] });
  const exact = { kind: 'exact', value: 'v', ignoreCase: false } as const;
  const range = { kind: 'range', start: -5, end: 10 } as const;
  const headers: readonly (readonly [RouteTable, string | undefined, boolean])[] = [
    [header(exact), 'v', true],
    [header(exact), 'V', false],
    [header({ ...exact, ignoreCase: true }), 'V', true],
    [header(exact), undefined, false],
    [header(exact, { invert: true }), 'other', true],
    [header(exact, { invert: true }), 'v', false],
    [header(exact, { invert: true }), undefined, false],
    [header(exact, { invert: true, treatMissingAsEmpty: true }), undefined, true],
    [header({ ...exact, kind: 'prefix' }), 'vw', true],
    [header({ ...exact, kind: 'suffix' }), 'wv', true],
    [header({ ...exact, kind: 'contains' }), 'wvw', true],
    [header({ kind: 'regex', value: 'v+' }), 'vvv', true],
    [header({ kind: 'regex', value: 'v+' }), 'vvw', false],
    [header({ kind: 'present', present: true }), 'any', true],
    [header({ kind: 'present', present: true }), undefined, false],
    [header({ kind: 'present', present: false }), undefined, true],
    [header(range), '-5', true],
    [header(range), '10', false],
    [header(range), '1.5', false],
    [header(range), '', false],
    [header(range), 'x', false],
  ];
  for (const [at, [table, value, expected]] of headers.entries()) {
    test(`header ${at}: ${value} ${expected}`, () => {
      const request = head('h', '/', value === undefined ? {} : { x: value });
      assert.equal(table.match(request, random) !== undefined, expected);
    });
  }

  test('one of several fields of a name is enough, and what they are together is nothing', () => {
    const request = head('h', '/');
    request.add('x', 'w');
    request.add('x', 'v');
    const matches = (table: RouteTable) => table.match(request, random) !== undefined;
    assert.equal(matches(header(exact)), true);
    assert.equal(matches(header(exact, { invert: true })), false);
    assert.equal(matches(header({ ...exact, value: 'w,v' })), false);
    assert.equal(matches(header({ ...exact, kind: 'prefix' })), true);
    assert.equal(header(exact).match(head('h', '/', { x: 'w,v' }), random), undefined);
  });

  test('pseudo-headers', () => {
    const method = header({ ...exact, value: 'GET' }, {}, ':method');
    const authority = header({ ...exact, value: 'h' }, {}, ':authority');
    const wholePath = header({ ...exact, value: '/a?b' }, {}, ':path');
    for (const table of [method, authority, wholePath])
      assert.notEqual(table.match(head('h', '/a?b'), random), undefined);
  });

  test('query parameters', () => {
    const table = match({
      queryParameters: [
        { name: 'a', match: exact },
        { name: 'b', match: undefined },
      ],
    });
    assert.notEqual(table.match(head('h', '/?b&a=v'), random), undefined);
    for (const target of ['/?a=v&a=w&b', '/?b=&ab=w&a=v'])
      assert.notEqual(table.match(head('h', target), random), undefined);
    for (const target of ['/', '/?a=v', '/?a=w&b=1', '/?a=%2576&b', '/?a=w&a=v&b', '/?A=v&b'])
      assert.equal(table.match(head('h', target), random), undefined, target);
  });

  test('arguments of a call, by their places', () => {
    const table = match({ queryParameters: [{ name: '1', match: exact }] });
    const called = (values: readonly string[]) =>
      Object.assign(head('h', '/get'), { argument: (at: number) => values[at] });
    assert.notEqual(table.match(called(['x', 'v']), random), undefined);
    for (const values of [['v'], ['v', 'x'], []]) assert.equal(table.match(called(values), random), undefined);
    const named = match({ queryParameters: [{ name: 'user', match: undefined }] });
    assert.equal(named.match(called(['x']), random), undefined);
  });

  test('arguments of a call, by their own numbers', () => {
    const table = match({ queryParameters: [{ name: '#12', match: exact }] });
    const called = (id: number) =>
      Object.assign(head('h', '/get'), {
        argument: () => 'v',
        argumentOfId: (at: number) => (at === id ? 'v' : undefined),
      });
    assert.notEqual(table.match(called(12), random), undefined);
    assert.equal(table.match(called(1), random), undefined);
    const byPlace = Object.assign(head('h', '/get'), { argument: () => 'v' });
    assert.equal(table.match(byPlace, random), undefined);
  });

  test('a share of the requests', () => {
    const table = match({ fractionPpm: 250_000 });
    let hits = 0;
    for (let at = 0; at < 4000; at++) if (table.match(head('h'), random) !== undefined) hits++;
    assert.ok(hits > 900 && hits < 1100, `${hits}`);
  });

  test('a pattern that takes forever elsewhere does not here', () => {
    const table = path('regex', '/(a+)+b');
    const startMs = performance.now();
    assert.equal(table.match(head('h', `/${'a'.repeat(5000)}`), random), undefined);
    assert.ok(performance.now() - startMs < 1000);
  });

  for (const [value, code] of [
    ['(', 'bad_regex'],
    ['(?=a)', 'bad_regex'],
    ['a'.repeat(1025), 'regex_too_long'],
  ] as const) {
    test(`regex ${value.slice(0, 10)}: ${code}`, () => {
      assert.throws(() => path('regex', value), { code, message: /routes\[0\]\.match\.path/ });
    });
  }
});
