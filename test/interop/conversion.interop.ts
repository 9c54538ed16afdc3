// HTTP with JSON to Java's SOFARPC and Dubbo servers, and their clients to an HTTP server.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, type TestContext, test } from 'node:test';
import { startCallEdge, startGateway } from '../e2e/support/converting-mosn.ts';
import { ensureDubbo3, ensureDubbo27, ensureSofaRpc } from '../peers/java.ts';
import { requirePeers } from '../peers/peer.ts';
import type { Launch } from '../peers/process.ts';
import { clientArgs, RpcProgram, startServer } from './support/rpc-programs.ts';

const { peers, skip } = await requirePeers({ sofa: ensureSofaRpc, dubbo3: ensureDubbo3, dubbo27: ensureDubbo27 });

const string = 'java.lang.String';
const of = (protocol: string, method: string, parameters: object[], more = {}) => ({
  interface: 'mesh.interop.EchoService',
  ...(protocol === 'dubbo' && { version: '1.0.0' }),
  method,
  parameters,
  ...more,
});

/** The service of the interop tests as HTTP. */
const mapping = (protocol: string, more: object) => ({
  rules: [
    {
      http: { method: 'POST', path: '/echo' },
      call: of(protocol, 'echo', [{ name: 'text', from: 'body', type: string }], more),
    },
    {
      http: { method: 'GET', path: '/delay/{ms}' },
      call: of(
        protocol,
        'delay',
        [
          { name: 'text', from: 'query', type: string },
          { name: 'ms', from: 'path', type: 'int' },
        ],
        { ...more, timeout: '5s' },
      ),
    },
    {
      http: { method: 'POST', path: '/fail' },
      call: of(protocol, 'fail', [{ name: 'message', from: 'body.message', type: string }], more),
      errors: [{ exception: 'mesh.interop.Refused', status: 409 }],
    },
    {
      http: { method: 'POST', path: '/notes' },
      call: of(protocol, 'note', [{ name: 'token', from: 'body.token', type: string }], { ...more, oneWay: true }),
    },
    { http: { method: 'GET', path: '/notes' }, call: of(protocol, 'notes', [], more) },
    {
      http: { method: 'GET', path: '/context/{key}' },
      call: of(protocol, 'context', [{ name: 'key', from: 'path', type: string }], { ...more, headers: ['tenant'] }),
    },
  ],
});

interface Server {
  readonly protocol: string;
  readonly launch: (ports: readonly number[], name: string) => Launch;
  /** Of each rule's call. */
  readonly more?: object;
  /** What a call carries beside its arguments, as the server sees it. */
  readonly context: boolean;
}

const dubboOf = (peer: 'dubbo27' | 'dubbo3'): Server['launch'] =>
  peer === 'dubbo27'
    ? ([port], name) => peers!.dubbo27.launch('DubboProvider', [String(port), name])
    : ([port, triple], name) => peers!.dubbo3.launch('Dubbo3Provider', [String(port), name, String(triple)]);

const servers: Readonly<Record<string, Server>> = {
  sofa: {
    protocol: 'bolt',
    launch: ([port], name) => peers!.sofa.launch('SofaServer', [String(port), name]),
    context: false,
  },
  'dubbo 2.7': { protocol: 'dubbo', launch: dubboOf('dubbo27'), context: true },
  'dubbo 3': { protocol: 'dubbo', launch: dubboOf('dubbo3'), context: true },
  'dubbo 3, not generic': { protocol: 'dubbo', launch: dubboOf('dubbo3'), more: { generic: false }, context: true },
};

describe('JSON to Java', { skip }, () => {
  for (const [name, { protocol, launch, more = {}, context }] of Object.entries(servers)) {
    test(name, async (t) => {
      const { running, ports } = await startServer(launch, name);
      t.after(() => running.stop());
      const { ask, post, mosn } = await startGateway(t, ports[0]!, protocol, mapping(protocol, more));
      for (const word of ['', 'plain', 'Zoë 😀 中文', 'x'.repeat(100_000)])
        assert.equal((await post('/echo', word)).body, word);
      assert.equal((await ask('/delay/1?text=late')).body, 'late');
      assert.deepEqual(await post('/fail', { message: 'not today' }), {
        status: 409,
        type: 'application/json',
        body: { error: 'mesh.interop.Refused', message: 'not today' },
      });
      assert.equal((await post('/notes', { token: 'first' })).status, 202);
      await running.until('the note', async () => (await ask('/notes')).body.includes('first'));
      assert.deepEqual((await ask('/notes')).body, ['first']);
      if (context) assert.equal((await ask('/context/tenant', { headers: { tenant: 'blue' } })).body, 'blue');
      assert.equal(await mosn.stat('cluster.backend.upstream_cx_total'), 1);
    });
  }
});

/** The same service in HTTP. */
async function serveHttp(t: TestContext): Promise<number> {
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const path = request.url!.split('?')[0]!;
    if (path === '/fail') response.writeHead(409).end(JSON.stringify({ message: JSON.parse(body).message }));
    else if (path === '/echo') response.end(body);
    else if (path === '/notes' && request.method === 'GET') response.end('["a","b"]');
    else if (path.startsWith('/delay/')) response.writeHead(503).end('busy');
    else response.end(JSON.stringify(request.headers['tenant'] ?? ''));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

interface Client {
  readonly protocol: string;
  readonly launch: () => Launch;
  readonly style?: string;
  readonly busy: RegExp;
}

const clients: Readonly<Record<string, Client>> = {
  sofa: { protocol: 'bolt', launch: () => peers!.sofa.launch('SofaClient', clientArgs), busy: /./ },
  'sofa by callback': {
    protocol: 'bolt',
    launch: () => peers!.sofa.launch('SofaClient', clientArgs),
    style: 'callback',
    busy: /./,
  },
  'dubbo 2.7': {
    protocol: 'dubbo',
    launch: () => peers!.dubbo27.launch('DubboConsumer', clientArgs),
    busy: /503\|busy/,
  },
  'dubbo 3': { protocol: 'dubbo', launch: () => peers!.dubbo3.launch('Dubbo3Consumer', clientArgs), busy: /503\|busy/ },
  'dubbo 3, generic': {
    protocol: 'dubbo',
    launch: () => peers!.dubbo3.launch('Dubbo3Consumer', clientArgs),
    style: 'generic',
    busy: /503\|busy/,
  },
};

describe('Java to JSON', { skip }, () => {
  for (const [name, { protocol, launch, style, busy }] of Object.entries(clients)) {
    test(name, async (t) => {
      const { address } = await startCallEdge(t, await serveHttp(t), protocol, 'http1', mapping(protocol, {}));
      const program = await RpcProgram.start(launch());
      t.after(() => program.running.stop());
      const service = program.at(address, style);
      assert.equal(await service.get('echo', 'Zoë 😀'), 'Zoë 😀');
      assert.equal(await service.get('notes'), await service.get('notes'));
      assert.match(await service.get('notes'), /a.*b/);
      assert.match((await service.failure('fail', 'not today')).error, /not today/);
      assert.match((await service.failure('delay', 'x', 1)).error, busy);
      assert.match((await service.failure('who')).error, /./);
    });
  }
});
