import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { Mosn } from './support/mosn.ts';

const mib = 1024 * 1024;
const typed = (name: string, fields: object = {}) => ({
  '@type': `type.googleapis.com/envoy.extensions.${name}`,
  ...fields,
});
const at = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
const httpOptions = 'upstreams.http.v3.HttpProtocolOptions';

function cluster(name: string, port: number, http2: boolean) {
  const options = typed(httpOptions, { explicit_http_config: { http2_protocol_options: {} } });
  return {
    name,
    connect_timeout: '5s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: at(port) } }] }] },
    ...(http2 && { typed_extension_protocol_options: { [`envoy.extensions.${httpOptions}`]: options } }),
  };
}

function bootstrap(filters: readonly (readonly [name: string, filter: object])[], clusters: readonly object[]) {
  const listeners = filters.map(([name, filter]) => ({
    name,
    address: at(0),
    filter_chains: [{ filters: [{ name, typed_config: filter }] }],
  }));
  return { admin: { address: at(0) }, static_resources: { listeners, clusters } };
}

/** Two of mosn: connections enter the one, travel in requests to the other, and leave that as connections. */
describe('TCP through an HTTP proxy', () => {
  const origin = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    socket.write('ready\n');
    socket.pipe(socket);
  });
  let exit: Mosn;
  let entry: Mosn;
  const kinds = ['http1-connect', 'http1-post', 'http2-connect', 'http2-post'];

  before(async () => {
    origin.listen(0, '127.0.0.1');
    await once(origin, 'listening');
    const connectConfig = { allow_post: true };
    const route = {
      cluster: 'origin',
      timeout: '0s',
      upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: connectConfig }],
    };
    const manager = typed('filters.network.http_connection_manager.v3.HttpConnectionManager', {
      stat_prefix: 'exit',
      http2_protocol_options: { allow_connect: true },
      upgrade_configs: [{ upgrade_type: 'CONNECT' }],
      route_config: {
        virtual_hosts: [
          {
            name: 'db',
            domains: ['db:5432'],
            routes: [
              { match: { connect_matcher: {} }, route },
              { match: { path: '/in' }, route },
            ],
          },
        ],
      },
      http_filters: [{ name: 'router', typed_config: typed('filters.http.router.v3.Router') }],
    });
    exit = await Mosn.start({
      bootstrap: bootstrap([['exit', manager]], [cluster('origin', (origin.address() as AddressInfo).port, false)]),
    });
    const port = Number(new URL(await exit.url('exit')).port);
    const proxies = [...kinds, 'elsewhere'].map((kind) => {
      const tunnel = {
        hostname: kind === 'elsewhere' ? 'nobody:1' : 'db:5432',
        ...(kind.endsWith('post') && { use_post: true, post_path: '/in' }),
      };
      const filter = typed('filters.network.tcp_proxy.v3.TcpProxy', {
        stat_prefix: kind,
        cluster: kind.startsWith('http2') ? 'http2' : 'http1',
        max_connect_attempts: 2,
        tunneling_config: tunnel,
      });
      return [kind, filter] as const;
    });
    entry = await Mosn.start({
      bootstrap: bootstrap(proxies, [cluster('http1', port, false), cluster('http2', port, true)]),
    });
  });

  after(async () => {
    await entry?.stop();
    await exit?.stop();
    origin.close();
  });

  for (const kind of kinds) {
    test(`${kind}: a server that speaks first, 8 MiB both ways, and the end of each side`, async () => {
      const socket = connect({
        port: Number(new URL(await entry.url(kind)).port),
        host: '127.0.0.1',
        allowHalfOpen: true,
      });
      const sent = Buffer.alloc(8 * mib, 'abcdefghijklmnopqrstuvwxyz012345');
      const received: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => received.push(chunk));
      socket.once('data', () => socket.end(sent));
      await once(socket, 'end');
      const answer = Buffer.concat(received);
      assert.equal(answer.subarray(0, 6).toString(), 'ready\n');
      assert.ok(answer.subarray(6).equals(sent), `${answer.length} bytes came back`);
    });
  }

  test('where the proxy says no, the connection is closed', async () => {
    const socket = connect(Number(new URL(await entry.url('elsewhere')).port), '127.0.0.1');
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
    socket.on('error', () => {});
    await once(socket, 'close');
    assert.equal(bytes, 0);
    assert.equal(await entry.stat('cluster.http1.upstream_cx_connect_attempts_exceeded'), 1);
    assert.equal(await entry.stat('cluster.http1.upstream_rq_active'), 0);
  });
});
