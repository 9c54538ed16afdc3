import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { Mosn } from './support/mosn.ts';

const typeUrl = (name: string) => `type.googleapis.com/envoy.extensions.${name}`;

function at(port: number, protocol = 'TCP') {
  return { socket_address: { protocol, address: '127.0.0.1', port_value: port } };
}

function tcpChain(cluster: string, match: object = {}) {
  const config = { '@type': typeUrl('filters.network.tcp_proxy.v3.TcpProxy'), stat_prefix: cluster, cluster };
  return { filter_chain_match: match, filters: [{ name: 'tcp', typed_config: config }] };
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

/** A program that says its name and what it got first, as text without line ends. */
async function listening(name: string): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (first) => socket.end(`${name} ${first.toString('latin1').replaceAll(/[\r\n]+/g, '|')}`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

/** Sends `text` and gives all that is answered. */
async function ask(url: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => {});
  socket.write(text);
  await new Promise((resolve) => socket.once('close', resolve));
  return answer;
}

describe('listeners of mosn', () => {
  const udpOrigin = createSocket('udp4');
  const origins: { server: Server; port: number }[] = [];
  let mosn: Mosn;

  before(async () => {
    for (const name of ['shop', 'other', 'proxied']) origins.push(await listening(name));
    udpOrigin.on('message', (bytes, from) => udpOrigin.send(`udp ${bytes}`, from.port, from.address));
    udpOrigin.bind(0, '127.0.0.1');
    await once(udpOrigin, 'listening');
    const [shop, other, proxied] = origins;
    const upstreamProxy = {
      name: 'p',
      typed_config: {
        '@type': typeUrl('transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport'),
        transport_socket: {
          name: 'raw',
          typed_config: { '@type': typeUrl('transport_sockets.raw_buffer.v3.RawBuffer') },
        },
      },
    };
    const proxyFilter = { '@type': typeUrl('filters.listener.proxy_protocol.v3.ProxyProtocol') };
    const udpProxy = {
      '@type': typeUrl('filters.udp.udp_proxy.v3.UdpProxyConfig'),
      stat_prefix: 'u',
      cluster: 'udp',
    };
    mosn = await Mosn.start({
      args: ['--concurrency', '2'],
      bootstrap: {
        admin: { address: at(0) },
        layered_runtime: {
          layers: [{ name: 'static', static_layer: { 'envoy.resource_limits.listener.full.connection_limit': 0 } }],
        },
        static_resources: {
          listeners: [
            {
              name: 'sni',
              address: at(0),
              listener_filters: [
                { name: 't', typed_config: { '@type': typeUrl('filters.listener.tls_inspector.v3.TlsInspector') } },
              ],
              filter_chains: [
                tcpChain('shop', { server_names: ['*.shop.example'], transport_protocol: 'tls' }),
                tcpChain('other', { transport_protocol: 'raw_buffer' }),
              ],
            },
            {
              name: 'proxied',
              address: at(0),
              listener_filters: [{ name: 'p', typed_config: proxyFilter }],
              filter_chains: [
                tcpChain('proxied', { source_prefix_ranges: [{ address_prefix: '192.0.2.0', prefix_len: 24 }] }),
                tcpChain('other'),
              ],
            },
            { name: 'full', address: at(0), filter_chains: [tcpChain('other')] },
            {
              name: 'udp',
              address: at(0, 'UDP'),
              listener_filters: [{ name: 'u', typed_config: udpProxy }],
            },
          ],
          clusters: [
            cluster('shop', shop!.port),
            cluster('other', other!.port),
            cluster('proxied', proxied!.port, { transport_socket: upstreamProxy }),
            cluster('udp', udpOrigin.address().port),
          ],
        },
      },
    });
  });

  after(async () => {
    await mosn.stop();
    for (const { server } of origins) server.close();
    udpOrigin.close();
  });

  test('TLS goes by its server name and is not ended, everything else to the plain chain', async () => {
    const url = await mosn.url('sni');
    const socket = connectTls({ port: Number(new URL(url).port), host: '127.0.0.1', servername: 'a.shop.example' });
    const [error] = await once(socket, 'error');
    // The program behind is no TLS server: it has answered the ClientHello with its name.
    assert.match(String(error), /wrong version|packet|SSL/i);
    socket.destroy();
    assert.equal(await mosn.stat('tcp.shop.downstream_cx_total'), 1);
    assert.equal(await mosn.stat('tls_inspector.sni_found'), 1);
    assert.equal(await ask(url, 'plain\n'), 'other plain|');
  });

  test('the PROXY protocol in and out: chains see the client, and so does the host', async () => {
    const url = await mosn.url('proxied');
    const answer = await ask(url, 'PROXY TCP4 192.0.2.7 198.51.100.1 4321 443\r\nhello');
    assert.match(answer, /^proxied PROXY TCP4 192\.0\.2\.7 198\.51\.100\.1 4321 443\|/);
    assert.equal(await ask(url, 'PROXY TCP4 10.0.0.7 10.0.0.8 4321 443\r\nhello'), 'other hello');
    assert.equal(await ask(url, 'GET / HTTP/1.1\r\n\r\n'), '');
    assert.equal(await mosn.stat('proxy_proto.not_found_disallowed'), 1);
    assert.equal(await mosn.stat('proxy_proto.versions.v1.found'), 2);
  });

  test('the runtime limits connections', async () => {
    assert.equal(await ask(await mosn.url('full'), 'x'), '');
    const { port } = new URL(await mosn.url('full'));
    assert.equal(await mosn.stat(`listener.127.0.0.1_${port}.downstream_cx_overflow`), 1);
  });

  test('datagrams there and back', async () => {
    const client = createSocket('udp4');
    const port = Number(new URL(await mosn.url('udp')).port);
    for (const text of ['one', 'two']) {
      client.send(text, port, '127.0.0.1');
      const [answer, from] = (await once(client, 'message')) as [Buffer, AddressInfo];
      assert.equal(`${answer}`, `udp ${text}`);
      assert.equal(from.port, port);
    }
    client.close();
    assert.equal(await mosn.stat('udp.u.downstream_sess_total'), 1);
    assert.equal(await mosn.stat('cluster.udp.udp.sess_rx_datagrams'), 2);
  });
});
