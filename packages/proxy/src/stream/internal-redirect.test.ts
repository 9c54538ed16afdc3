import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Filter, FilterKind } from '@sofamesh/contract/filter';
import type { InternalRedirectConfig, RouteConfig } from '../config/route.ts';
import {
  chain,
  clusterConfig,
  filterConfig,
  forward,
  httpProxy,
  inline,
  listenerConfig,
  route,
} from '../test-support/configs.ts';
import { EngineWorld, type LinePeer } from '../test-support/engine-world.ts';

const policy: InternalRedirectConfig = { redirectsMax: 1, statuses: [302], crossScheme: false, copiedHeaders: [] };

const by = (value: string): RouteConfig['match'] => ({
  path: { kind: 'prefix', value, ignoreCase: false },
  headers: [],
  queryParameters: [],
  fractionPpm: undefined,
});

/** `/from…` is redirected as `answer` says, `/to…` is answered, and nothing else has a route. */
async function worldOf(answer: string, more: Partial<InternalRedirectConfig> = {}, filter?: FilterKind) {
  const world = new EngineWorld(filter === undefined ? [] : [filter]);
  const seen: string[] = [];
  const onLine = (encoded: string, peer: LinePeer) => {
    const line = decodeURIComponent(encoded);
    const [id, kind = '', , , path = ''] = line.split(' ');
    seen.push(line.slice(line.indexOf(' ') + 1));
    if (path.startsWith('/from')) redirected.add(id!);
    else if (kind.startsWith('REQ')) redirected.delete(id!);
    if (kind.endsWith('.') && path !== '/to/silence')
      peer.send(`${id} ${redirected.has(id!) ? answer : 'RSP. 200 x-done=1'}`);
  };
  const redirected = new Set<string>();
  await world.upstream(1, onLine);
  const internalRedirect = { ...policy, ...more };
  const routes = [route(forward('shop', { internalRedirect }), by('/from')), route(forward('shop'), by('/to'))];
  const filters = (filter === undefined ? ['router'] : [filter.name, 'router']).map((name) => filterConfig(name));
  const rejections = await world.apply({
    clusters: [clusterConfig('shop', [1])],
    listeners: [listenerConfig([chain(httpProxy(inline(routes), { filters }))])],
  });
  assert.deepEqual(rejections, []);
  const client = await world.client();
  const ask = async (...lines: string[]) => {
    client.send(...lines);
    await world.settle();
    await world.pass(10);
    return client.take().join('\n');
  };
  return { world, seen, client, ask, get: (name: string) => world.stats.get(name) };
}

const to = (url: string, status = 302) => `RSP. ${status} location=${encodeURIComponent(url)}`;
const passed = 'http.in.passthrough_internal_redirect_';

describe('a redirect that a route follows itself', () => {
  test('is not seen by the client, and the new request says where it began', async () => {
    const { world, seen, ask, get } = await worldOf(to('http://other:81/to?q#part'));
    assert.match(await ask('1 REQ. GET host /from?a'), /^1 RSP\. 200 .*x-done=1/);
    assert.equal(seen.length, 2);
    assert.match(seen[1]!, /^REQ\. GET other:81 \/to\?q /);
    assert.match(seen[1]!, /x-envoy-original-url=http:\/\/host\/from\?a/);
    assert.deepEqual(world.logs, ['302 - internal_redirect 1 10.0.0.1:1', '200 - via_upstream 1 10.0.0.1:1']);
    assert.equal(get('http.in.downstream_rq_total'), 2);
    assert.equal(get('http.in.downstream_rq_active'), 0);
    assert.equal(get('cluster.shop.upstream_internal_redirect_succeeded_total'), 1);
    assert.equal(get('cluster.shop.upstream_rq_active'), 0);
    assert.equal(world.clock.nextDueMs() === undefined || world.clock.nextDueMs()! > 1000, true);
  });

  test('keeps the body, which came in pieces', async () => {
    const { seen, ask } = await worldOf(to('http://other/to', 307), { statuses: [307] });
    assert.match(await ask('1 REQ POST host /from', '1 DAT one', '1 DAT. two'), /^1 RSP\. 200/);
    assert.deepEqual(
      seen.slice(3).map((line) => line.split(' ').slice(0, 2).join(' ')),
      ['REQ POST', 'DAT one', 'DAT. two'],
    );
  });

  test('but for 303, which makes another request of it', async () => {
    const { seen, ask } = await worldOf(to('http://other/to', 303), { statuses: [303] });
    const answer = await ask('1 REQ POST host /from content-length=3', '1 DAT. one');
    assert.match(answer, /^1 RSP\. 200/);
    assert.match(seen[2]!, /^REQ\. GET other \/to /);
    assert.doesNotMatch(seen[2]!, /content-length/);
    assert.equal(seen.length, 3);
  });

  test('takes along the headers it shall, and drops those the redirect lacks', async () => {
    const answer = `${to('http://other/to')};x-a=1;x-c=3`;
    const { seen, ask } = await worldOf(answer, { copiedHeaders: ['x-a', 'x-b'] });
    await ask('1 REQ. GET host /from x-a=0;x-b=0');
    assert.match(seen[1]!, /x-a=1/);
    assert.doesNotMatch(seen[1]!, /x-b|x-c/);
  });

  test('more than once, where that is allowed', async () => {
    const { ask, seen, get } = await worldOf(to('http://other/from'), { redirectsMax: 3 });
    assert.match(await ask('1 REQ. GET host /from'), /^1 RSP\. 302/);
    assert.equal(seen.length, 4);
    assert.equal(get(`${passed}too_many_redirects`), 1);
    assert.match(seen[3]!, /x-envoy-original-url=http:\/\/other\/from(;|$)/);
  });

  test('passes all filters again, and they see all of the body', async () => {
    const bodies: string[] = [];
    const ends: string[] = [];
    const gathering: FilterKind = {
      name: 'gather',
      prepare: () => () =>
        ({
          async onRequestHead(head, exchange) {
            bodies.push(`${head.path} ${await exchange.bufferRequest(100)}`);
          },
          onEnd: () => void ends.push('end'),
        }) satisfies Filter,
    };
    const { ask } = await worldOf(to('http://other/to', 307), { statuses: [307] }, gathering);
    assert.match(await ask('1 REQ POST host /from', '1 DAT one', '1 DAT. two'), /^1 RSP\. 200/);
    assert.deepEqual(bodies, ['/from onetwo', '/to onetwo']);
    assert.equal(ends.length, 2);
  });

  test('its answer can be broken off: the rest of it is not waited for', async () => {
    const { ask, seen } = await worldOf(`RSP 302 location=${encodeURIComponent('http://other/to')}`);
    assert.match(await ask('1 REQ. GET host /from'), /^1 RSP\. 200/);
    assert.ok(seen.includes('RST. local-reset'), seen.join('\n'));
  });

  test('a client that leaves then ends the new request', async () => {
    const { world, client, seen } = await worldOf(to('http://other/to/silence'));
    client.send('1 REQ. GET host /from');
    await world.settle();
    client.connection.close('reset');
    await world.settle();
    assert.equal(seen.length, 3);
    assert.equal(seen[2], 'RST. local-reset');
    assert.deepEqual(world.stats.gaugesLeft(/upstream_cx_active|listeners_active|membership|_open$/), []);
  });
});

describe('a redirect that is passed on', () => {
  const cases: readonly (readonly [why: string, answer: string, counter: string | undefined])[] = [
    ['a path', to('/to'), 'bad_location'],
    ['a host alone', to('//other/to'), 'bad_location'],
    ['another scheme', to('ftp://other/to'), 'bad_location'],
    ['a blank', to('http://other/to it'), 'bad_location'],
    ['an escape into the host', to('http://other\\@host/to'), 'bad_location'],
    ['none', 'RSP. 302', 'bad_location'],
    ['HTTPS', to('https://other/to'), 'unsafe_scheme'],
    ['nowhere', to('http://other'), 'no_route'],
    ['another status', to('http://other/to', 301), undefined],
  ];
  for (const [why, answer, counter] of cases) {
    test(why, async () => {
      const { ask, seen, get } = await worldOf(answer);
      assert.match(await ask('1 REQ. GET host /from x-a=1'), /^1 RSP\. 30[12]/);
      assert.equal(seen.length, 1);
      if (counter !== undefined) assert.equal(get(passed + counter), 1);
      assert.equal(get('cluster.shop.upstream_internal_redirect_failed_total'), counter === undefined ? 0 : 1);
    });
  }

  test('HTTPS, unless that is allowed', async () => {
    const { ask } = await worldOf(to('https://other/to'), { crossScheme: true });
    assert.match(await ask('1 REQ. GET host /from'), /^1 RSP\. 200/);
  });

  test('what was tried leaves no trace in the request', async () => {
    const { world, ask } = await worldOf(to('http://other/nowhere'), { copiedHeaders: ['x-a'] });
    await ask('1 REQ. GET host /from x-a=1');
    const request = world.records[0]!.request!;
    assert.deepEqual(
      [request.authority, request.path, request.get('x-a'), request.get('x-envoy-original-url')],
      ['host', '/from', '1', undefined],
    );
  });

  test('half a request', async () => {
    const { world, client } = await worldOf('');
    client.send('1 REQ POST host /from');
    await world.settle();
    assert.deepEqual(client.take(), []);
  });
});
