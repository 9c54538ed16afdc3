import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import { ManualClock } from '@sofamesh/base/manual-clock';
import type { PeerCertificate, TlsSession } from '@sofamesh/contract/tls';
import type { Connection } from '@sofamesh/contract/transport';
import { LineRequestHead, LineResponseHead } from '@sofamesh/testkit/line-message';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import fc from 'fast-check';
import type { ClientCertificateConfig } from '../config/http-edge.ts';
import type { HttpProxyConfig } from '../config/listener.ts';
import { RouteTable } from '../route/route-table.ts';
import { httpProxy, inline, routeTable } from '../test-support/configs.ts';
import { HttpEdge } from './http-edge.ts';
import { normalizePath } from './normalize-path.ts';

interface Client {
  readonly remote?: string;
  readonly tls?: boolean | Partial<TlsSession>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly host?: string;
}

const insiders = { internalPrefixes: ['10.0.0.0/8', 'fd00::/8'] };

function edge(config: Partial<HttpProxyConfig>, stats = new MemoryStats(), internalOnlyHeaders?: readonly string[]) {
  const table = new RouteTable(routeTable([], { internalOnlyHeaders }), (text) => () => text, stats);
  const parts = {
    clock: new ManualClock(),
    requestId: () => 'new-id',
    stats,
    statPrefix: 'http.in.',
    routes: { table },
    localAddress: '192.0.2.1',
  };
  return new HttpEdge(httpProxy(inline([]), config), parts, 'listener');
}

function request(client: Client): LineRequestHead {
  const { headers = {}, path = '/', host = 'h' } = client;
  const words = ['GET', encodeURIComponent(host)];
  const head = new LineRequestHead({ id: 1, verb: 'REQ', end: true, words, bytes: 0 }, false);
  head.path = path;
  for (const [name, value] of Object.entries(headers)) head.add(name, value);
  return head;
}

function connectionOf({ remote = '203.0.113.9', tls }: Client): Connection {
  const session = tls === true ? {} : tls || undefined;
  return { remote: ipAddress(remote, 1), local: ipAddress('127.0.0.1', 8080), tls: session } as Connection;
}

function receive(config: Partial<HttpProxyConfig>, client: Client, made = edge(config)) {
  const head = request(client);
  const reply = made.onRequest(head, connectionOf(client));
  const seen: Record<string, string> = {};
  head.visit((name, value) => {
    seen[name] = value;
  });
  const { client: address, internal } = made.identity;
  return { seen, head, reply, status: reply?.status, client: address.kind === 'ip' ? address.host : '', internal };
}

describe('what a hop adds to a request', () => {
  test('which proxy it comes through, whatever the client says; its user agent, where the client names none', () => {
    const userAgent = { cluster: 'front', node: 'front-1' };
    const names = (headers: Readonly<Record<string, string>>, config: Partial<HttpProxyConfig> = { userAgent }) => {
      const { seen } = receive(config, { headers });
      const { 'x-envoy-downstream-service-cluster': cluster, 'x-envoy-downstream-service-node': node } = seen;
      return [cluster, node, seen['user-agent']];
    };
    assert.deepEqual(names({}), ['front', 'front-1', 'front']);
    assert.deepEqual(names({ 'user-agent': '' }), ['front', 'front-1', 'front']);
    const claims = {
      'x-envoy-downstream-service-cluster': 'a',
      'x-envoy-downstream-service-node': 'b',
      'user-agent': 'c',
    };
    assert.deepEqual(names(claims), ['front', 'front-1', 'c']);
    assert.deepEqual(names(claims, { userAgent, useRemoteAddress: true }), ['front', 'front-1', 'c']);
    assert.deepEqual(names({}, { userAgent: { cluster: 'front', node: '' } }), ['front', undefined, 'front']);
    assert.deepEqual(names({}, {}), [undefined, undefined, undefined]);
  });

  test('nothing but the scheme, when it was told nothing', () => {
    assert.deepEqual(receive({}, {}).seen, { 'x-forwarded-proto': 'http' });
    assert.deepEqual(receive({}, { tls: true }).seen, { 'x-forwarded-proto': 'https' });
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '1.2.3.4' };
    const told = receive({}, { headers });
    assert.deepEqual(told.seen, headers);
    assert.equal(told.head.scheme, 'https', 'as the client has reached the first proxy');
  });

  test('a scheme that is no scheme is passed on and not believed', () => {
    const { head, seen } = receive({}, { headers: { 'x-forwarded-proto': 'javascript' } });
    assert.deepEqual([head.scheme, seen['x-forwarded-proto']], ['line', 'javascript']);
  });

  test('a scheme that is overwritten', () => {
    const { head, seen } = receive({ schemeOverwrite: 'https' }, { headers: { 'x-forwarded-proto': 'http' } });
    assert.deepEqual([head.scheme, seen['x-forwarded-proto']], ['https', 'https']);
  });

  test('the port', () => {
    const given = { headers: { 'x-forwarded-port': '1' } };
    const port = (config: Partial<HttpProxyConfig>) =>
      receive({ appendForwardedPort: true, ...config }, given).seen['x-forwarded-port'];
    assert.equal(port({}), '1');
    assert.equal(port({ useRemoteAddress: true }), '8080');
    assert.equal(port({ useRemoteAddress: true, xffTrustedHops: 1 }), '1');
    assert.equal(receive({ appendForwardedPort: true }, {}).seen['x-forwarded-port'], '8080');
  });

  test('request ids', () => {
    const id = { 'x-request-id': 'theirs' };
    const generate = { generateRequestId: true, ...insiders };
    assert.equal(receive(generate, {}).seen['x-request-id'], 'new-id');
    assert.equal(receive(generate, { headers: id }).seen['x-request-id'], 'theirs');
    const atEdge = { ...generate, useRemoteAddress: true };
    assert.equal(receive(atEdge, { headers: id }).seen['x-request-id'], 'new-id');
    assert.equal(receive(atEdge, { headers: id, remote: '10.0.0.1' }).seen['x-request-id'], 'theirs');
    const preserve = { ...atEdge, preserveExternalRequestId: true };
    assert.equal(receive(preserve, { headers: id }).seen['x-request-id'], 'theirs');
  });

  test('via', () => {
    assert.equal(receive({ via: 'mosn' }, { headers: { via: 'a' } }).head.get('via'), 'a,mosn');
  });
});

describe('who the client is', () => {
  const atEdge = { useRemoteAddress: true, ...insiders };

  test('at the edge: the address, and what only insiders may say is taken away', () => {
    const headers = {
      'x-envoy-max-retries': '9',
      'x-envoy-internal': 'true',
      'x-envoy-decorator-operation': 'o',
      'x-forwarded-proto': 'https',
      a: 'b',
    };
    assert.deepEqual(receive(atEdge, { headers }).seen, {
      a: 'b',
      'x-forwarded-proto': 'http',
      'x-forwarded-for': '203.0.113.9',
      'x-envoy-external-address': '203.0.113.9',
    });
    const inside = receive(atEdge, { headers, remote: '10.1.2.3' });
    assert.deepEqual([inside.seen['x-envoy-internal'], inside.seen['x-envoy-max-retries']], ['true', '9']);
    assert.equal(inside.internal, true);
    const chained = receive(atEdge, { headers: { 'x-forwarded-for': '1.1.1.1' }, remote: '10.1.2.3' });
    assert.equal(chained.seen['x-forwarded-for'], '1.1.1.1,10.1.2.3');
    assert.equal(chained.seen['x-envoy-internal'], undefined);
  });

  test('nobody is internal unless it is said, and nobody is who only says so', () => {
    const headers = { 'x-envoy-internal': 'true', 'x-envoy-retry-on': '5xx' };
    for (const remote of ['127.0.0.1', '10.0.0.1', '192.168.1.1', '::1']) {
      const { seen, internal } = receive({ useRemoteAddress: true }, { headers, remote });
      assert.deepEqual([seen['x-envoy-internal'], seen['x-envoy-retry-on'], internal], [undefined, undefined, false]);
    }
    const sidecar = receive(insiders, { headers, remote: '10.0.0.1' });
    assert.deepEqual([sidecar.seen['x-envoy-internal'], sidecar.seen['x-envoy-retry-on']], [undefined, undefined]);
  });

  test('without the remote address: whom X-Forwarded-For names', () => {
    const headers = { 'x-forwarded-for': '10.1.2.3', 'x-envoy-max-retries': '2', 'x-envoy-decorator-operation': 'o' };
    const inside = receive(insiders, { headers });
    assert.deepEqual([inside.client, inside.internal, inside.seen['x-envoy-max-retries']], ['10.1.2.3', true, '2']);
    assert.equal(inside.seen['x-forwarded-for'], '10.1.2.3', 'nothing is appended');
    const outside = receive(insiders, { headers: { ...headers, 'x-forwarded-for': '10.9.9.9, 10.1.2.3' } });
    assert.deepEqual([outside.client, outside.internal], ['10.1.2.3', false], 'somebody stands between');
    assert.equal(outside.seen['x-envoy-max-retries'], undefined);
    assert.equal(outside.seen['x-envoy-decorator-operation'], 'o', 'only an edge takes this');
    const broken = receive(insiders, { headers: { 'x-forwarded-for': 'unknown' } });
    assert.deepEqual([broken.client, broken.internal], ['203.0.113.9', false]);
  });

  test('trusted hops', () => {
    const headers = { 'x-forwarded-for': '9.9.9.9, 8.8.8.8', 'x-forwarded-proto': 'https' };
    const trusted = receive({ ...atEdge, xffTrustedHops: 1 }, { headers, remote: '10.1.2.3' });
    assert.equal(trusted.seen['x-envoy-external-address'], '8.8.8.8');
    assert.equal(trusted.seen['x-forwarded-proto'], 'https');
    assert.equal(receive({ ...atEdge, xffTrustedHops: 2 }, { headers }).client, '9.9.9.9');
    assert.equal(receive({ ...atEdge, xffTrustedHops: 3 }, { headers }).client, '203.0.113.9', 'a shorter list');
    assert.equal(receive({ xffTrustedHops: 1 }, { headers }).client, '9.9.9.9');
    assert.equal(receive({ xffTrustedHops: 2 }, { headers }).client, '203.0.113.9');
  });

  test('nothing is appended when that is asked for, and a client on this machine has its address', () => {
    const headers = { 'x-forwarded-for': '1.1.1.1' };
    assert.equal(receive({ ...atEdge, skipXffAppend: true }, { headers }).seen['x-forwarded-for'], '1.1.1.1');
    assert.equal(receive(atEdge, { headers, remote: '127.0.0.1' }).seen['x-forwarded-for'], '1.1.1.1,192.0.2.1');
    assert.equal(receive(atEdge, { remote: '::1' }).seen['x-forwarded-for'], '192.0.2.1');
  });

  test('a header that a trusted proxy sets', () => {
    const config = (rejectStatus: number | undefined, trusted = true) => ({
      ...insiders,
      clientDetection: [{ kind: 'header', header: 'cf-ip', trusted, rejectStatus }] as const,
    });
    const found = receive(config(undefined), { headers: { 'cf-ip': '10.4.4.4' } });
    assert.deepEqual([found.client, found.internal], ['10.4.4.4', true]);
    assert.equal(receive(config(undefined, false), { headers: { 'cf-ip': '10.4.4.4' } }).internal, false);
    assert.equal(receive(config(undefined), { headers: { 'cf-ip': 'x' } }).client, '203.0.113.9');
    const stats = new MemoryStats();
    for (const headers of [{}, { 'cf-ip': '1.2.3.4, 5.6.7.8' }, { 'cf-ip': '' }]) {
      const { reply } = receive({}, { headers: headers as Record<string, string> }, edge(config(401), stats));
      assert.deepEqual([reply?.status, reply?.details], [401, 'rejected_via_ip_detection']);
    }
    assert.equal(stats.get('http.in.downstream_rq_rejected_via_ip_detection'), 3);
  });

  test('the first way that finds somebody counts', () => {
    const clientDetection = [
      { kind: 'header', header: 'real-ip', trusted: false, rejectStatus: undefined },
      { kind: 'xff', trustedHops: 1 },
    ] as const;
    const headers = { 'x-forwarded-for': '1.1.1.1,2.2.2.2' };
    assert.equal(receive({ clientDetection }, { headers }).client, '1.1.1.1');
    assert.equal(receive({ clientDetection }, { headers: { ...headers, 'real-ip': '3.3.3.3' } }).client, '3.3.3.3');
  });

  test('headers that a route table keeps for insiders', () => {
    const headers = { 'x-secret': 's', other: 'o' };
    const made = edge(atEdge, new MemoryStats(), ['x-secret']);
    assert.equal(receive({}, { headers }, made).seen['x-secret'], undefined);
    assert.equal(receive({}, { headers, remote: '10.0.0.1' }, made).seen['x-secret'], 's');
  });

  test('whatever stands in X-Forwarded-For, a client is an address or the peer', () => {
    const part = fc.constantFrom(
      '10.0.0.1',
      '::1',
      'fd00::5',
      ' 8.8.8.8 ',
      '',
      'x',
      '1.2.3',
      '999.1.1.1',
      ',',
      '[::1]',
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), fc.nat(4), fc.boolean(), (parts, hops, useRemoteAddress) => {
        const headers = { 'x-forwarded-for': parts.join(',') };
        const { client } = receive({ ...insiders, useRemoteAddress, xffTrustedHops: hops }, { headers });
        assert.match(client, /^(203\.0\.113\.9|10\.0\.0\.1|::1|fd00::5|8\.8\.8\.8)$/);
      }),
    );
  });
});

describe('the client certificate', () => {
  const certificate = {
    sha256Hex: 'ab12',
    subject: 'CN="evil\\",Hash=0;x',
    subjectAltNames: ['URI:spiffe://a/b;Hash=1', 'URI:spiffe://c', 'DNS:a.b', 'DNS:c'],
    pem: () => '-----BEGIN\nA+/=\n',
    chainPem: () => 'chain',
  } as unknown as PeerCertificate;
  const tls = {
    peerCertificate: certificate,
    localCertificate: { subjectAltNames: ['URI:spiffe://us'] },
  } as unknown as TlsSession;
  const all: ClientCertificateConfig = {
    mode: 'sanitize-set',
    subject: true,
    certificate: true,
    chain: true,
    dns: true,
    uri: true,
  };
  const bare: ClientCertificateConfig = {
    ...all,
    subject: false,
    certificate: false,
    chain: false,
    dns: false,
    uri: false,
  };
  const forged = { 'x-forwarded-client-cert': 'By=me' };
  const see = (clientCertificate: ClientCertificateConfig, session: Partial<TlsSession> | undefined) =>
    receive({ clientCertificate }, { headers: forged, ...(session && { tls: session }) }).seen[
      'x-forwarded-client-cert'
    ];

  test('what others say goes no further, unless it is asked for', () => {
    assert.equal(see({ ...bare, mode: 'sanitize' }, tls), undefined);
    assert.equal(see({ ...bare, mode: 'forward-only' }, tls), 'By=me');
    assert.equal(see({ ...bare, mode: 'always-forward-only' }, undefined), 'By=me');
    for (const mode of ['forward-only', 'append-forward', 'sanitize-set'] as const) {
      assert.equal(see({ ...bare, mode }, {}), undefined, `${mode}, no certificate`);
      assert.equal(see({ ...bare, mode }, undefined), undefined, `${mode}, no TLS`);
    }
  });

  test('what this hop says', () => {
    assert.equal(see(bare, tls), 'By=spiffe://us;Hash=ab12');
    assert.equal(see({ ...bare, mode: 'append-forward' }, tls), 'By=me,By=spiffe://us;Hash=ab12');
    assert.equal(
      see(all, tls),
      'By=spiffe://us;Hash=ab12;Cert="-----BEGIN%0AA%2B%2F%3D%0A";Chain="chain";' +
        'Subject="CN=\\"evil\\\\\\",Hash=0;x";URI=spiffe://a/b%3BHash%3D1;URI=spiffe://c;DNS=a.b;DNS=c',
    );
  });

  test('an empty URI is told as such', () => {
    const none = { ...tls, peerCertificate: { ...certificate, sha256Hex: 'c', subjectAltNames: [] } };
    assert.equal(see({ ...bare, uri: true, dns: true }, none), 'By=spiffe://us;Hash=c;URI=');
  });
});

describe('names with an underscore', () => {
  const headers = { a_b: '1', 'c-d': '2', _: '3' };

  test('pass, are dropped, or refuse the request', () => {
    const stats = new MemoryStats();
    assert.equal(receive({}, { headers }).seen['a_b'], '1');
    const dropped = receive({}, { headers }, edge({ underscores: 'drop' }, stats));
    assert.deepEqual(dropped.seen, { 'c-d': '2', 'x-forwarded-proto': 'http' });
    const { reply } = receive({}, { headers }, edge({ underscores: 'reject' }, stats));
    assert.deepEqual([reply?.status, reply?.details], [400, 'unexpected_underscore']);
    assert.equal(stats.get('http1.dropped_headers_with_underscores'), 2);
    assert.equal(stats.get('http1.requests_rejected_with_underscores_in_headers'), 1);
    assert.equal(receive({ underscores: 'reject' }, { headers: { 'c-d': '2' } }).status, undefined);
  });
});

describe('what a hop adds to an answer', () => {
  const asked = request({ headers: { 'x-request-id': 'id' } });
  const respond = (config: Partial<HttpProxyConfig>, headers = '') => {
    const head = new LineResponseHead({ id: 1, verb: 'RSP', end: true, words: ['200', headers], bytes: 0 }, false);
    edge(config).onResponse(head, asked, 0, '');
    return ['server', 'date', 'via', 'x-request-id'].map((name) => head.get(name));
  };
  const now = 'Thu, 01 Jan 2026 00:00:00 GMT';

  test('server and date, and the id if that is asked for', () => {
    assert.deepEqual(respond({ serverHeader: 'overwrite' }, 'server=x;date=then'), [
      'mosn',
      'then',
      undefined,
      undefined,
    ]);
    assert.deepEqual(respond({ serverHeader: 'append-if-absent' }, 'server=x').slice(0, 2), ['x', now]);
    assert.deepEqual(respond({ serverHeader: 'append-if-absent', via: 'v' }).slice(0, 3), ['mosn', now, 'v']);
    assert.deepEqual(respond({ serverHeader: 'pass-through' }).slice(0, 2), [undefined, now]);
    assert.equal(respond({ requestIdInResponse: true })[3], 'id');
  });

  test('an answer of its own has them, too', () => {
    const reply = { status: 503, body: '', details: '', flags: 0, headers: [['a', 'b']] } as const;
    const config = { serverHeader: 'overwrite', via: 'v', requestIdInResponse: true } as const;
    assert.deepEqual(edge(config).onReply(reply, asked).headers, [
      ['a', 'b'],
      ['date', now],
      ['server', 'mosn'],
      ['via', 'v'],
      ['x-request-id', 'id'],
    ]);
  });
});

describe('hosts in normal form', () => {
  for (const [host, config, expected] of [
    ['a.b:8080', {}, 'a.b:8080'],
    ['a.b:8080', { stripHostPort: 'matching' }, 'a.b'],
    ['a.b:81', { stripHostPort: 'matching' }, 'a.b:81'],
    ['a.b:81', { stripHostPort: 'any' }, 'a.b'],
    ['[::1]:81', { stripHostPort: 'any' }, '[::1]'],
    ['[::1]', { stripHostPort: 'any' }, '[::1]'],
    ['a.b.', { stripTrailingHostDot: true }, 'a.b'],
    ['a.b.:81', { stripTrailingHostDot: true }, 'a.b:81'],
    ['a.b.:8080', { stripTrailingHostDot: true, stripHostPort: 'matching' }, 'a.b'],
    ['.', { stripTrailingHostDot: true }, '.'],
    ['a.b:', { stripHostPort: 'any' }, 'a.b:'],
  ] as const) {
    test(`${host} with ${JSON.stringify(config)}`, () => {
      assert.equal(receive(config, { host }).head.authority, expected);
    });
  }
});

describe('paths in normal form', () => {
  test('are what routes see, and one that has none is refused', () => {
    assert.equal(receive({ normalizePath: true }, { path: '/a/../b?c' }).head.path, '/b?c');
    assert.equal(receive({ normalizePath: true }, { path: '/a%00' }).status, 400);
    assert.equal(receive({}, { path: '/a/../b' }).head.path, '/a/../b');
  });

  test('a fragment is refused', () => {
    assert.equal(receive({}, { path: '/a#b' }).status, 400);
  });

  test('escaped slashes', () => {
    const see = (escapedSlashes: HttpProxyConfig['escapedSlashes'], path: string, more = {}) => {
      const { reply, head } = receive({ escapedSlashes, ...more }, { path });
      return reply === undefined ? head.path : `${reply.status} ${reply.headers?.[0]?.[1] ?? ''}`;
    };
    assert.equal(see('keep', '/a%2Fb%5c'), '/a%2Fb%5c');
    assert.equal(see('reject', '/a%2Fb'), '400 ');
    assert.equal(see('reject', '/a%5cb'), '400 ');
    assert.equal(see('reject', '/a?x=%2F'), '/a?x=%2F');
    assert.equal(see('forward', '/a%2f%5Cb?%2f'), '/a/\\b?%2f');
    assert.equal(see('forward', '/a%2f..%5Cb', { normalizePath: true }), '/b');
    assert.equal(see('forward', '/a%2f%2Fb', { mergeSlashes: true }), '/a/b');
    assert.equal(see('redirect', '/a%2Fb?q'), '307 /a/b?q');
    assert.equal(see('redirect', '/a/b'), '/a/b');
    assert.equal(see('redirect', '/%2f..', { normalizePath: true }), '307 /');
    assert.equal(see('redirect', '/%2f../%00', { normalizePath: true }), '400 ');
    assert.equal(see('redirect', '/%2fevil/a'), '307 line://h//evil/a', 'never to another host');
  });

  test('a gRPC client is refused where others are redirected', () => {
    const stats = new MemoryStats();
    const made = edge({ escapedSlashes: 'redirect' }, stats);
    const headers = { 'content-type': 'application/grpc' };
    assert.equal(receive({}, { path: '/a%2Fb', headers }, made).status, 400);
    assert.equal(receive({}, { path: '/a%2Fb' }, made).status, 307);
    assert.equal(stats.get('http.in.downstream_rq_failed_path_normalization'), 1);
    assert.equal(stats.get('http.in.downstream_rq_redirected_with_normalized_path'), 1);
  });

  test('what is normal stays normal, and no dot segment is left', () => {
    const piece = [
      'a',
      '.',
      '..',
      '',
      '%2e',
      '%2E%2e',
      '\\',
      '%41',
      '~',
      '%',
      '%2f',
      '%5C',
      '..;',
      ';',
      '2',
      '%66',
      '<',
    ];
    const part = fc.array(fc.constantFrom(...piece), { maxLength: 4 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.array(part, { minLength: 1 }), (parts) => {
        const config = { normalizePath: true, mergeSlashes: true, escapedSlashes: 'forward' } as const;
        const { status, head } = receive(config, { path: `/${parts.join('/')}` });
        if (status !== undefined) return;
        assert.equal(normalizePath(head.path, true, true), head.path);
        const segments = head.path.split('/');
        assert.ok(!segments.some((segment) => /^\.\.?(?:;|$)/.test(segment)), head.path);
      }),
    );
  });
});
