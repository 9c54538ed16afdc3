import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import dubboProtocol from 'dubbo-remoting';
import { client, server } from 'sofa-rpc-node';
import { startCallEdge, startGateway } from './support/converting-mosn.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A server of sofa-rpc-node with one service. */
async function serveRpc(t: TestContext, protocol: string, service: object, methods: object): Promise<number> {
  const rpc = new server.RpcServer({
    logger: silent,
    ...(protocol === 'dubbo' && { protocol: dubboProtocol }),
    port: { host: '127.0.0.1', port: 0 },
  });
  rpc.addService(service as never, methods);
  await rpc.start();
  const opened = rpc as unknown as { _servers: Server[]; close(): Promise<void> };
  t.after(() => opened.close());
  return (opened._servers[0]!.address() as AddressInfo).port;
}

/** A client of sofa-rpc-node: one method's calls. */
async function callRpc(t: TestContext, protocol: string, address: string, service: object) {
  client.DynamicConfig.instance.circuitBreaker.forceClosed = true;
  const rpc = new client.RpcClient({ logger: silent, ...(protocol === 'dubbo' && { protocol: dubboProtocol }) });
  const consumer = rpc.createConsumer({ serverHost: address, responseTimeout: 3000, ...service } as never);
  await consumer.ready();
  t.after(() => (rpc as unknown as { close(): Promise<void> }).close());
  return (method: string, ...args: unknown[]) => consumer.invoke(method, args);
}

const java = (type: string, value: unknown) => ({ $class: type, $: value });

describe('JSON to SOFARPC (sofa-rpc-node)', () => {
  const seen: unknown[] = [];
  const users = {
    interfaceName: 'com.x.Users',
    version: '1.0',
  };
  const methods = {
    async find(id: unknown, tags: unknown, verbose: unknown) {
      seen.push([id, tags, verbose]);
      return {
        id,
        tags,
        verbose,
        born: new Date(0),
        photo: Buffer.from('photo'),
        big: java('long', '9007199254740993'),
      };
    },
    async save(user: unknown) {
      seen.push(user);
      return user;
    },
    async fail(reason: string) {
      throw new Error(reason);
    },
    async note(word: string) {
      seen.push(word);
    },
  };
  const call = (method: string, parameters: object[], more = {}) => ({
    interface: 'com.x.Users',
    method,
    parameters,
    ...more,
  });
  const mapping = {
    types: { 'com.x.User': { id: 'long', name: 'java.lang.String', tags: 'java.util.List<java.lang.String>' } },
    rules: [
      {
        http: { method: 'GET', path: '/users/{id}' },
        call: call('find', [
          { name: 'id', from: 'path', type: 'long' },
          { name: 'tag', from: 'query', type: 'java.util.List<java.lang.String>' },
          { name: 'x-verbose', from: 'header', type: 'boolean', default: false },
        ]),
      },
      {
        http: { method: 'PUT', path: '/users' },
        call: call('save', [{ name: 'user', from: 'body', type: 'com.x.User' }]),
      },
      {
        http: { method: 'POST', path: '/failures' },
        call: call('fail', [{ name: 'reason', from: 'body.reason', type: 'java.lang.String' }]),
      },
      {
        http: { method: 'POST', path: '/notes' },
        call: call('note', [{ name: 'word', from: 'body.word', type: 'java.lang.String' }], { oneWay: true }),
      },
      { http: { method: 'GET', path: '/missing' }, call: call('noSuchMethod', []) },
    ],
  };

  test('calls, errors and refusals', async (t) => {
    const port = await serveRpc(t, 'bolt', users, methods);
    const { ask, post, mosn } = await startGateway(t, port, 'bolt', mapping);
    assert.deepEqual(await ask('/users/7?tag=a&tag=b%20c', { headers: { 'x-verbose': 'true' } }), {
      status: 200,
      type: 'application/json',
      body: {
        big: '9007199254740993',
        born: '1970-01-01T00:00:00.000Z',
        id: 7,
        photo: Buffer.from('photo').toString('base64'),
        tags: ['a', 'b c'],
        verbose: true,
      },
    });
    const user = { id: 12345678901, name: 'Zoë 😀', tags: ['x'], more: { deep: [1, 2.5, null, true] } };
    const saved = await ask('/users', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(user),
    });
    assert.deepEqual(saved, { status: 200, type: 'application/json', body: user });
    assert.deepEqual(seen.at(-1), user);
    const failed = await post('/failures', { reason: 'no luck' });
    assert.equal(failed.status, 500);
    assert.match(failed.body.message, /no luck/);
    assert.equal((await ask('/missing')).status, 500);
    assert.deepEqual(await post('/notes', { word: 'one-way' }), { status: 202, type: null, body: '' });
    await mosn.process.until('the note arrived', () => seen.at(-1) === 'one-way' || undefined);

    const refusals: [Promise<{ status: number; body: { error: string; message: string } }>, number, string, RegExp][] =
      [
        [ask('/nothing'), 404, 'no_rule', /no rule/],
        [ask('/notes'), 405, 'method_not_allowed', /POST/],
        [ask('/users/x'), 400, 'bad_request', /path id: must be a whole number/],
        [ask('/users/%ff'), 400, 'bad_request', /escape/],
        [ask('/users/7'), 400, 'bad_request', /query tag is missing/],
        [post('/notes', { word: 'x' }, 'text/plain'), 415, 'unsupported_media_type', /json/],
        [post('/notes', 'x'.repeat(1024 * 1024)), 413, 'body_too_large', /1048576/],
        [post('/notes', { word: 7 }), 400, 'bad_request', /body.word: must be a text/],
        [
          ask('/notes', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"word":' }),
          400,
          'bad_request',
          /not JSON/,
        ],
      ];
    for (const [asked, status, error, message] of refusals) {
      const { body, ...answer } = await asked;
      assert.deepEqual([answer.status, body.error], [status, error]);
      assert.match(body.message, message);
    }
    assert.equal((await ask('/users/8?tag=z')).status, 200, 'the connection serves on');
    assert.equal(await mosn.stat('cluster.backend.upstream_cx_total'), 1);
  });
});

describe('JSON to Dubbo (dubbo-remoting)', () => {
  test('the mapping of the example', async (t) => {
    const port = await serveRpc(
      t,
      'dubbo',
      { interfaceName: 'com.example.bookstore.PricingService', version: '1.0.0' },
      {
        async getPrice(book: number) {
          if (book === 0) throw new Error('no such book');
          return java('int', 9 + (book % 5));
        },
        async quote(book: number, copies: number) {
          return java('double', book * copies * 1.5);
        },
      },
    );
    const mapping = readFileSync(join(import.meta.dirname, '../../examples/conversion/bookstore.yaml'), 'utf8');
    const { ask, post } = await startGateway(t, port, 'dubbo', mapping);
    assert.deepEqual(await ask('/books/7/price'), { status: 200, type: 'application/json', body: 11 });
    assert.deepEqual((await post('/books/3/quotes', { copies: 5 })).body, 22.5);
    assert.deepEqual((await post('/books/3/quotes', {})).body, 4.5);
    const failed = await ask('/books/0/price');
    assert.deepEqual([failed.status, failed.body.error], [500, 'dubbo_80']);
    assert.match(failed.body.message, /no such book/);
  });
});

describe('calls to an HTTP service with JSON', () => {
  const interfaceName = 'com.x.Users';
  const of = (method: string, parameters: object[], more = {}) => ({
    interface: interfaceName,
    method,
    parameters,
    ...more,
  });
  const mapping = {
    rules: [
      {
        http: { method: 'GET', path: '/users/{id}' },
        call: of('find', [
          { name: 'id', from: 'path', type: 'long' },
          { name: 'tag', from: 'query', type: 'java.util.List' },
        ]),
        errors: [{ exception: 'com.x.NotFound', status: 404 }],
      },
      {
        http: { method: 'POST', path: '/users' },
        call: of('save', [
          { name: 'user', from: 'body.user', type: 'com.x.User' },
          { name: 'x-reason', from: 'header', type: 'java.lang.String' },
        ]),
      },
      { http: { method: 'DELETE', path: '/users' }, call: of('clear', [], { oneWay: true }) },
    ],
  };
  type Answer = (method: string, path: string, headers: Record<string, unknown>, body: string) => [number, string];
  const answers: Answer = (method, path, headers, body) => {
    if (path === '/users/404') return [404, JSON.stringify({ message: 'no such user' })];
    if (path === '/users/503') return [503, 'come back later'];
    if (path === '/users/500') return [200, 'this is not JSON'];
    return [
      200,
      JSON.stringify({
        method,
        path,
        type: headers['content-type'] ?? null,
        reason: headers['x-reason'] ?? null,
        body,
      }),
    ];
  };

  async function serveHttp(t: TestContext, version: string): Promise<number> {
    const server = version === 'http1' ? createServer() : createHttp2Server();
    server.on('request', async (request, response) => {
      const [status, body] = answers(request.method!, request.url!, request.headers, await text(request));
      response.writeHead(status).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    return (server.address() as AddressInfo).port;
  }

  for (const [protocol, version] of [
    ['bolt', 'http1'],
    ['bolt', 'http2'],
    ['dubbo', 'http1'],
  ] as const) {
    test(`${protocol} to ${version}`, async (t) => {
      const port = await serveHttp(t, version);
      const { address, mosn } = await startCallEdge(t, port, protocol, version, mapping);
      const service = { interfaceName, ...(protocol === 'dubbo' && { version: '1.0.0', group: '' }) };
      const call = await callRpc(t, protocol, address, service);
      assert.deepEqual(await call('find', java('long', 7), ['a', 'b c']), {
        method: 'GET',
        path: '/users/7?tag=a&tag=b+c',
        type: null,
        reason: null,
        body: '',
      });
      const user = { $class: 'com.x.User', $: { name: 'Zoë', born: new Date(0), tags: ['x'] } };
      assert.deepEqual(await call('save', user, 'because'), {
        method: 'POST',
        path: '/users',
        type: 'application/json',
        reason: 'because',
        body: '{"user":{"name":"Zoë","born":"1970-01-01T00:00:00.000Z","tags":["x"]}}',
      });
      // dubbo-remoting makes no Error of it.
      await assert.rejects(call('find', java('long', 404), []), (error) => inspect(error).includes('no such user'));
      await assert.rejects(call('find', java('long', 503), []), protocol === 'dubbo' ? /503\|come back later/ : Error);
      await assert.rejects(call('find', java('long', 500), []), protocol === 'dubbo' ? /not JSON/ : Error);
      await assert.rejects(call('nothing'), protocol === 'dubbo' ? /404\|no rule of the mapping/ : Error);
      assert.equal(((await call('find', java('long', 8), null)) as { path: string }).path, '/users/8');
      assert.equal(await mosn.stat('cluster.backend.upstream_cx_total'), 1, 'errors cost no connection');
    });
  }
});
