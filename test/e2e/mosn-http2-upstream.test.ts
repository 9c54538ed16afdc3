import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { certificatesMissing, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';
import { Http2Origin } from './support/http2-origin.ts';
import { httpBootstrap, Mosn } from './support/mosn.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 100 });

function ask(url: string, path: string, { body = '', host = 'shop.test' } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const method = body === '' ? 'GET' : 'POST';
    const outgoing = request(new URL(path, url), { method, agent, headers: { host } }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const httpOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** One cluster for each name, and a route to it by the first part of the path. */
function bootstrapOf(backends: Readonly<Record<string, { readonly port: number } & object>>): object {
  const { bootstrap, parts } = httpBootstrap(0);
  const clusters = Object.entries(backends).map(([name, { port, ...rest }]) => {
    const address = { socket_address: { address: '127.0.0.1', port_value: port } };
    const load_assignment = { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] };
    return { ...parts.cluster, name, load_assignment, ...rest };
  });
  parts.routes.length = 0;
  for (const name of Object.keys(backends)) {
    parts.routes.push({ match: { prefix: `/${name}/` }, route: { cluster: name } });
  }
  return { ...bootstrap, static_resources: { ...bootstrap.static_resources, clusters } };
}

const options = (fields: object) => ({
  typed_extension_protocol_options: { [httpOptions]: { '@type': `type.googleapis.com/${httpOptions}`, ...fields } },
});

const http2 = (http2Options: object = {}, common: object = {}) =>
  options({
    explicit_http_config: { http2_protocol_options: http2Options },
    common_http_protocol_options: common,
  });

describe('mosn with HTTP/2 upstreams', () => {
  let few: Http2Origin;
  let leaving: Http2Origin;
  let slow: Http2Origin;
  let mute: Server;
  let mosn: Mosn;
  let url: string;
  before(async () => {
    few = await Http2Origin.start({ maxConcurrentStreams: 10, delayMs: 100 });
    leaving = await Http2Origin.start({ delayMs: 2, streamsEver: 20 });
    slow = await Http2Origin.start({ delayMs: 2000 });
    // Takes what comes, and says nothing but its SETTINGS.
    mute = createServer((socket) => {
      socket.on('error', () => {});
      socket.resume();
      socket.write(Buffer.from('000000040000000000', 'hex'));
    });
    await once(mute.listen(0, '127.0.0.1'), 'listening');
    mosn = await Mosn.start({
      bootstrap: bootstrapOf({
        few: { port: few.port, ...http2() },
        leaving: { port: leaving.port, ...http2() },
        slow: { port: slow.port, ...http2({}, { max_stream_duration: '0.1s' }) },
        mute: {
          port: (mute.address() as AddressInfo).port,
          ...http2({ connection_keepalive: { interval: '0.1s', timeout: '0.1s' } }),
        },
      }),
    });
    url = await mosn.url();
  });
  after(async () => {
    agent.destroy();
    await mosn?.stop();
    mute.close();
    await Promise.all([few, leaving, slow].map((origin) => origin.stop()));
  });

  test('opens as many connections as its streams need, and no answer reaches another request', async () => {
    // The peer's limit is known from here on.
    assert.equal((await ask(url, '/few/first')).status, 200);
    const bodyOf = (id: number) => (id % 2 === 0 ? '' : `body ${id}`);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, id) => ask(url, `/few/${id}`, { body: bodyOf(id) })),
    );
    for (const [id, { status, body }] of answers.entries())
      assert.deepEqual([status, body], [200, `/few/${id} ${bodyOf(id)}`]);
    assert.ok(few.streamsAtOnce <= 10, String(few.streamsAtOnce));
    assert.ok(few.sessionsEver >= 3, String(few.sessionsEver));
    assert.equal(await mosn.stat('cluster.few.upstream_cx_http2_total'), few.sessionsEver);
  });

  test('loses nothing to an upstream that says goodbye again and again', async () => {
    const client = async (id: number) => {
      for (let round = 0; round < 25; round++) {
        const body = round % 2 === 0 ? '' : 'body';
        const path = `/leaving/${id}/${round}`;
        assert.deepEqual(await ask(url, path, { body }), { status: 200, body: `${path} ${body}` });
      }
    };
    await Promise.all(Array.from({ length: 10 }, (_, id) => client(id)));
    assert.ok(leaving.sessionsEver >= 10, String(leaving.sessionsEver));
  });

  test('leaves a peer that does not answer PINGs', async () => {
    const { status, body } = await ask(url, '/mute/');
    assert.equal(status, 503);
    assert.match(body, /connection termination/);
    assert.equal(await mosn.stat('cluster.mute.http2.keepalive_timeout'), 1);
  });

  test('gives up a stream that takes too long', async () => {
    const { status, body } = await ask(url, '/slow/');
    assert.deepEqual([status, body], [504, 'upstream max stream duration reached']);
    assert.equal(await mosn.stat('cluster.slow.upstream_rq_max_duration_reached'), 1);
  });
});

describe('mosn with upstreams that choose', { skip: certificatesMissing }, () => {
  let both: Http2Origin;
  /** Knows HTTP/1.1 alone. */
  let old: SecureServer;
  const oldHandshakes: string[] = [];
  let authority: TestAuthority;
  let mosn: Mosn;
  let url: string;
  before(async () => {
    authority = new TestAuthority();
    const { chainPem: cert, privateKeyPem: key } = authority.issue(['DNS:shop.test', 'DNS:*.shop.test']);
    both = await Http2Origin.start({ tls: { cert, key } });
    old = createSecureServer({ cert, key }, (incoming, response) => {
      response.end(incoming.url);
    });
    old.on('secureConnection', ({ alpnProtocol, servername }) => oldHandshakes.push(`${alpnProtocol} ${servername}`));
    await once(old.listen(0, '127.0.0.1'), 'listening');
    const common_tls_context = {
      validation_context: { trusted_ca: { inline_string: authority.authorityPem } },
    };
    const chosen = {
      transport_socket: {
        name: 'envoy.transport_sockets.tls',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
          common_tls_context,
        },
      },
      ...options({
        auto_config: {},
        upstream_http_protocol_options: { auto_sni: true, auto_san_validation: true },
      }),
    };
    mosn = await Mosn.start({
      bootstrap: bootstrapOf({
        both: { port: both.port, ...chosen },
        old: { port: (old.address() as AddressInfo).port, ...chosen },
      }),
    });
    url = await mosn.url();
  });
  after(async () => {
    await mosn?.stop();
    authority.dispose();
    old.closeAllConnections();
    old.close();
    await both.stop();
  });

  test('HTTP/2 where both can, HTTP/1.1 where only that is offered', async () => {
    const requests = (name: string) => Promise.all(Array.from({ length: 5 }, () => ask(url, `/${name}/x`)));
    for (const name of ['both', 'old']) {
      for (const { status, body } of await requests(name)) assert.equal(status, 200, `${name}: ${body}`);
    }
    assert.deepEqual(both.handshakes, ['h2 shop.test']);
    assert.deepEqual([...new Set(oldHandshakes)], ['http/1.1 shop.test']);
    assert.equal(await mosn.stat('cluster.both.upstream_cx_http2_total'), 1);
    assert.equal(await mosn.stat('cluster.old.upstream_cx_http1_total'), oldHandshakes.length);
  });

  test('the name follows the request, and so does what the certificate has to say', async () => {
    assert.equal((await ask(url, '/both/x', { host: 'a.shop.test:8443' })).status, 200);
    assert.deepEqual(both.handshakes.at(-1), 'h2 a.shop.test');
    const { status, body } = await ask(url, '/both/x', { host: 'bank.test' });
    assert.equal(status, 503);
    assert.match(body, /transport failure reason/);
    assert.equal((await ask(url, '/both/x')).status, 200);
  });
});
