import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Mosn } from './support/mosn.ts';

// Two sidecars, each for HTTP, bolt and Dubbo: what one begins the next one and the application go on with, and a
// collector hears of it. They are listeners of one process, which makes no difference to a trace.

const envoyType = (name: string) => `type.googleapis.com/envoy.${name}`;
const at = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });

function cluster(name: string, port: number) {
  const lbEndpoints = [{ endpoint: { address: at(port) } }];
  return {
    name,
    connect_timeout: '5s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: lbEndpoints }] },
  };
}

const router = [{ name: 'router', typed_config: { '@type': envoyType('extensions.filters.http.router.v3.Router') } }];
const routesTo = (target: string) => ({
  virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: target } }] }],
});

function listener(name: string, port: number, protocol: string, target: string, tracing: object) {
  const http = protocol === 'http';
  const config = {
    '@type': http
      ? envoyType('extensions.filters.network.http_connection_manager.v3.HttpConnectionManager')
      : 'type.googleapis.com/mosn.extensions.filters.network.x_proxy.v1.XProxy',
    ...(!http && { protocol }),
    stat_prefix: name,
    route_config: routesTo(target),
    http_filters: router,
    tracing,
  };
  const direction = name.endsWith('-out') ? 'OUTBOUND' : 'INBOUND';
  const filters = [{ name: 'proxy', typed_config: config }];
  return { name, address: at(port), traffic_direction: direction, filter_chains: [{ filters }] };
}

const zipkin = {
  name: 'envoy.tracers.zipkin',
  typed_config: {
    '@type': envoyType('config.trace.v3.ZipkinConfig'),
    collector_cluster: 'collector',
    collector_endpoint: '/api/v2/spans',
    collector_endpoint_version: 'HTTP_JSON',
    shared_span_context: false,
    trace_id_128bit: true,
  },
};

const openTelemetry = {
  name: 'envoy.tracers.opentelemetry',
  typed_config: {
    '@type': envoyType('config.trace.v3.OpenTelemetryConfig'),
    service_name: 'shop',
    http_service: { http_uri: { uri: 'http://otel.test/v1/traces', cluster: 'collector', timeout: '5s' } },
  },
};

const text = (value: string, head: (length: number) => Buffer) =>
  Buffer.concat([head(value.length), Buffer.from(value)]);

/** A call of bolt v1 with these entries in its header block. */
function boltCall(id: number, entries: Readonly<Record<string, string>>): Buffer {
  const long = (length: number) => Buffer.from([0, 0, length >> 8, length & 255]);
  const all = { service: 'com.x.Users:1.0', sofa_head_method_name: 'getUser', ...entries };
  const block = Buffer.concat(Object.entries(all).flatMap(([name, value]) => [text(name, long), text(value, long)]));
  const head = Buffer.alloc(22);
  head.set([1, 1, 0, 1, 1]);
  head.writeUInt32BE(id, 5);
  head[9] = 12;
  head.writeInt32BE(5000, 10);
  head.writeUInt16BE(block.length, 16);
  head.writeUInt32BE(2, 18);
  return Buffer.concat([head, block, Buffer.from('hi')]);
}

function boltEntries(call: Buffer): Record<string, string> {
  const entries: Record<string, string> = {};
  const end = 22 + call.readUInt16BE(16);
  let start = 22;
  const next = () => {
    const length = call.readUInt32BE(start);
    start += 4 + length;
    return call.toString('utf8', start - length, start);
  };
  while (start < end) entries[next()] = next();
  return entries;
}

function boltAnswer(call: Buffer): Buffer {
  const head = Buffer.alloc(20);
  head.set([1, 0, 0, 2, 1]);
  call.copy(head, 5, 5, 10);
  return head;
}

/** A call of Dubbo without arguments, whose attachments are short texts of hessian2. */
function dubboCall(id: number, attachments: Readonly<Record<string, string>>): Buffer {
  const short = (length: number) => Buffer.from(length < 32 ? [length] : [0x30 + (length >> 8), length & 255]);
  const pairs = Object.entries(attachments).flatMap(([name, value]) => [text(name, short), text(value, short)]);
  const texts = ['2.0.2', 'com.x.Users', '1.0', 'getUser', ''].map((value) => text(value, short));
  const body = Buffer.concat([...texts, Buffer.from('H'), ...pairs, Buffer.from('Z')]);
  const head = Buffer.alloc(16);
  head.set([0xda, 0xbb, 0xc2, 0]);
  head.writeBigUInt64BE(BigInt(id), 4);
  head.writeUInt32BE(body.length, 12);
  return Buffer.concat([head, body]);
}

function dubboAnswer(call: Buffer): Buffer {
  const answer = Buffer.alloc(17);
  answer.set([0xda, 0xbb, 2, 20]);
  call.copy(answer, 4, 4, 12);
  answer.writeUInt32BE(1, 12);
  // The value is null.
  answer[16] = 0x92;
  return answer;
}

interface RpcServer {
  readonly server: Server;
  readonly port: number;
  readonly calls: Buffer[];
}

const sockets = new Set<Socket>();

async function rpcServer(lengthOf: (bytes: Buffer) => number, answer: (call: Buffer) => Buffer): Promise<RpcServer> {
  const calls: Buffer[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 22 && rest.length >= lengthOf(rest)) {
        const call = rest.subarray(0, lengthOf(rest));
        rest = rest.subarray(call.length);
        calls.push(Buffer.from(call));
        socket.write(answer(call));
      }
    });
  });
  return { server, port: await listen(server), calls };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A port that is free, for a cluster that leads to a listener. */
async function freePort(): Promise<number> {
  const probe = createServer();
  const port = await listen(probe);
  probe.close();
  await once(probe, 'close');
  return port;
}

interface ZipkinSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind: string;
  readonly name: string;
  readonly localEndpoint: { readonly serviceName: string };
  readonly tags: Readonly<Record<string, string>>;
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly attributes: readonly { readonly key: string; readonly value: object }[];
}

describe('a trace over two sidecars', () => {
  const zipkinSpans: ZipkinSpan[] = [];
  const otlpSpans: OtlpSpan[] = [];
  const httpSeen: IncomingHttpHeaders[] = [];
  const collector = createHttpServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const report = JSON.parse(body);
      if (request.url === '/api/v2/spans') zipkinSpans.push(...report);
      else otlpSpans.push(...report.resourceSpans[0].scopeSpans[0].spans);
      response.writeHead(202).end();
    });
  });
  const origin = createHttpServer((request, response) => {
    httpSeen.push(request.headers);
    response.end('ok');
  });
  let bolt: RpcServer;
  let dubbo: RpcServer;
  let mosn: Mosn;

  before(async () => {
    bolt = await rpcServer((bytes) => 22 + bytes.readUInt16BE(16) + bytes.readUInt32BE(18), boltAnswer);
    dubbo = await rpcServer((bytes) => 16 + bytes.readUInt32BE(12), dubboAnswer);
    const hops = [
      ['http', 'http', await listen(origin), { provider: zipkin }],
      ['bolt', 'bolt', bolt.port, {}],
      ['dubbo', 'dubbo', dubbo.port, {}],
      ['otel', 'bolt', bolt.port, { provider: openTelemetry }],
    ] as const;
    const clusters = [cluster('collector', await listen(collector))];
    const listeners: object[] = [];
    for (const [name, protocol, port, tracing] of hops) {
      const between = await freePort();
      clusters.push(cluster(`${name}-sidecar`, between), cluster(`${name}-server`, port));
      listeners.push(
        listener(`${name}-out`, 0, protocol, `${name}-sidecar`, tracing),
        listener(`${name}-in`, between, protocol, `${name}-server`, tracing),
      );
    }
    mosn = await Mosn.start({
      bootstrap: {
        node: { id: 'n', cluster: 'front' },
        admin: { address: at(0) },
        tracing: { http: zipkin },
        static_resources: { listeners, clusters },
      },
    });
  });

  after(async () => {
    await mosn?.stop();
    for (const socket of sockets) socket.destroy();
    for (const server of [collector, origin]) {
      server.close();
      server.closeAllConnections();
    }
    bolt?.server.close();
    dubbo?.server.close();
  });

  async function until<Found>(look: () => Found | undefined): Promise<Found> {
    for (let left = 200; left > 0; left--) {
      const found = look();
      if (found !== undefined) return found;
      await sleep(25);
    }
    throw new Error(`spans did not come: ${JSON.stringify([zipkinSpans, otlpSpans])}`);
  }

  /** The spans of both proxies for a trace. */
  function hopsOf(traceId: string): Promise<{ client: ZipkinSpan; server: ZipkinSpan }> {
    return until(() => {
      const spans = zipkinSpans.filter((span) => span.traceId === traceId);
      const [client] = spans.filter(({ kind }) => kind === 'CLIENT');
      const [server] = spans.filter(({ kind }) => kind === 'SERVER');
      return client && server && { client, server };
    });
  }

  async function call(listenerName: string, frame: Buffer, answerBytes: number): Promise<void> {
    const socket = connect(Number(new URL(await mosn.url(listenerName)).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write(frame);
    for (let bytes = 0; bytes < answerBytes; ) bytes += ((await once(socket, 'data')) as [Buffer])[0].length;
    socket.destroy();
  }

  function assertChain(
    { client, server }: { client: ZipkinSpan; server: ZipkinSpan },
    sent: Readonly<Record<string, unknown>>,
    parentId?: string,
  ): void {
    assert.equal(client.parentId, parentId);
    assert.equal(server.parentId, client.id);
    assert.deepEqual(
      [sent['x-b3-traceid'], sent['x-b3-spanid'], sent['x-b3-parentspanid']],
      [client.traceId, server.id, client.id],
    );
    assert.equal(client.localEndpoint.serviceName, 'front');
  }

  test('of HTTP, begun by the first one', async () => {
    const response = await fetch(`${await mosn.url('http-out')}/a?b=c`);
    assert.equal(await response.text(), 'ok');
    const [sent] = httpSeen.splice(0);
    const hops = await hopsOf(String(sent!['x-b3-traceid']));
    assertChain(hops, sent!);
    const { tags } = hops.client;
    assert.match(tags['http.url']!, /^http:\/\/127\.0\.0\.1:\d+\/a\?b=c$/);
    assert.deepEqual([tags['http.status_code'], tags['upstream_cluster']], ['200', 'http-sidecar']);
    assert.equal(tags['guid:x-request-id'], hops.server.tags['guid:x-request-id']);
  });

  test('of HTTP, begun by the client in the form of W3C', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const headers = { traceparent: `00-${trace}-b7ad6b7169203331-01`, tracestate: 'x=y' };
    await (await fetch(await mosn.url('http-out'), { headers })).text();
    const [sent] = httpSeen.splice(0);
    const { client, server } = await hopsOf(trace);
    assert.deepEqual([client.parentId, server.parentId], ['b7ad6b7169203331', client.id]);
    assert.equal(sent!['traceparent'], `00-${trace}-${server.id}-01`);
    assert.deepEqual([sent!['tracestate'], sent!['x-b3-traceid']], ['x=y', undefined]);
  });

  test('of bolt, in the header block', async () => {
    await call('bolt-out', boltCall(7, { tenant: 'a' }), 20);
    const [arrived] = bolt.calls.splice(0);
    const sent = boltEntries(arrived!);
    const hops = await hopsOf(sent['x-b3-traceid']!);
    assertChain(hops, sent);
    assert.equal(sent['tenant'], 'a');
    assert.equal(arrived!.toString('latin1', arrived!.length - 2), 'hi');
    assert.equal(hops.server.name, 'com.x.Users/getUser');
    const { tags } = hops.server;
    assert.deepEqual([tags['rpc.system'], tags['rpc.status_code']], ['bolt', '0']);
  });

  test('of Dubbo, in the attachments', async () => {
    const trace = '463ac35c9f6413ad48485a3953bb6124';
    const caller = 'a2fb4a1d1a96d312';
    await call('dubbo-out', dubboCall(8, { 'x-b3-traceid': trace, 'x-b3-spanid': caller, 'x-b3-sampled': '1' }), 17);
    const [arrived] = dubbo.calls.splice(0);
    const hops = await hopsOf(trace);
    assert.deepEqual([hops.client.parentId, hops.server.parentId], [caller, hops.client.id]);
    assert.ok(arrived!.includes(hops.server.id), 'the last span is the parent of what the server does');
    assert.equal(arrived!.includes(caller), false);
    const { tags } = hops.client;
    assert.deepEqual(
      [tags['rpc.system'], tags['rpc.service'], tags['rpc.method']],
      ['dubbo', 'com.x.Users', 'getUser'],
    );
    assert.equal(tags['rpc.status_code'], '20');
  });

  test('of SOFATracer, to OpenTelemetry', async () => {
    const sofa = '0a0fe8ec1541132600123100112345';
    const entries = { 'rpc_trace_context.sofaTraceId': sofa, 'rpc_trace_context.sofaRpcId': '0.1' };
    await call('otel-out', boltCall(9, entries), 20);
    const sent = boltEntries(bolt.calls.splice(0)[0]!);
    const trace = hash('sha256', sofa, 'hex').slice(0, 32);
    const [client, server] = await until(() => {
      const spans = [3, 2].map((kind) => otlpSpans.find((span) => span.traceId === trace && span.kind === kind));
      return spans.every((span) => span !== undefined) ? spans : undefined;
    });
    assert.deepEqual([client!.parentSpanId, server!.parentSpanId], [undefined, client!.spanId]);
    assert.equal(sent['traceparent'], `00-${trace}-${server!.spanId}-01`);
    assert.equal(sent['rpc_trace_context.sofaTraceId'], sofa);
    assert.deepEqual(
      client!.attributes.find(({ key }) => key === 'sofa.trace_id'),
      { key: 'sofa.trace_id', value: { stringValue: sofa } },
    );
  });

  test('one that is not sampled leaves every byte but the id', async () => {
    const unsampled = { traceparent: '00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203331-00' };
    const boltFrame = boltCall(11, unsampled);
    await call('bolt-out', boltFrame, 20);
    const [boltArrived] = bolt.calls.splice(0);
    boltFrame.copy(boltArrived!, 5, 5, 9);
    assert.deepEqual(boltArrived, boltFrame);
    const dubboFrame = dubboCall(12, unsampled);
    await call('dubbo-out', dubboFrame, 17);
    const [dubboArrived] = dubbo.calls.splice(0);
    dubboFrame.copy(dubboArrived!, 4, 4, 12);
    assert.deepEqual(dubboArrived, dubboFrame);
  });

  test('what was reported is counted', async () => {
    for (let left = 200; left > 0 && (await mosn.stat('tracing.zipkin.reports_sent')) === 0; left--) await sleep(25);
    assert.ok((await mosn.stat('tracing.zipkin.spans_sent')) >= zipkinSpans.length);
    assert.ok((await mosn.stat('tracing.opentelemetry.http_reports_success')) >= 1);
    assert.equal(await mosn.stat('tracing.zipkin.reports_failed'), 0);
  });
});
