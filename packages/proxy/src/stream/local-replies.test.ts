import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CodedError } from '@sofamesh/base/errors';
import type { HttpProxyConfig } from '../config/listener.ts';
import { noHeaderMutations, type RouteConfig } from '../config/route.ts';
import {
  chain,
  clusterConfig,
  filterConfig,
  forward,
  httpProxy,
  inline,
  listenerConfig,
  prefix,
  route,
  routeTable,
  rpcProxy,
} from '../test-support/configs.ts';
import { answering, EngineWorld } from '../test-support/engine-world.ts';

const limits = { connectionsMax: 1024, pendingRequestsMax: 1024, requestsMax: 1024, retriesMax: 3 };

async function world(routes: readonly RouteConfig[], proxy: Partial<HttpProxyConfig> = {}): Promise<EngineWorld> {
  const made = new EngineWorld([
    {
      name: 'broken',
      prepare: () => () => ({
        onRequestHead(head) {
          if (head.path === '/throw') throw new CodedError('x', 'on purpose');
          return head.path === '/reject' ? Promise.reject(new Error('on purpose')) : undefined;
        },
        onResponseHead(_head, exchange) {
          if (exchange.request.path === '/response') throw new Error('on purpose');
          return undefined;
        },
      }),
    },
  ]);
  await made.upstream(1, answering('RSP. 200'));
  const rejections = await made.apply({
    clusters: [
      clusterConfig('shop', [1]),
      clusterConfig('dead', [2]),
      clusterConfig('empty', []),
      clusterConfig('narrow', [1], { limits: { ...limits, requestsMax: 0 } }),
      clusterConfig('slow', [3]),
    ],
    listeners: [listenerConfig([chain(httpProxy(inline(routes), proxy))])],
  });
  assert.deepEqual(rejections, []);
  return made;
}

const routes = [
  route(forward('dead'), prefix('/dead')),
  route(forward('empty'), prefix('/empty')),
  route(forward('narrow'), prefix('/narrow')),
  route(forward('nowhere'), prefix('/nowhere')),
  route(forward('', { clusters: [], clusterHeader: 'to' }), prefix('/header')),
  route(forward('slow'), prefix('/slow')),
  route({ kind: 'direct-response', status: 418, body: 'short and stout' }, prefix('/tea'), {
    headers: {
      ...noHeaderMutations,
      response: { add: [{ name: 'X-Route', value: '%ROUTE_NAME%', action: 'append' }], remove: [] },
    },
  }),
  route(
    {
      kind: 'redirect',
      status: 301,
      scheme: 'https',
      host: undefined,
      port: undefined,
      path: undefined,
      prefixRewrite: '/new/',
      stripQuery: false,
    },
    prefix('/old/'),
  ),
  route(forward('shop'), prefix('/shop')),
];

/** Path of the request, answer but for the date, and what the access log says. */
const cases: readonly (readonly [path: string, answer: readonly string[], log: string])[] = [
  ['/none', ['RSP 404 local=route_not_found', 'DAT. '], '404 NR route_not_found 0 -'],
  ['/nowhere', ['RSP 503 local=cluster_not_found', 'DAT. '], '503 NC cluster_not_found 0 -'],
  ['/header', ['RSP 503 local=cluster_not_found', 'DAT. '], '503 NC cluster_not_found 0 -'],
  ['/empty', ['RSP 503 local=no_healthy_upstream', 'DAT. no%20healthy%20upstream'], '503 UH no_healthy_upstream 0 -'],
  [
    '/dead',
    [
      'RSP 503 local=upstream_reset_before_response_started%7Bremote_connection_failure%7D',
      `DAT. ${encodeURIComponent(
        'upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, ' +
          'transport failure reason: ECONNREFUSED',
      )}`,
    ],
    '503 UF upstream_reset_before_response_started{remote_connection_failure} 1 10.0.0.1:2',
  ],
  [
    '/narrow',
    [
      'RSP 503 x-envoy-overloaded=true;local=upstream_reset_before_response_started%7Boverflow%7D',
      `DAT. ${encodeURIComponent('upstream connect error or disconnect/reset before headers. reset reason: overflow')}`,
    ],
    '503 UO upstream_reset_before_response_started{overflow} 0 -',
  ],
  [
    '/tea',
    ['RSP 418 x-route=r;local=direct_response', `DAT. ${encodeURIComponent('short and stout')}`],
    '418 - direct_response 0 -',
  ],
  [
    '/old/a?b=1',
    ['RSP 301 location=https%3A%2F%2Fhost%2Fnew%2Fa%3Fb%3D1;local=direct_response', 'DAT. '],
    '301 - direct_response 0 -',
  ],
];

describe('what the proxy answers by itself', () => {
  for (const [path, answer, log] of cases) {
    test(path, async () => {
      const made = await world(routes);
      const client = await made.client();
      client.send(`5 REQ. GET host ${encodeURIComponent(path)}`);
      await made.settle();
      const lines = client.take().map((line) => line.replace(/;?date=[^;]*/, '').replace(' ;', ' '));
      assert.deepEqual(
        lines,
        answer.map((line) => `5 ${line}`),
      );
      assert.deepEqual(made.logs, [log]);
      client.send('6 REQ. GET host /shop');
      await made.settle();
      assert.match(client.lines[0]!, /^6 RSP\. 200/, 'the connection goes on');
      assert.deepEqual(made.stats.gaugesLeft(/_cx_(\w+_)?active|listeners_active|membership|_open$/), []);
    });
  }

  test('a route table that was never sent', async () => {
    const made = await world([]);
    await made.apply({
      listeners: [
        listenerConfig([chain(httpProxy({ kind: 'named', name: 'later' }))], { version: '2' }),
        listenerConfig([chain(rpcProxy({ kind: 'named', name: 'later' }))], {
          name: 'rpc',
          address: { kind: 'ip', host: '127.0.0.1', port: 8081 },
        }),
      ],
    });
    const client = await made.client();
    client.send('1 REQ. GET host /');
    const rpc = await made.client(8081);
    rpc.send('2 CALL. GET host / a=b body');
    await made.settle();
    assert.match(client.lines[0]!, /^1 RSP 404 .*local=route_configuration_not_found/);
    assert.deepEqual(rpc.take(), ['2 BACK. 404 local=route_configuration_not_found ']);
    await made.apply({ routes: [routeTable([route(forward('shop'))], { name: 'later' })] });
    client.send('3 REQ. GET host /');
    await made.settle();
    assert.match(client.lines[2]!, /^3 RSP\. 200/);
    assert.equal(made.stats.get('http.in.no_route'), 2);
  });

  test('a filter that throws or rejects costs its request a 500 and nothing else', async () => {
    const made = await world(routes, { filters: [filterConfig('broken'), filterConfig('router')] });
    const client = await made.client();
    for (const [at, path] of ['/throw', '/reject', '/shop', '/none'].entries()) {
      client.send(`${at} REQ. GET host ${path}`);
      await made.settle();
    }
    assert.deepEqual(made.logs, [
      '500 - filter_failed 0 -',
      '500 - filter_failed 0 -',
      '200 - via_upstream 1 10.0.0.1:1',
      '404 NR route_not_found 0 -',
    ]);
  });

  test('a response filter that throws: 500 instead of the answer, and the upstream is given up', async () => {
    const made = await world([route(forward('shop'))], { filters: [filterConfig('broken'), filterConfig('router')] });
    const client = await made.client();
    client.send('1 REQ. GET host /response');
    await made.settle();
    assert.match(client.lines[0]!, /^1 RSP 500 .*local=filter_failed/);
    assert.deepEqual(made.logs, ['500 - filter_failed 1 10.0.0.1:1']);
  });

  test('an upgrade or CONNECT that is not allowed', async () => {
    const made = await world(routes);
    const client = await made.client();
    client.send('1 REQ. GET host /shop upgrade=tea', '2 REQ. CONNECT host /shop');
    await made.settle();
    assert.deepEqual(made.logs, ['403 - upgrade_failed 0 -', '403 - upgrade_failed 0 -']);
  });

  test('the counters of what was answered', async () => {
    const made = await world(routes);
    const client = await made.client();
    for (const [at, [path]] of cases.entries()) client.send(`${at} REQ. GET host ${encodeURIComponent(path)}`);
    await made.settle();
    const { stats } = made;
    const counts = ['no_route', 'no_cluster', 'rq_direct_response', 'rq_redirect', 'downstream_rq_total'];
    assert.deepEqual(
      counts.map((name) => stats.get(`http.in.${name}`)),
      [1, 2, 1, 1, 8],
    );
    const classes = ['3xx', '4xx', '5xx', 'completed'].map((name) => stats.get(`http.in.downstream_rq_${name}`));
    assert.deepEqual(classes, [1, 2, 5, 8]);
    assert.equal(stats.get('vhost.all.route.r.upstream_rq_total'), 7);
    assert.equal(stats.get('vhost.all.route.r.upstream_rq_error'), 5);
    assert.equal(stats.get('cluster.dead.upstream_rq_503'), 1);
    assert.equal(stats.get('cluster.empty.upstream_cx_none_healthy'), 1);
  });
});
