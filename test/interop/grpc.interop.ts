// gRPC through the proxy by clients of three languages, over plaintext and TLS, with a server on grpc-js behind; local
// replies as gRPC statuses; gRPC-Web.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Metadata, status } from '@grpc/grpc-js';
import { ensureGrpcGo, ensureGrpcPython, type GrpcClientPeer } from '../peers/grpc.ts';
import { ensureOpenssl } from '../peers/openssl.ts';
import { requirePeers } from '../peers/peer.ts';
import { freePort } from '../peers/ports.ts';
import { RunningProcess } from '../peers/process.ts';
import { inlineCertificate, TestAuthority } from './support/certificates.ts';
import { type CaseReport, caseNames, failure, GrpcJsClient } from './support/grpc-client.ts';
import { type GrpcServer, startGrpcServer } from './support/grpc-server.ts';
import { grpcWebCall } from './support/grpc-web.ts';
import { openCaller } from './support/http-caller.ts';
import { type RunningProxy, startProxy } from './support/proxy.ts';

const serverName = 'grpc.test';
const programTimeoutMs = 60_000;
const { peers, skip } = await requirePeers({ openssl: ensureOpenssl, go: ensureGrpcGo, python: ensureGrpcPython });

describe('gRPC', { skip }, () => {
  const authority = new TestAuthority();
  let server: GrpcServer;
  let proxy: RunningProxy;

  before(async () => {
    server = await startGrpcServer();
    const leaf = authority.issue('server', [`DNS:${serverName}`]);
    const to = (name: string) => ({ prefix: '/', headers: { 'x-to': name } });
    const routes = [
      { match: to('dead'), cluster: 'dead' },
      { match: to('slow'), cluster: 'server', timeout: '0.3s' },
      { match: { prefix: '/mesh.interop.Echo/' }, cluster: 'server', timeout: '0s' },
    ];
    const web = {
      name: 'envoy.filters.http.grpc_web',
      typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb' },
    };
    const tls = { common_tls_context: { alpn_protocols: ['h2'], tls_certificates: [inlineCertificate(leaf)] } };
    proxy = await startProxy({
      listeners: [
        { name: 'plain', protocol: 'http', routes, httpFilters: [web] },
        { name: 'tls', protocol: 'http', routes, chains: [{ tls }] },
      ],
      clusters: [
        { name: 'server', ports: [server.port], protocol: 'http2' },
        { name: 'dead', ports: [await freePort()], protocol: 'http2' },
      ],
    });
  });
  after(async () => {
    await proxy?.stop();
    server?.stop();
    authority.remove();
  });

  const clients: Record<string, (listener: 'plain' | 'tls') => Promise<CaseReport[]>> = {
    'grpc-js': async (listener) => {
      const tls = listener === 'tls' ? { caFile: authority.caFile, serverName } : undefined;
      const client = new GrpcJsClient(proxy.address(listener), tls);
      try {
        return await client.run();
      } finally {
        client.close();
      }
    },
    Go: (listener) => runProgram(peers!.go, listener),
    Python: (listener) => runProgram(peers!.python, listener),
  };

  async function runProgram(peer: GrpcClientPeer, listener: string): Promise<CaseReport[]> {
    const secure = listener === 'tls' ? ['-ca', authority.caFile, '-authority', serverName] : [];
    const program = new RunningProcess(peer.launch(['-target', proxy.address(listener), ...secure]));
    const late = setTimeout(() => program.signal('SIGKILL'), programTimeoutMs);
    const { code } = await program.ended;
    clearTimeout(late);
    assert.equal(code, 0, program.tail());
    const lines = program.output.split('\n').filter((line) => line.startsWith('{'));
    return lines.map((line) => JSON.parse(line) as CaseReport);
  }

  for (const [name, run] of Object.entries(clients))
    for (const listener of ['plain', 'tls'] as const)
      describe(`${name} over ${listener === 'tls' ? 'TLS' : 'plaintext'}`, () => {
        let reports: CaseReport[] = [];
        before(async () => {
          reports = await run(listener);
        });
        for (const wanted of caseNames)
          test(wanted, () => {
            const report = reports.find((one) => one.case === wanted);
            assert.ok(report, `the client did not get as far as ${wanted}`);
            assert.ok(report.ok, report.detail);
          });
      });

  test('a route timeout is DEADLINE_EXCEEDED or UNAVAILABLE, never silence', async () => {
    const client = new GrpcJsClient(proxy.address('plain'));
    const metadata = new Metadata();
    metadata.set('x-to', 'slow');
    const startedAt = Date.now();
    const error = await failure(client.unary('Hang', Buffer.from('route-timeout'), metadata));
    client.close();
    assert.ok([status.DEADLINE_EXCEEDED, status.UNAVAILABLE].includes(error.code), error.message);
    assert.ok(Date.now() - startedAt < 5_000);
  });

  for (const dialect of ['h1', 'h2c'] as const)
    test(`local replies over ${dialect} are trailers-only gRPC statuses`, async () => {
      const caller = await openCaller(dialect, proxy.port('plain'));
      const headers = { 'content-type': 'application/grpc', te: 'trailers' };
      const method = 'POST';
      try {
        const nowhere = await caller.call({ path: '/other.Service/Call', method, headers });
        assert.deepEqual([nowhere.status, nowhere.size], [200, 0]);
        assert.equal(nowhere.headers['content-type'], 'application/grpc');
        assert.equal(nowhere.headers['grpc-status'], String(status.UNIMPLEMENTED));
        const path = '/mesh.interop.Echo/Unary';
        const dead = await caller.call({ path, method, headers: { ...headers, 'x-to': 'dead' } });
        assert.equal(dead.status, 200);
        assert.equal(dead.headers['grpc-status'], String(status.UNAVAILABLE));
        assert.ok(dead.headers['grpc-message']);
      } finally {
        caller.close();
      }
    });

  test('a server that dies in a stream ends it with a status', async () => {
    const dying = await startGrpcServer();
    const lone = await startProxy({
      listeners: [
        { name: 'in', protocol: 'http', routes: [{ match: { prefix: '/' }, cluster: 'dying', timeout: '0s' }] },
      ],
      clusters: [{ name: 'dying', ports: [dying.port], protocol: 'http2' }],
    });
    const client = new GrpcJsClient(lone.address('in'));
    try {
      const call = client.both();
      const ended = new Promise<number>((resolve) =>
        call.once('error', (error) => resolve((error as { code?: number }).code ?? -1)),
      );
      call.write(Buffer.from('one'));
      await new Promise((resolve) => call.once('data', resolve));
      dying.stop();
      assert.ok([status.UNAVAILABLE, status.INTERNAL, status.CANCELLED].includes(await ended), String(await ended));
    } finally {
      client.close();
      await lone.stop();
    }
  });

  for (const text of [false, true])
    describe(`gRPC-Web, ${text ? 'base64' : 'binary'}`, () => {
      test('a message and its trailers in the body', async () => {
        const call = await grpcWebCall(proxy.address('plain'), '/mesh.interop.Echo/Unary', Buffer.from('hello'), {
          text,
        });
        assert.equal(call.status, 200);
        assert.equal(call.contentType, `application/grpc-web${text ? '-text' : ''}+proto`);
        assert.deepEqual(call.messages.map(String), ['hello']);
        assert.equal(call.trailers['grpc-status'], '0');
        assert.equal(call.trailers['x-end'], 'last');
      });

      test('an error in headers or in the body', async () => {
        const call = await grpcWebCall(proxy.address('plain'), '/mesh.interop.Echo/Fail', Buffer.from('5 gone'), {
          text,
        });
        assert.equal(call.trailers['grpc-status'], '5');
        assert.equal(call.trailers['grpc-message'], 'gone');
        assert.equal(call.messages.length, 0);
      });

      test('a stream of messages', async () => {
        const call = await grpcWebCall(proxy.address('plain'), '/mesh.interop.Echo/Down', Buffer.from('50 500'), {
          text,
        });
        assert.equal(call.messages.length, 50);
        assert.ok(call.messages.every((message, n) => message.length === 500 && String(message).startsWith(`${n} `)));
        assert.equal(call.trailers['grpc-status'], '0');
      });
    });
});
