import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import { ManualClock } from '@sofamesh/base/manual-clock';
import type { Connection } from '@sofamesh/contract/transport';
import { LineRequestHead, LineResponseHead } from '@sofamesh/testkit/line-message';
import fc from 'fast-check';
import type { HttpProxyConfig } from '../config/listener.ts';
import { httpProxy, inline } from '../test-support/configs.ts';
import { HttpEdge } from './http-edge.ts';
import { normalizePath } from './normalize-path.ts';

interface Client {
  readonly remote?: string;
  readonly tls?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly path?: string;
}

function edge(config: Partial<HttpProxyConfig>): HttpEdge {
  return new HttpEdge(httpProxy(inline([]), config), new ManualClock(), () => 'new-id');
}

function receive(config: Partial<HttpProxyConfig>, { remote = '203.0.113.9', tls, headers = {}, path = '/' }: Client) {
  const head = new LineRequestHead({ id: 1, verb: 'REQ', end: true, words: ['GET', 'h'], bytes: 0 }, false);
  head.path = path;
  for (const [name, value] of Object.entries(headers)) head.add(name, value);
  const connection = { remote: ipAddress(remote, 1), tls: tls ? {} : undefined } as Connection;
  const reply = edge(config).onRequest(head, connection);
  const seen: Record<string, string> = {};
  head.visit((name, value) => {
    seen[name] = value;
  });
  return { seen, path: head.path, status: reply?.status };
}

describe('what a hop adds to a request', () => {
  test('nothing but the scheme, when it was told nothing', () => {
    assert.deepEqual(receive({}, {}).seen, { 'x-forwarded-proto': 'http' });
    assert.deepEqual(receive({}, { tls: true }).seen, { 'x-forwarded-proto': 'https' });
    const headers = { 'x-forwarded-proto': 'https', 'x-envoy-max-retries': '9', 'x-forwarded-for': '1.2.3.4' };
    assert.deepEqual(receive({}, { headers }).seen, headers);
  });

  test('request ids', () => {
    const id = { 'x-request-id': 'theirs' };
    const generate = { generateRequestId: true };
    assert.equal(receive(generate, {}).seen['x-request-id'], 'new-id');
    assert.equal(receive(generate, { headers: id }).seen['x-request-id'], 'theirs');
    const atEdge = { ...generate, useRemoteAddress: true };
    assert.equal(receive(atEdge, { headers: id }).seen['x-request-id'], 'new-id');
    assert.equal(receive(atEdge, { headers: id, remote: '10.0.0.1' }).seen['x-request-id'], 'theirs');
    const preserve = { ...atEdge, preserveExternalRequestId: true };
    assert.equal(receive(preserve, { headers: id }).seen['x-request-id'], 'theirs');
  });

  test('at the edge: the address, and what only insiders may say is taken away', () => {
    const headers = { 'x-envoy-max-retries': '9', 'x-envoy-internal': 'true', 'x-forwarded-proto': 'https', a: 'b' };
    assert.deepEqual(receive({ useRemoteAddress: true }, { headers }).seen, {
      a: 'b',
      'x-forwarded-proto': 'http',
      'x-forwarded-for': '203.0.113.9',
      'x-envoy-external-address': '203.0.113.9',
    });
    const inside = receive({ useRemoteAddress: true }, { headers, remote: '10.1.2.3' }).seen;
    assert.deepEqual([inside['x-envoy-internal'], inside['x-envoy-max-retries']], ['true', '9']);
    const chained = receive(
      { useRemoteAddress: true },
      { headers: { 'x-forwarded-for': '1.1.1.1' }, remote: '10.1.2.3' },
    );
    assert.equal(chained.seen['x-forwarded-for'], '1.1.1.1,10.1.2.3');
    assert.equal(chained.seen['x-envoy-internal'], undefined);
    const kept = receive(
      { useRemoteAddress: true, skipXffAppend: true },
      { headers: { 'x-forwarded-for': '1.1.1.1' } },
    );
    assert.equal(kept.seen['x-forwarded-for'], '1.1.1.1');
    const trusted = receive(
      { useRemoteAddress: true, xffTrustedHops: 1 },
      { headers: { 'x-forwarded-for': '9.9.9.9, 8.8.8.8', 'x-forwarded-proto': 'https' }, remote: '10.1.2.3' },
    );
    assert.equal(trusted.seen['x-envoy-external-address'], '8.8.8.8');
    assert.equal(trusted.seen['x-forwarded-proto'], 'https');
  });

  test('via', () => {
    assert.equal(receive({ via: 'mosn' }, { headers: { via: 'a' } }).seen['via'], 'mosn');
  });

  for (const [remote, internal] of [
    ['127.0.0.1', true],
    ['172.16.0.1', true],
    ['172.32.0.1', false],
    ['192.168.9.9', true],
    ['::1', true],
    ['fd00::1', true],
    ['::ffff:10.0.0.1', true],
    ['2001:db8::1', false],
  ] as const) {
    test(`${remote} is ${internal ? 'internal' : 'external'}`, () => {
      const { seen } = receive({ useRemoteAddress: true }, { remote });
      assert.equal(seen['x-envoy-internal'] === 'true', internal);
    });
  }
});

describe('what a hop adds to an answer', () => {
  const respond = (config: Partial<HttpProxyConfig>, headers = '') => {
    const head = new LineResponseHead({ id: 1, verb: 'RSP', end: true, words: ['200', headers], bytes: 0 }, false);
    edge(config).onResponse(head);
    return [head.get('server'), head.get('date'), head.get('via')];
  };
  const now = 'Thu, 01 Jan 2026 00:00:00 GMT';

  test('server and date', () => {
    assert.deepEqual(respond({ serverHeader: 'overwrite' }, 'server=x;date=then'), ['mosn', 'then', undefined]);
    assert.deepEqual(respond({ serverHeader: 'append-if-absent' }, 'server=x'), ['x', now, undefined]);
    assert.deepEqual(respond({ serverHeader: 'append-if-absent', via: 'v' }), ['mosn', now, 'v']);
    assert.deepEqual(respond({ serverHeader: 'pass-through' }), [undefined, now, undefined]);
  });

  test('an answer of its own has them, too', () => {
    const reply = { status: 503, body: '', details: '', flags: 0, headers: [['a', 'b']] } as const;
    assert.deepEqual(edge({ serverHeader: 'overwrite' }).onReply(reply).headers, [
      ['a', 'b'],
      ['date', now],
      ['server', 'mosn'],
    ]);
  });
});

describe('paths in normal form', () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['/a/./b/../c', '/a/c'],
    ['/a/..', '/'],
    ['/a/.', '/a/'],
    ['/..', undefined],
    ['/a/../../b', undefined],
    ['/%61%2e%2E/b', '/a../b'],
    ['/a/%2e%2e/b', '/b'],
    ['/a%2fb', '/a%2Fb'],
    ['/a\\..\\b', '/b'],
    ['/a%', undefined],
    ['/a%zz', undefined],
    ['/a%00', undefined],
    ['/a?x=/../%', '/a?x=/../%'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a//b', '/a//b'],
    ['*', '*'],
  ];
  for (const [path, normal] of cases) {
    test(`${path} is ${normal}`, () => {
      assert.equal(normalizePath(path, true, false), normal);
      const received = receive({ normalizePath: true }, { path });
      assert.deepEqual([received.status, normal && received.path], [normal === undefined ? 400 : undefined, normal]);
    });
  }

  test('slashes are merged when that is asked for', () => {
    assert.equal(normalizePath('//a///b?c//d', false, true), '/a/b?c//d');
    assert.equal(normalizePath('/a//../b', true, true), '/a/b');
  });

  test('what is normal stays normal, and no dot segment is left', () => {
    const part = fc.constantFrom('a', '.', '..', '', '%2e', '%2E%2e', '\\', '%41', '~', '%');
    fc.assert(
      fc.property(fc.array(part, { minLength: 1 }), (parts) => {
        const normal = normalizePath(`/${parts.join('/')}`, true, true);
        if (normal === undefined) return;
        assert.equal(normalizePath(normal, true, true), normal);
        assert.ok(!normal.split('/').some((segment) => segment === '.' || segment === '..'), normal);
      }),
    );
  });
});
