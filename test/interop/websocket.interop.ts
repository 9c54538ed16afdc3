// WebSockets through the proxy in every mix: by Upgrade and by extended CONNECT on either side, plaintext and TLS; undici
// as a client of others.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, WebSocket } from 'undici';
import { ensureOpenssl } from '../peers/openssl.ts';
import { requirePeers } from '../peers/peer.ts';
import { inlineCertificate, TestAuthority } from './support/certificates.ts';
import { type Dialect, dialects, isHttp2, isTls } from './support/http-caller.ts';
import { proxyKind, type RunningProxy, startProxy } from './support/proxy.ts';
import { HandshakeRefused, type OpenWebSocket, openWebSocket } from './support/websocket-client.ts';
import { opcode } from './support/websocket-frames.ts';
import { startWebSocketServer, type WebSocketServer } from './support/websocket-server.ts';

const serverName = 'socket.test';
const waitMs = 10_000;
const manySockets = 60;
const { skip } = await requirePeers({ openssl: ensureOpenssl });

describe('WebSocket', { skip }, () => {
  const authority = new TestAuthority();
  const servers = new Map<string, WebSocketServer>();
  let proxy: RunningProxy;
  let ca: Buffer;
  const portOf = (dialect: Dialect) => proxy.port(isTls(dialect) ? 'tls' : 'plain');

  before(async () => {
    ca = readFileSync(authority.caFile);
    for (const protocol of ['http1', 'http2'] as const) servers.set(protocol, await startWebSocketServer(protocol));
    const routes = [...servers.keys()].map((name) => ({
      match: { prefix: `/${name}/` },
      cluster: name,
      timeout: '0s',
    }));
    const leaf = authority.issue('socket', [`DNS:${serverName}`, 'IP:127.0.0.1']);
    const common_tls_context = { alpn_protocols: ['h2', 'http/1.1'], tls_certificates: [inlineCertificate(leaf)] };
    const manager = {
      upgrade_configs: [{ upgrade_type: 'websocket' }],
      http2_protocol_options: { allow_connect: true },
    };
    proxy = await startProxy({
      listeners: [
        { name: 'plain', protocol: 'http', routes, manager },
        { name: 'tls', protocol: 'http', routes, manager, chains: [{ tls: { common_tls_context } }] },
        { name: 'closed', protocol: 'http', routes },
      ],
      clusters: [
        { name: 'http1', ports: [servers.get('http1')!.port] },
        { name: 'http2', ports: [servers.get('http2')!.port], protocol: 'http2', allowConnect: true },
      ],
    });
  });
  after(async () => {
    await proxy?.stop();
    for (const server of servers.values()) server.stop();
    authority.remove();
  });

  for (const dialect of dialects)
    for (const upstream of ['http1', 'http2'])
      describe(`${dialect} to ${upstream}`, { skip: withoutKeys(dialect, upstream) }, () => {
        const open = (path = 'chat') =>
          openWebSocket(dialect, portOf(dialect), `/${upstream}/${path}`, { ca, serverName });
        const within = async (use: (socket: OpenWebSocket) => Promise<void>, path?: string) => {
          const socket = await open(path);
          try {
            await use(socket);
          } finally {
            socket.close();
          }
        };

        test('messages, pings and a close', () =>
          within(async ({ frames, headers }) => {
            assert.equal(headers['sec-websocket-protocol'], 'chat');
            frames.send(opcode.text, 'hello');
            assert.deepEqual(await frames.next(), { final: true, opcode: opcode.text, payload: Buffer.from('hello') });
            frames.send(opcode.ping, 'are you there');
            assert.deepEqual((await frames.next())?.opcode, opcode.pong);
            frames.send(opcode.close, Buffer.from([0x03, 0xe8]));
            assert.deepEqual((await frames.next())?.payload, Buffer.from([0x03, 0xe8]));
            assert.equal(await frames.next(), undefined);
          }));

        test('a fragmented message and a big one', () =>
          within(async ({ frames }) => {
            frames.send(opcode.text, 'one ', false);
            frames.send(opcode.continuation, 'two');
            assert.deepEqual([(await frames.next())?.final, (await frames.next())?.final], [false, true]);
            const big = randomBytes(1024 * 1024);
            frames.send(opcode.binary, big);
            assert.ok((await frames.next())?.payload.equals(big));
          }));

        test('a close that the server asks for', () =>
          within(async ({ frames }) => {
            frames.send(opcode.text, 'close me');
            await frames.next();
            const close = await frames.next();
            assert.equal(close?.opcode, opcode.close);
            assert.equal(close?.payload.readUInt16BE(), 4000);
          }));

        test('a refusal is answered as such', async () => {
          await assert.rejects(open('refuse'), (error: HandshakeRefused) => {
            assert.ok(error instanceof HandshakeRefused, error.message);
            return error.status === 403;
          });
        });

        test('a client that drops is noticed upstream', async () => {
          const server = servers.get(upstream)!;
          await settled(() => server.open() === 0);
          const socket = await open();
          socket.frames.send(opcode.text, 'x');
          await socket.frames.next();
          assert.equal(server.open(), 1);
          socket.close();
          await settled(() => server.open() === 0);
        });

        test(`${manySockets} at once are not mixed up`, async () => {
          const one = (_: unknown, n: number) =>
            within(async ({ frames }) => {
              for (let turn = 0; turn < 5; turn++) {
                const text = `${n}/${turn} `.repeat(1 + n);
                frames.send(opcode.text, text);
                assert.equal((await frames.next())?.payload.toString(), text);
              }
            });
          await Promise.all(Array.from({ length: manySockets }, one));
        });
      });

  for (const upstream of proxyKind === 'envoy' ? ['http1'] : ['http1', 'http2'])
    for (const listener of ['plain', 'tls'])
      test(`undici over ${listener} to ${upstream}`, async () => {
        const dispatcher = new Agent({ connect: { ca, servername: serverName } });
        const scheme = listener === 'tls' ? 'wss' : 'ws';
        const url = `${scheme}://127.0.0.1:${proxy.port(listener)}/${upstream}/chat`;
        const socket = new WebSocket(url, { protocols: 'chat', dispatcher });
        try {
          await once(socket, 'open');
          assert.equal(socket.protocol, 'chat');
          for (const text of ['short', 'long '.repeat(50_000)]) {
            socket.send(text);
            const [message] = (await once(socket, 'message')) as [{ data: string }];
            assert.equal(message.data, text);
          }
          socket.send('close me');
          const [close] = (await once(socket, 'close')) as [{ code: number; reason: string }];
          assert.deepEqual([close.code, close.reason], [4000, 'asked']);
        } finally {
          await dispatcher.destroy();
        }
      });

  test('where no upgrade is configured there is none', async () => {
    const refused = openWebSocket('h1', proxy.port('closed'), '/http1/chat');
    await assert.rejects(refused, HandshakeRefused);
    await assert.rejects(openWebSocket('h2c', proxy.port('closed'), '/http1/chat'), /extended CONNECT/);
  });
});

/** Envoy leaves the handshake's key and its answer, which only HTTP/1.1 has, to the ends. */
function withoutKeys(dialect: Dialect, upstream: string): string | false {
  const mixed = isHttp2(dialect) !== (upstream === 'http2');
  return proxyKind === 'envoy' && mixed ? 'Envoy makes no sec-websocket-key' : false;
}

async function settled(reached: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + waitMs;
  while (!reached()) {
    if (Date.now() > giveUpAt) throw new Error('the upstream never noticed');
    await sleep(10);
  }
}
