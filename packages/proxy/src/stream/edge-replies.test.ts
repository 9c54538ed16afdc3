import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClientTls } from '@sofamesh/contract/tls';
import { decodeHeaders } from '@sofamesh/testkit/line-message';
import type { LocalRepliesConfig, LocalReplyMapperConfig } from '../config/http-edge.ts';
import type { HttpProxyConfig } from '../config/listener.ts';
import { noHeaderMutations, type RouteConfig } from '../config/route.ts';
import {
  chain,
  clusterConfig,
  forward,
  httpProxy,
  inline,
  listenerConfig,
  prefix,
  route,
} from '../test-support/configs.ts';
import { answering, EngineWorld, type LinePeer } from '../test-support/engine-world.ts';

const grpc = 'content-type=application%2Fgrpc';

async function worldOf(routes: readonly RouteConfig[], config: Partial<HttpProxyConfig> = {}) {
  const world = new EngineWorld();
  const upstream = await world.upstream(1);
  const rejections = await world.apply({
    clusters: [clusterConfig('shop', [1]), clusterConfig('empty', [])],
    listeners: [listenerConfig([chain(httpProxy(inline(routes), config))])],
  });
  assert.deepEqual(rejections, []);
  return { world, upstream, client: await world.client() };
}

/** Status, headers (but the date) and body of the answer to one request. */
async function ask(world: EngineWorld, client: LinePeer, line: string) {
  client.send(`1 ${line}`);
  await world.settle();
  const [head = '', data = ''] = client.take();
  const [, , status, headers = ''] = head.split(' ');
  const { date: _, local: _details, ...rest } = Object.fromEntries(decodeHeaders(headers));
  return [Number(status), rest, decodeURIComponent(data.split(' ')[2] ?? '')] as const;
}

const routes = [
  route(forward('empty'), prefix('/empty')),
  route(forward('nowhere'), prefix('/nowhere')),
  route(forward('nowhere', { clusterMissingStatus: 404 }), prefix('/lost')),
];

describe('a gRPC client', () => {
  test('gets its own form of answer: a status and a text, and no body', async () => {
    const { world, client } = await worldOf(routes);
    const type = 'application/grpc';
    assert.deepEqual(await ask(world, client, `REQ. POST host /empty ${grpc}`), [
      200,
      { 'content-type': type, 'grpc-status': '14', 'grpc-message': 'no healthy upstream' },
      '',
    ]);
    assert.deepEqual(await ask(world, client, `REQ. POST host /lost ${grpc}`), [
      200,
      { 'content-type': type, 'grpc-status': '12' },
      '',
    ]);
    assert.deepEqual(await ask(world, client, `REQ. POST host /none ${grpc}%2Bproto`), [
      200,
      { 'content-type': type, 'grpc-status': '12' },
      '',
    ]);
    assert.equal((await ask(world, client, 'REQ. POST host /lost content-type=application%2Fgrpc-web'))[0], 404);
    assert.deepEqual(world.logs, [
      '200 UH no_healthy_upstream 0 -',
      '200 NC cluster_not_found 0 -',
      '200 NR route_not_found 0 -',
      '404 NC cluster_not_found 0 -',
    ]);
    assert.deepEqual(
      world.records.map((record) => record.grpcStatus),
      [14, 12, 12, undefined],
    );
    assert.equal(world.stats.get('vhost.all.route.r.upstream_rq_error'), 2, 'UNAVAILABLE, and 404 is none');
  });

  test('its status counts wherever the answer has it, and trailers pass', async () => {
    const { world, upstream, client } = await worldOf([route(forward('shop'))]);
    client.send(`1 REQ. POST host / ${grpc}`, `2 REQ. POST host / ${grpc}`, `3 REQ. POST host / ${grpc}`);
    await world.settle();
    const [a, b, c] = upstream.take().map((line) => line.split(' ')[0]);
    upstream.peer.send(`${a} RSP 200`, `${a} DAT x`, `${a} TRL. grpc-status=13`);
    upstream.peer.send(`${b} RSP. 200 grpc-status=5`, `${c} RSP 200`, `${c} TRL. grpc-status=0`);
    await world.settle();
    assert.ok(client.lines.includes('1 TRL. grpc-status=13'), client.lines.join('\n'));
    assert.deepEqual(
      world.records.map((record) => [record.status, record.grpcStatus]),
      [
        [200, 13],
        [200, 5],
        [200, 0],
      ],
    );
    assert.equal(world.stats.get('vhost.all.route.r.upstream_rq_error'), 1);
  });

  test('an upstream that goes away in the middle is a reset, never a status', async () => {
    const { world, upstream, client } = await worldOf([route(forward('shop'))]);
    client.send(`1 REQ. POST host / ${grpc}`);
    await world.settle();
    const [id] = upstream.take().map((line) => line.split(' ')[0]);
    upstream.peer.send(`${id} RSP 200`, `${id} DAT x`);
    await world.settle();
    upstream.peer.connection.close('reset');
    await world.settle();
    assert.deepEqual(client.take().slice(1), ['1 DAT x', '1 RST. connection-termination']);
  });

  test('a text that is no plain text is encoded', async () => {
    const mapper = { ...map({ status: 503 }), body: 'naïve\n100% ☃' };
    const { world, client } = await worldOf(routes, { localReplies: { mappers: [mapper], body: undefined } });
    const [, headers] = await ask(world, client, `REQ. POST host /empty ${grpc}`);
    assert.equal(headers['grpc-message'], 'na%C3%AFve%0A100%25 %E2%98%83');
  });
});

function map({ status }: { status: number }, more: Partial<LocalReplyMapperConfig> = {}): LocalReplyMapperConfig {
  const filter = { kind: 'status', operator: 'eq', value: status } as const;
  return { filter, status: undefined, body: undefined, format: undefined, headers: [], ...more };
}

describe('local replies that are mapped', () => {
  const mapped = (mappers: readonly LocalReplyMapperConfig[], body?: LocalRepliesConfig['body']) =>
    worldOf(routes, { localReplies: { mappers, body } });

  test('the first filter that fits changes status, body and headers', async () => {
    const headers = [{ name: 'X-Why', value: 'because', action: 'append' }] as const;
    const { world, client } = await mapped([
      map({ status: 404 }, { status: 410, body: 'gone' }),
      map({ status: 503 }, { status: 502, headers }),
      map({ status: 503 }, { status: 501 }),
    ]);
    assert.deepEqual(await ask(world, client, 'REQ. GET host /lost'), [410, {}, 'gone']);
    const kept = await ask(world, client, 'REQ. GET host /empty');
    assert.deepEqual(kept, [502, { 'x-why': 'because' }, 'no healthy upstream']);
    assert.deepEqual(world.logs, ['410 NC cluster_not_found 0 -', '502 UH no_healthy_upstream 0 -']);
    assert.equal(world.stats.get('http.in.downstream_rq_4xx'), 1);
  });

  test('by flags and by headers of the request', async () => {
    const { world, client } = await mapped([
      map({ status: 0 }, { filter: { kind: 'flags', flags: 1 << 3 }, body: 'no route' }),
      map(
        { status: 0 },
        {
          filter: {
            kind: 'header',
            header: {
              name: 'a',
              match: { kind: 'exact', value: 'b', ignoreCase: false },
              invert: false,
              treatMissingAsEmpty: false,
            },
          },
          body: 'b',
        },
      ),
    ]);
    assert.equal((await ask(world, client, 'REQ. GET host /none a=b'))[2], 'no route');
    assert.equal((await ask(world, client, 'REQ. GET host /empty a=b'))[2], 'b');
    assert.equal((await ask(world, client, 'REQ. GET host /empty'))[2], 'no healthy upstream');
  });

  test('a body is formatted, by the mapper or else for all', async () => {
    const text = (value: string, contentType = '') => ({ format: { kind: 'text', text: value }, contentType }) as const;
    const json = { format: { kind: 'json', json: { a: 1 } }, contentType: '' } as const;
    const { world, client } = await mapped(
      [map({ status: 404 }, { format: json })],
      text('%ROUTE_NAME%!', 'text/html'),
    );
    assert.deepEqual(await ask(world, client, 'REQ. GET host /lost'), [
      404,
      { 'content-type': 'application/json' },
      '{"a":1}',
    ]);
    assert.deepEqual(await ask(world, client, 'REQ. GET host /empty'), [503, { 'content-type': 'text/html' }, 'r!']);
  });

  test('a reply of a route has what the route adds to answers', async () => {
    const response = { add: [{ name: 'X-Route', value: 'r', action: 'append' }], remove: [] } as const;
    const { world, client } = await worldOf([
      route(forward('empty'), prefix('/'), { headers: { ...noHeaderMutations, response } }),
    ]);
    assert.deepEqual((await ask(world, client, 'REQ. GET host /'))[1], { 'x-route': 'r' });
  });
});

describe('which exchanges are logged', () => {
  test('those that the filter wants', async () => {
    const filter = {
      kind: 'or',
      filters: [
        { kind: 'status', operator: 'ge', value: 500 },
        { kind: 'grpc-status', statuses: [12], exclude: false },
      ],
    } as const;
    const accessLogs = [{ sink: { kind: 'stdout' }, format: { kind: 'text', text: '' }, filter }] as const;
    const { world, client } = await worldOf(routes, { accessLogs });
    await ask(world, client, 'REQ. GET host /empty');
    await ask(world, client, 'REQ. GET host /lost');
    await ask(world, client, `REQ. GET host /none ${grpc}`);
    assert.deepEqual(world.logs, [
      '503 UH no_healthy_upstream 0 -',
      '404 NC cluster_not_found 0 -',
      '200 NR route_not_found 0 -',
    ]);
    assert.deepEqual(
      world.records.map((record) => record.grpcStatus),
      [undefined, undefined, 12],
    );
  });
});

describe('a cookie for the balancer', () => {
  test('goes to a client that has none', async () => {
    const hashPolicy = [{ kind: 'cookie', name: 'lb', ttlS: 0, path: '', attributes: [], terminal: false }] as const;
    const world = new EngineWorld();
    await world.upstream(1, answering('RSP. 200'));
    await world.apply({
      clusters: [clusterConfig('shop', [1])],
      listeners: [listenerConfig([chain(httpProxy(inline([route(forward('shop', { hashPolicy }))])))])],
    });
    const client = await world.client();
    const [, headers] = await ask(world, client, 'REQ. GET host /');
    assert.match(headers['set-cookie'] ?? '', /^lb="[0-9a-f]{8}"; HttpOnly$/);
    const again = await ask(world, client, 'REQ. GET host / cookie=lb%3Dx');
    assert.equal(again[1]['set-cookie'], undefined);
  });
});

test('the scheme is that of the upstream where the listener says so', async () => {
  for (const [tls, scheme] of [
    [undefined, 'http'],
    [{}, 'https'],
  ] as const) {
    const world = new EngineWorld();
    await world.upstream(1, answering('RSP. 200'));
    await world.apply({
      clusters: [clusterConfig('shop', [1], { tls: tls as ClientTls | undefined })],
      listeners: [listenerConfig([chain(httpProxy(inline([route(forward('shop'))]), { schemeOfUpstream: true }))])],
    });
    await ask(world, await world.client(), 'REQ. GET host /');
    assert.equal(world.records[0]!.request!.scheme, scheme);
  }
});

describe('proxy-status', () => {
  const status = { name: 'front', showsDetails: true, showsFlags: true, setsStatus: false };
  const asked = async (proxyStatus: typeof status, path: string, type = '') => {
    const routes = [route(forward('empty'), prefix('/empty')), route(forward('shop'), prefix('/shop'))];
    const { world, upstream, client } = await worldOf(routes, { proxyStatus });
    client.send(`1 REQ. GET host ${path}${type === '' ? '' : ` ${type}`}`);
    await world.settle();
    if (path === '/shop') upstream.peer.send('1 RSP. 500');
    await world.settle();
    const [, , code, headers] = client.lines[0]!.split(' ');
    const found = Object.fromEntries(decodeHeaders(headers!)) as Record<string, string>;
    return { code, header: found['proxy-status'], logged: world.records[0]!.status };
  };

  test('says what went wrong, and how much of it is wanted', async () => {
    const full = 'front; error=destination_unavailable; details="no_healthy_upstream; UH"';
    assert.deepEqual(await asked(status, '/empty'), { code: '503', header: full, logged: 503 });
    assert.equal((await asked({ ...status, showsFlags: false }, '/empty')).header, full.replace('; UH', ''));
    const bare = { ...status, showsDetails: false, showsFlags: false };
    assert.equal((await asked(bare, '/empty')).header, 'front; error=destination_unavailable');
    assert.equal((await asked(status, '/shop')).header, undefined, 'an answer of the upstream');
  });

  test('with the status that is recommended, but to gRPC', async () => {
    const sets = { ...status, setsStatus: true };
    const { code, logged } = await asked(sets, '/none');
    assert.deepEqual([code, logged], ['500', 500]);
    assert.equal((await asked(sets, '/none', grpc)).code, '200');
  });
});
