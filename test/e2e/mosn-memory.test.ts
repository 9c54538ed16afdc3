import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { certificatesMissing, TestAuthority } from '@sofamesh/testkit/transport-suite/certificates';
import { type BulkClient, http1Client, http2Client } from './support/bulk-client.ts';
import { BulkOrigin } from './support/bulk-origin.ts';
import { httpBootstrap, Mosn } from './support/mosn.ts';
import { readSlowly } from './support/read-slowly.ts';
import { Resident } from './support/resident.ts';

const mib = 1024 * 1024;
/** More than mosn may grow, so that one which kept a body would be found out. `MEMORY_TEST_MIB=1024` is the full proof. */
const bodyBytes = Number(process.env.MEMORY_TEST_MIB ?? 72) * mib;
const growthMibMax = 64;
/** What may be on its way while nobody reads: the system's buffers on four sockets, the processes' own, and windows. */
const underwayBytesMax = 48 * mib;
const canaryMsMax = 100;
const noLinux = process.platform !== 'linux' && 'memory is read from /proc';

interface Path {
  readonly name: string;
  readonly client: 'http1' | 'http2';
  readonly upstream: 'http1' | 'http2';
  readonly secure?: boolean;
  /** A TCP proxy; else HTTP. */
  readonly tcp?: boolean;
}

const paths: readonly Path[] = [
  { name: 'tcp', client: 'http1', upstream: 'http1', tcp: true },
  { name: 'http1-http1', client: 'http1', upstream: 'http1' },
  { name: 'http1-http2', client: 'http1', upstream: 'http2' },
  { name: 'http2-http1', client: 'http2', upstream: 'http1' },
  { name: 'http2-http2', client: 'http2', upstream: 'http2' },
  { name: 'tls-http1-http1', client: 'http1', upstream: 'http1', secure: true },
  { name: 'tls-http2-http2', client: 'http2', upstream: 'http2', secure: true },
];

const impatient: Path = { name: 'impatient', client: 'http2', upstream: 'http1' };

const typed = (type: string, fields: object) => ({
  '@type': `type.googleapis.com/envoy.extensions.${type}`,
  ...fields,
});
const httpOptions = 'upstreams.http.v3.HttpProtocolOptions';

describe('memory of mosn', { skip: noLinux || certificatesMissing }, () => {
  const origins = new Map<string, BulkOrigin>();
  let authority: TestAuthority;
  let mosn: Mosn;
  let resident: Resident;
  let idleMib: number;

  before(async () => {
    authority = new TestAuthority();
    for (const protocol of ['http1', 'http2'] as const) origins.set(protocol, await BulkOrigin.start(protocol));
    mosn = await Mosn.start({ bootstrap: bootstrap() });
    resident = new Resident(mosn.process.pid);
    // What is compiled and allocated once is not counted.
    for (const path of paths) await withClient(path, small);
    idleMib = resident.nowMib;
  });
  after(async () => {
    await mosn?.stop();
    for (const origin of origins.values()) await origin.stop();
    authority.dispose();
  });

  function bootstrap(): object {
    const { bootstrap, parts } = httpBootstrap(0);
    const certificate = authority.issue(['IP:127.0.0.1']);
    const clusters = [...origins].map(([name, { port }]) => ({
      ...parts.cluster,
      name,
      load_assignment: {
        cluster_name: name,
        endpoints: [
          { lb_endpoints: [{ endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } }] },
        ],
      },
      ...(name === 'http2' && {
        typed_extension_protocol_options: {
          [`envoy.extensions.${httpOptions}`]: typed(httpOptions, {
            explicit_http_config: { http2_protocol_options: {} },
          }),
        },
      }),
    }));
    const listeners = [...paths, impatient].map((path) => ({
      name: path.name,
      address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
      filter_chains: [
        {
          filters: [path.tcp ? tcpFilter(path) : httpFilter(path)],
          ...(path.secure && {
            transport_socket: {
              name: 'envoy.transport_sockets.tls',
              typed_config: typed('transport_sockets.tls.v3.DownstreamTlsContext', {
                common_tls_context: {
                  alpn_protocols: ['h2', 'http/1.1'],
                  tls_certificates: [
                    {
                      certificate_chain: { inline_string: certificate.chainPem },
                      private_key: { inline_string: certificate.privateKeyPem },
                    },
                  ],
                },
              }),
            },
          }),
        },
      ],
    }));
    return { ...bootstrap, static_resources: { listeners, clusters } };
  }

  function tcpFilter({ name, upstream }: Path): object {
    const type = 'filters.network.tcp_proxy.v3.TcpProxy';
    return { name: 'tcp', typed_config: typed(type, { stat_prefix: name, cluster: upstream }) };
  }

  function httpFilter({ name, upstream }: Path): object {
    const routes = [{ match: { prefix: '/' }, route: { cluster: upstream, timeout: '0s' } }];
    return {
      name: 'http',
      typed_config: typed('filters.network.http_connection_manager.v3.HttpConnectionManager', {
        stat_prefix: name,
        ...(name === impatient.name && { stream_idle_timeout: '1s' }),
        route_config: { name, virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
        http_filters: [{ name: 'router', typed_config: typed('filters.http.router.v3.Router', {}) }],
      }),
    };
  }

  async function urlOf({ name, secure = false }: Path): Promise<string> {
    const url = await mosn.url(name);
    return secure ? url.replace('http:', 'https:') : url;
  }

  async function withClient(path: Path, use: (client: BulkClient) => Promise<void>): Promise<void> {
    const url = await urlOf(path);
    const client = path.client === 'http1' ? http1Client(url) : await http2Client(url);
    try {
      await use(client);
    } finally {
      client.close();
    }
  }

  async function small(client: BulkClient): Promise<void> {
    for await (const chunk of await client.download('/small')) assert.equal(String(chunk), 'ok');
  }

  function originOf({ upstream }: Path): BulkOrigin {
    return origins.get(upstream)!;
  }

  function assertFlat(what: string): void {
    const grownMib = resident.peakMib - idleMib;
    assert.ok(grownMib < growthMibMax, `${what}: ${grownMib.toFixed(1)} MiB above ${idleMib.toFixed(1)} MiB`);
  }

  for (const path of paths) {
    test(`does not grow with what a client has not read: ${path.name}`, async () => {
      const origin = originOf(path);
      resident.forgetPeak();
      await withClient(path, async (client) => {
        const offeredBefore = origin.offeredBytes;
        const body = await client.download(`/down/${bodyBytes}`);
        const underwayBytes = (await standstill(() => origin.offeredBytes)) - offeredBefore;
        assert.ok(underwayBytes < underwayBytesMax, `${underwayBytes} bytes on their way to nobody`);
        assert.equal(await readSlowly(body), bodyBytes);
      });
      assertFlat('download');
    });

    test(`does not grow with what an upstream has not read: ${path.name}`, async () => {
      const origin = originOf(path);
      resident.forgetPeak();
      await withClient(path, async (client) => {
        const { body, answer } = client.upload('/up');
        let offeredBytes = 0;
        Readable.from(pieces(bodyBytes, (bytes) => (offeredBytes += bytes))).pipe(body);
        const underwayBytes = await standstill(() => offeredBytes);
        assert.ok(underwayBytes < underwayBytesMax, `${underwayBytes} bytes on their way to nobody`);
        origin.readUploads();
        assert.equal(await answer(), String(bodyBytes));
      });
      assertFlat('upload');
    });
  }

  for (const path of paths.filter(({ client }) => client === 'http2')) {
    test(`keeps the other streams of a connection going while one stands still: ${path.name}`, async () => {
      const origin = originOf(path);
      await withClient(path, async (client) => {
        const stuck = await client.download(`/down/${bodyBytes}`);
        const { body } = client.upload('/up');
        let offeredBytes = 0;
        Readable.from(pieces(bodyBytes, (bytes) => (offeredBytes += bytes))).pipe(body);
        await standstill(() => offeredBytes + origin.offeredBytes);
        const tookMs: number[] = [];
        for (let round = 0; round < 20; round++) {
          const startMs = performance.now();
          await small(client);
          tookMs.push(performance.now() - startMs);
        }
        tookMs.sort((a, b) => a - b);
        // The machine itself may be busy for longer, but not every time.
        const medianMs = tookMs[tookMs.length / 2]!;
        assert.ok(medianMs < canaryMsMax, `${medianMs} ms`);
        stuck.destroy();
        body.destroy();
      });
    });
  }

  test('serves no more of what was pipelined than its client reads', async () => {
    const path = paths.find(({ name }) => name === 'http1-http1')!;
    const origin = originOf(path);
    resident.forgetPeak();
    const requestsBefore = origin.requests;
    const client = await connected(await urlOf(path));
    const request = `GET /down/${mib} HTTP/1.1\r\nhost: a\r\n\r\n`;
    const batch = request.repeat(1000);
    // Nothing is read: the answers fill the system's buffers, and then the requests do.
    let wroteBytes = 0;
    while (wroteBytes < bodyBytes && client.write(batch, () => (wroteBytes += batch.length)))
      await new Promise(setImmediate);
    await standstill(() => wroteBytes + origin.offeredBytes);
    const served = origin.requests - requestsBefore;
    assert.ok(served < 64, `${served} requests served`);
    client.destroy();
    assertFlat('pipelined requests');
  });

  test('ends streams whose client opens no window', async () => {
    const streams = 100;
    resident.forgetPeak();
    const client = await http2Client(await urlOf(impatient), { initialWindowSize: 0 });
    const bodies = await Promise.all(Array.from({ length: streams }, () => client.download(`/down/${mib / 4}`)));
    await Promise.all(bodies.map((body) => body.destroyed || once(body, 'close')));
    const { text } = await mosn.ask(`/stats?filter=^http.${impatient.name}.`);
    assert.match(text, new RegExp(`downstream_rq_idle_timeout: ${streams}\\n`));
    assert.match(text, /downstream_rq_active: 0\n/);
    // Answers that are complete, for mosn, and wait all the same.
    const flushesBefore = await mosn.stat('http2.tx_flush_timeout').catch(() => 0);
    const small = await Promise.all(Array.from({ length: streams }, () => client.download('/small')));
    await Promise.all(small.map((body) => body.destroyed || once(body, 'close')));
    assert.equal((await mosn.stat('http2.tx_flush_timeout')) - flushesBefore, streams);
    client.close();
    assertFlat('streams without a window');
  });
});

const piece = Buffer.alloc(64 * 1024, 'a');

function* pieces(bytes: number, onOffered: (bytes: number) => void): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= piece.length) {
    const next = left < piece.length ? piece.subarray(0, left) : piece;
    onOffered(next.length);
    yield next;
  }
}

async function connected(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

const quietMs = 80;

/** Waits until a count has begun and stands still, and returns it. */
async function standstill(count: () => number): Promise<number> {
  for (let last = -1; ; ) {
    const now = count();
    if (now === last && now > 0) return now;
    last = now;
    await sleep(quietMs);
  }
}
