import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { certificatesMissing, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';
import { Mosn } from './support/mosn.ts';

const envoyType = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;
const mosnType = (name: string) => `type.googleapis.com/mosn.extensions.${name}`;

function at(port: number) {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

function cluster(name: string, port: number, more: object = {}) {
  const endpoint = { endpoint: { address: at(port) } };
  return {
    name,
    connect_timeout: '5s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [endpoint] }] },
    ...more,
  };
}

const router = [{ name: 'router', typed_config: { '@type': envoyType('filters.http.router.v3.Router') } }];

function rpcFilter(protocol: string, target: string, more: object = {}) {
  const config = {
    '@type': mosnType('filters.network.x_proxy.v1.XProxy'),
    protocol,
    stat_prefix: protocol || 'relay',
    http_filters: router,
    route_config: {
      validate_clusters: false,
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: target, timeout: '5s' } }],
        },
      ],
    },
    ...more,
  };
  return { name: 'mosn.filters.network.x_proxy', typed_config: config };
}

function rpcListener(name: string, protocol: string, target: string, more: object = {}) {
  return { name, address: at(0), filter_chains: [{ filters: [rpcFilter(protocol, target, more)] }] };
}

function httpFilter() {
  const config = {
    '@type': envoyType('filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'http',
    http_filters: router,
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: 'http' } } }],
        },
      ],
    },
  };
  return { name: 'http', typed_config: config };
}

function tcpFilter(target: string) {
  const config = { '@type': envoyType('filters.network.tcp_proxy.v3.TcpProxy'), stat_prefix: 'tcp', cluster: target };
  return { name: 'tcp', typed_config: config };
}

async function listening(onSocket: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

/** A call of bolt v1: header `service` and a content of text. */
function boltCall(id: number, { oneWay = false, content = 'hello', version2 = false } = {}): Buffer {
  const block = Buffer.concat(
    ['service', 'com.x.Users:1.0', 'sofa_head_method_name', 'getUser'].map((text) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(text.length);
      return Buffer.concat([length, Buffer.from(text)]);
    }),
  );
  const shift = version2 ? 1 : 0;
  const head = Buffer.alloc(22 + 2 * shift);
  head[0] = version2 ? 2 : 1;
  if (version2) head[1] = 1;
  head[1 + shift] = oneWay ? 2 : 1;
  head.writeUInt16BE(1, 2 + shift);
  head[4 + shift] = 1;
  head.writeUInt32BE(id, 5 + shift);
  head[9 + shift] = 12;
  head.writeInt32BE(3000, 10 + 2 * shift);
  head.writeUInt16BE(block.length, 16 + 2 * shift);
  head.writeUInt32BE(content.length, 18 + 2 * shift);
  return Buffer.concat([head, block, Buffer.from(content)]);
}

/** The answer to a call of {@link boltCall}: its content once more. */
function boltAnswer(call: Buffer): Buffer {
  const contentBytes = call.readUInt32BE(18);
  const head = Buffer.alloc(20);
  head[0] = 1;
  head.writeUInt16BE(2, 2);
  head[4] = 1;
  call.copy(head, 5, 5, 10);
  head.writeUInt32BE(contentBytes, 16);
  return Buffer.concat([head, call.subarray(call.length - contentBytes)]);
}

async function readBytes(socket: Socket, atLeast: number): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  while (bytes.length < atLeast) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
  }
  return bytes;
}

describe('calls between two sidecars', () => {
  const seen: Buffer[] = [];
  let server: Server;
  let mosn: Mosn;
  const sockets = new Set<Socket>();

  before(async () => {
    const bolt = await listening((socket) => {
      sockets.add(socket);
      let rest = Buffer.alloc(0);
      socket.on('data', (chunk: Buffer) => {
        rest = Buffer.concat([rest, chunk]);
        for (;;) {
          const length =
            rest.length < 22 ? Number.POSITIVE_INFINITY : 22 + rest.readUInt16BE(16) + rest.readUInt32BE(18);
          if (rest.length < length) return;
          const call = rest.subarray(0, length);
          rest = rest.subarray(length);
          seen.push(Buffer.from(call));
          if (call[1] === 1) socket.write(boltAnswer(call));
        }
      });
    });
    server = bolt.server;
    const carrier = (options: object) => ({
      typed_extension_protocol_options: {
        'mosn.extensions.upstreams.rpc.v1.RpcProtocolOptions': {
          '@type': mosnType('upstreams.rpc.v1.RpcProtocolOptions'),
          ...options,
        },
      },
    });
    // A port that is known before mosn starts, for the clusters that lead to it.
    const probe = await listening(() => {});
    probe.server.close();
    const inbound = rpcListener('inbound', 'bolt', 'server');
    inbound.address = at(probe.port);
    mosn = await Mosn.start({
      bootstrap: {
        admin: { address: at(0) },
        static_resources: {
          listeners: [
            inbound,
            rpcListener('client-only', 'bolt', 'server'),
            rpcListener('frames', 'bolt', 'sidecar'),
            rpcListener('http2', 'bolt', 'sidecar-http2'),
            rpcListener('light', 'bolt', 'server', { service_level: 'LIGHT' }),
            rpcListener('relay', '', 'server', { service_level: 'RELAY' }),
            rpcListener('bound', 'bolt', 'server-bound'),
          ],
          clusters: [
            cluster('server', bolt.port),
            cluster('sidecar', probe.port),
            cluster('sidecar-http2', probe.port, carrier({ carrier: 'HTTP2' })),
            cluster('server-bound', bolt.port, carrier({ pooling: 'BOUND' })),
          ],
        },
      },
    });
  });

  after(async () => {
    await mosn?.stop();
    for (const socket of sockets) socket.destroy();
    server?.close();
  });

  async function clientOf(listener: string): Promise<Socket> {
    const socket = connect(Number(new URL(await mosn.url(listener)).port), '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  test('give the server the same bytes but for the id, however many sidecars there are', async () => {
    const call = boltCall(4711, { content: 'the same' });
    for (const listener of ['inbound', 'client-only', 'frames', 'http2', 'light']) {
      seen.length = 0;
      const socket = await clientOf(listener);
      socket.write(call);
      const answer = await readBytes(socket, 20 + 8);
      assert.equal(answer.readUInt32BE(5), 4711, `${listener}: the caller's own id`);
      assert.equal(answer.toString('latin1', 20), 'the same', listener);
      assert.equal(seen.length, 1, listener);
      const arrived = Buffer.from(seen[0]!);
      call.copy(arrived, 5, 5, 9);
      assert.deepEqual(arrived, call, listener);
      socket.destroy();
    }
  });

  test('RELAY gives it all bytes, the id too', async () => {
    seen.length = 0;
    const socket = await clientOf('relay');
    socket.write(boltCall(99));
    assert.equal((await readBytes(socket, 25)).readUInt32BE(5), 99);
    assert.deepEqual(seen, [boltCall(99)]);
    socket.destroy();
  });

  test('one-way calls arrive over both ways, once', async () => {
    for (const listener of ['frames', 'http2']) {
      seen.length = 0;
      const socket = await clientOf(listener);
      socket.write(Buffer.concat([boltCall(1, { oneWay: true, content: 'note' }), boltCall(2)]));
      const answer = await readBytes(socket, 25);
      assert.equal(answer.readUInt32BE(5), 2);
      while (seen.length < 2) await sleep(5);
      assert.deepEqual(seen.map((frame) => frame[1]).sort(), [1, 2], listener);
      socket.destroy();
    }
  });

  test('colliding ids of many clients share a connection and never cross', async () => {
    for (const listener of ['frames', 'http2']) {
      await Promise.all(
        Array.from({ length: 20 }, async (_, client) => {
          const socket = await clientOf(listener);
          const contents = Array.from({ length: 20 }, (__, call) => `client ${client} call ${call}`.padEnd(24));
          socket.write(Buffer.concat(contents.map((content, call) => boltCall(call + 1, { content }))));
          const bytes = await readBytes(socket, 20 * 44);
          for (let start = 0; start < bytes.length; start += 44) {
            const id = bytes.readUInt32BE(start + 5);
            assert.equal(bytes.toString('latin1', start + 20, start + 44), contents[id - 1], listener);
          }
          socket.destroy();
        }),
      );
    }
    assert.equal(await mosn.stat('cluster.sidecar-http2.upstream_cx_total'), 1);
    assert.equal(await mosn.stat('cluster.sidecar-http2.upstream_cx_protocol_error'), 0);
    assert.ok((await mosn.stat('http.bolt.rpc.com.x.Users.getUser.total')) > 800);
  });

  test('a bound pool gives every client a connection of its own, which ends with it', async () => {
    const before = await mosn.stat('cluster.server-bound.upstream_cx_total');
    const clients = await Promise.all([clientOf('bound'), clientOf('bound')]);
    for (const client of clients) {
      client.write(boltCall(1));
      await readBytes(client, 25);
      client.write(boltCall(2));
      await readBytes(client, 25);
    }
    assert.equal((await mosn.stat('cluster.server-bound.upstream_cx_total')) - before, 2);
    for (const client of clients) client.destroy();
    while ((await mosn.stat('cluster.server-bound.upstream_cx_active')) > 0) await sleep(10);
  });
});

describe('one port for everything', () => {
  let mosn: Mosn;
  let tcp: Server;
  const authority = certificatesMissing === false ? new TestAuthority() : undefined;

  before(async () => {
    const echo = await listening((socket) => socket.once('data', (chunk: Buffer) => socket.end(`tcp ${chunk}`)));
    tcp = echo.server;
    const leaf = authority?.issue(['DNS:mesh.test']);
    const tlsChain = leaf && {
      filter_chain_match: { transport_protocol: 'tls' },
      filters: [httpFilter()],
      transport_socket: {
        name: 'tls',
        typed_config: {
          '@type': envoyType('transport_sockets.tls.v3.DownstreamTlsContext'),
          common_tls_context: {
            tls_certificates: [
              {
                certificate_chain: { inline_string: leaf.chainPem },
                private_key: { inline_string: leaf.privateKeyPem },
              },
            ],
          },
        },
      },
    };
    mosn = await Mosn.start({
      bootstrap: {
        admin: { address: at(0) },
        static_resources: {
          listeners: [
            {
              name: 'in',
              address: at(0),
              listener_filters: [
                { name: 'tls', typed_config: { '@type': envoyType('filters.listener.tls_inspector.v3.TlsInspector') } },
                {
                  name: 'protocols',
                  typed_config: { '@type': mosnType('filters.listener.protocol_inspector.v1.ProtocolInspector') },
                },
              ],
              listener_filters_timeout: '0.5s',
              continue_on_listener_filters_timeout: true,
              filter_chains: [
                ...(tlsChain ? [tlsChain] : []),
                { filter_chain_match: { application_protocols: ['http/1.1', 'h2c'] }, filters: [httpFilter()] },
                {
                  filter_chain_match: { application_protocols: ['bolt', 'dubbo', 'thrift', 'tars'] },
                  filters: [rpcFilter('bolt,dubbo,thrift,tars', 'nobody')],
                },
              ],
              default_filter_chain: { filters: [tcpFilter('echo')] },
            },
          ],
          clusters: [cluster('echo', echo.port)],
        },
      },
    });
  });

  after(async () => {
    await mosn?.stop();
    tcp?.close();
    authority?.dispose();
  });

  /** Sends the bytes in two pieces, cut there, and gives what is answered first. */
  async function answerTo(bytes: Buffer, cut: number): Promise<Buffer> {
    const socket = connect(Number(new URL(await mosn.url()).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.setNoDelay();
    socket.write(bytes.subarray(0, cut));
    if (cut < bytes.length) {
      await once(socket, 'connect');
      await sleep(10);
      socket.write(bytes.subarray(cut));
    }
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return chunk;
  }

  /** How each protocol's client sees that there is no cluster. */
  const calls: readonly { name: string; bytes: Buffer; expects: (answer: Buffer) => boolean }[] = [
    { name: 'bolt v1', bytes: boltCall(7), expects: (answer) => answer[0] === 1 && answer.readUInt16BE(10) === 6 },
    {
      name: 'bolt v2',
      bytes: boltCall(7, { version2: true }),
      expects: (answer) => answer[0] === 2 && answer.readUInt16BE(12) === 6,
    },
    {
      name: 'Dubbo',
      bytes: Buffer.from(
        'dabbc20000000000000000070000002005322e302e3205742e41706905312e302e30046563686f0048047061746805742e4170695a',
        'hex',
      ),
      expects: (answer) => answer.readUInt16BE(0) === 0xdabb && answer[3] === 60,
    },
    {
      name: 'Thrift, framed binary',
      bytes: Buffer.from('00000011800100010000000470696e670000000700', 'hex'),
      expects: (answer) => answer.readUInt32BE(4) === 0x80010003,
    },
    {
      name: 'Thrift, unframed binary',
      bytes: Buffer.from('800100010000000470696e670000000700', 'hex'),
      expects: (answer) => answer.readUInt32BE(0) === 0x80010003,
    },
    {
      name: 'Tars',
      bytes: Buffer.from('0000001e10012c3c40075603612e62660470696e677d000c8064980ca80c', 'hex'),
      expects: (answer) => answer.readUInt32BE(0) === answer.length && answer[4] === 0x10,
    },
    {
      name: 'HTTP/1.1',
      bytes: Buffer.from('GET / HTTP/1.1\r\nhost: a\r\n\r\n'),
      expects: (answer) => answer.toString().startsWith('HTTP/1.1 200'),
    },
    {
      name: 'what nobody knows',
      bytes: Buffer.from('hello there, whoever you are'),
      expects: (answer) => answer.toString().startsWith('tcp hello'),
    },
  ];

  for (const { name, bytes, expects } of calls) {
    test(`${name}, however its first bytes arrive`, async () => {
      const cuts = name === 'what nobody knows' ? [bytes.length] : [1, 2, 3, 5, 9, 17, bytes.length];
      for (const cut of cuts) {
        const answer = await answerTo(bytes, Math.min(cut, bytes.length));
        assert.ok(expects(answer), `cut at ${cut}: ${answer.toString('hex')}`);
      }
    });
  }

  test('HTTP/2', async () => {
    const session = connectHttp2(await mosn.url());
    const stream = session.request({ ':path': '/' });
    const [headers] = await once(stream, 'response');
    assert.equal(headers[':status'], 200);
    session.destroy();
  });

  test('TLS', { skip: certificatesMissing }, async () => {
    const socket = connectTls({
      port: Number(new URL(await mosn.url()).port),
      host: '127.0.0.1',
      rejectUnauthorized: false,
      servername: 'mesh.test',
    });
    socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    assert.match(chunk.toString(), /^HTTP\/1.1 200/);
    socket.destroy();
  });

  test('a client that stops before it can be known goes to the fallback in time', async () => {
    const answer = await answerTo(Buffer.from([0xda]), 1);
    assert.match(answer.toString('latin1'), /^tcp /);
  });
});
