import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { describe, test } from 'node:test';
import { ResponseFlag } from '@sofamesh/contract/message';
import { retry } from '../test-support/configs.ts';
import { openTelemetry, TracedWorld, tagsIn, tracingConfig, zipkin } from './test-support/traced-world.ts';

const trace = '463ac35c9f6413ad48485a3953bb6124';
const caller = 'a2fb4a1d1a96d312';
const traceparent = `00-${trace}-${caller}-01`;
const b3 = `x-b3-traceid=${trace};x-b3-spanid=${caller};x-b3-parentspanid=0020000000000001;x-b3-sampled=1`;
const isTraceId = /^[0-9a-f]{32}$/;
const isSpanId = /^[0-9a-f]{16}$/;

describe('the span of an exchange', () => {
  test('a trace begins here: in B3 for Zipkin', async () => {
    const traced = await TracedWorld.start(tracingConfig());
    const sent = await traced.ask('user-agent=curl;x-request-id=id-1');
    const [span] = await traced.reported();
    assert.match(span!.traceId, isTraceId);
    assert.match(span!.spanId, isSpanId);
    assert.equal(span!.parentId, undefined);
    assert.deepEqual(
      { ...sent, 'x-forwarded-proto': undefined },
      {
        'user-agent': 'curl',
        'x-request-id': 'id-1',
        'x-b3-traceid': span!.traceId,
        'x-b3-spanid': span!.spanId,
        'x-b3-sampled': '1',
        'x-forwarded-proto': undefined,
      },
    );
    assert.equal(span!.kind, 'server');
    assert.equal(span!.name, 'shop.Users');
    assert.equal(span!.failed, false);
    assert.deepEqual(tagsIn(span), {
      component: 'proxy',
      'guid:x-request-id': 'id-1',
      'http.url': 'http://shop.Users/get',
      'http.method': 'POST',
      'http.protocol': 'lines',
      user_agent: 'curl',
      downstream_cluster: '-',
      'http.status_code': 200,
      'peer.address': '127.0.0.1',
      request_size: 0,
      response_size: 0,
      response_flags: '-',
      upstream_cluster: 'shop',
      'upstream_cluster.name': 'shop',
      upstream_address: '10.0.0.1:1',
    });
  });

  test('and in the form of W3C for OpenTelemetry', async () => {
    const traced = await TracedWorld.start(tracingConfig({ provider: openTelemetry }));
    const sent = await traced.ask();
    const [span] = await traced.reported();
    assert.equal(sent['traceparent'], `00-${span!.traceId}-${span!.spanId}-01`);
    assert.equal(sent['x-b3-traceid'], undefined);
  });

  test('ids of 16 digits where they are asked for', async () => {
    const traced = await TracedWorld.start(tracingConfig({ provider: { ...zipkin, longTraceIds: false } }));
    await traced.ask();
    assert.match((await traced.reported())[0]!.traceId, isSpanId);
  });

  test('a server shares the id of its caller, and the head goes on as it came', async () => {
    const traced = await TracedWorld.start(tracingConfig());
    const plain = await TracedWorld.start(undefined);
    await Promise.all([traced.ask(b3), plain.ask(b3)]);
    assert.equal(traced.line, plain.line);
    assert.ok(traced.line.includes(caller));
    const [span] = await traced.reported();
    assert.deepEqual(
      [span!.traceId, span!.spanId, span!.parentId, span!.shared],
      [trace, caller, '0020000000000001', true],
    );
  });

  test('or has one below it', async () => {
    const traced = await TracedWorld.start(tracingConfig({ provider: { ...zipkin, sharesSpanIds: false } }));
    const sent = await traced.ask(b3);
    const [span] = await traced.reported();
    assert.deepEqual([span!.traceId, span!.parentId, span!.shared], [trace, caller, false]);
    assert.notEqual(span!.spanId, caller);
    assert.deepEqual([sent['x-b3-spanid'], sent['x-b3-parentspanid']], [span!.spanId, caller]);
  });

  test('a client has one below that of its caller', async () => {
    const traced = await TracedWorld.start(tracingConfig({ kind: 'client' }));
    const sent = await traced.ask(b3);
    const [span] = await traced.reported();
    assert.deepEqual([span!.kind, span!.traceId, span!.parentId, span!.shared], ['client', trace, caller, false]);
    assert.deepEqual([sent['x-b3-spanid'], sent['x-b3-parentspanid']], [span!.spanId, caller]);
  });

  test('what came goes on in the form in which it came', async () => {
    const traced = await TracedWorld.start(tracingConfig({ kind: 'client' }));
    const w3c = await traced.ask(`traceparent=${traceparent};tracestate=a=b`);
    assert.match(w3c['traceparent']!, new RegExp(`^00-${trace}-(?!${caller})[0-9a-f]{16}-01$`));
    assert.equal(w3c['tracestate'], 'a=b');
    assert.equal(w3c['x-b3-traceid'], undefined);
    const single = await traced.ask(`b3=${trace}-${caller}-d`);
    assert.match(single['b3']!, new RegExp(`^${trace}-[0-9a-f]{16}-d-${caller}$`));
    assert.equal(single['x-b3-traceid'], undefined);
    const both = await traced.ask(`${b3};traceparent=${traceparent}`);
    assert.equal(both['traceparent'], `00-${trace}-${both['x-b3-spanid']}-01`);
    assert.notEqual(both['x-b3-spanid'], caller);
  });

  test('a context that cannot be read is replaced, with what belonged to it', async () => {
    const traced = await TracedWorld.start(tracingConfig());
    const sent = await traced.ask(`traceparent=${traceparent}-x;tracestate=a=b`);
    const [span] = await traced.reported();
    assert.notEqual(span!.traceId, trace);
    assert.equal(sent['traceparent'], `00-${span!.traceId}-${span!.spanId}-01`);
    assert.equal(sent['tracestate'], undefined);
  });

  test('the mark of a debug trace stays', async () => {
    const traced = await TracedWorld.start(tracingConfig({ kind: 'client', randomPpm: 0 }));
    const sent = await traced.ask(`x-b3-traceid=${trace};x-b3-spanid=${caller};x-b3-flags=1`);
    assert.deepEqual([sent['x-b3-flags'], sent['x-b3-sampled']], ['1', undefined]);
    assert.equal((await traced.reported()).length, 1);
  });

  test('a decision without a trace is kept, too', async () => {
    const traced = await TracedWorld.start(tracingConfig({ randomPpm: 0 }));
    assert.match((await traced.ask('b3=1'))['b3']!, /^[0-9a-f]{32}-[0-9a-f]{16}-1$/);
    assert.match((await traced.ask('x-b3-sampled=1'))['x-b3-traceid']!, isTraceId);
    assert.equal((await traced.ask('b3=0'))['b3'], '0');
    assert.equal((await traced.reported()).length, 2);
  });

  test('answers of the proxy, and of nobody', async () => {
    const traced = await TracedWorld.start(tracingConfig(), { forward: { timeoutMs: 50 }, onLine: () => {} });
    await traced.ask();
    await traced.world.pass(60);
    await traced.ask();
    traced.client.connection.close('now');
    const [late, left] = await traced.reported();
    assert.deepEqual(
      [late!.failed, tagsIn(late)['http.status_code'], tagsIn(late)['response_flags']],
      [true, 504, 'UT'],
    );
    assert.deepEqual([left!.failed, tagsIn(left)['http.status_code'], tagsIn(left)['response_flags']], [true, 0, 'DC']);
    assert.equal(traced.world.records[1]!.flags, ResponseFlag.downstreamConnectionTermination);
  });

  test('names, tags and lengths as they are configured', async () => {
    const tracing = tracingConfig({
      pathLengthMax: 2,
      tags: [
        { kind: 'literal', name: 'zone', value: 'a' },
        { kind: 'header', name: 'tenant', header: 'x-tenant', fallback: 'none' },
        { kind: 'header', name: 'absent', header: 'x-absent', fallback: undefined },
        { kind: 'literal', name: 'component', value: 'edge' },
      ],
    });
    const traced = await TracedWorld.start(tracing, { route: { operation: { name: 'getUser', propagates: true } } });
    await traced.ask(`x-tenant=${'t'.repeat(2000)}`);
    await traced.ask('x-envoy-decorator-operation=told');
    const [first, second] = await traced.reported();
    const tags = tagsIn(first);
    assert.deepEqual(
      [first!.name, tags['zone'], tags['component'], tags['http.url']],
      ['getUser', 'a', 'edge', 'http://shop.Users/g'],
    );
    assert.equal(String(tags['tenant']).length, 1024);
    assert.equal('absent' in tags, false);
    assert.deepEqual([second!.name, tagsIn(second)['tenant']], ['told', 'none']);
  });

  test("the operation's name goes from a client's proxy to the server's", async () => {
    const route = { operation: { name: 'getUser', propagates: true } };
    const client = await TracedWorld.start(tracingConfig({ kind: 'client' }), { route });
    assert.equal((await client.ask())['x-envoy-decorator-operation'], 'getUser');
    const server = await TracedWorld.start(tracingConfig());
    assert.equal((await server.ask('x-envoy-decorator-operation=x'))['x-envoy-decorator-operation'], undefined);
  });

  test('logs know the trace, sampled or not', async () => {
    const traced = await TracedWorld.start(tracingConfig({ randomPpm: 0 }));
    await traced.ask(`traceparent=${traceparent}`);
    await traced.ask(`traceparent=00-${trace}-${caller}-00`);
    await traced.ask();
    const { records } = traced.world;
    const [span] = await traced.reported();
    assert.deepEqual(
      records.map(({ traceId, spanId }) => [traceId, spanId]),
      [
        [trace, span!.spanId],
        [trace, undefined],
        [undefined, undefined],
      ],
    );
  });
});

describe('a request that is not sampled', () => {
  const rates = tracingConfig({ randomPpm: 0 });
  for (const [what, headers] of [
    ['of no trace', 'a=b'],
    ['W3C', `traceparent=00-${trace}-${caller}-00;tracestate=a=b`],
    ['B3', `x-b3-traceid=${trace};x-b3-spanid=${caller};x-b3-sampled=0`],
    ['B3 in one header', `b3=${trace}-${caller}-0`],
    ['left to us', `b3=${trace}-${caller}`],
    ['unreadable', 'traceparent=x;b3=;x-b3-traceid=zz'],
  ] as const) {
    test(`goes on as it came: ${what}`, async () => {
      const traced = await TracedWorld.start(rates);
      const plain = await TracedWorld.start(undefined);
      await Promise.all([traced.ask(headers), plain.ask(headers)]);
      assert.equal(traced.line, plain.line);
      assert.match(traced.line, / REQ\. POST /);
      assert.deepEqual(await traced.reported(), []);
    });
  }
});

describe('the span of a call', () => {
  test('a trace begins here', async () => {
    const traced = await TracedWorld.start(tracingConfig(), { rpc: true });
    const sent = await traced.ask('tenant=a', 'CALL.');
    const [span] = await traced.reported();
    assert.deepEqual(sent, {
      tenant: 'a',
      'x-b3-traceid': span!.traceId,
      'x-b3-spanid': span!.spanId,
      'x-b3-sampled': '1',
    });
    assert.equal(span!.name, 'shop.Users/get');
    const tags = tagsIn(span);
    assert.deepEqual(
      [tags['rpc.system'], tags['rpc.service'], tags['rpc.method'], tags['rpc.status_code']],
      ['rpc', 'shop.Users', 'get', 200],
    );
    assert.equal('http.url' in tags, false);
  });

  test('SOFATracer has begun it: every proxy makes the same id of its own', async () => {
    const sofa = '0a0fe8ec154113260012310011234';
    const headers = `rpc_trace_context.sofatraceid=${sofa};rpc_trace_context.sofarpcid=0.1`;
    const traced = await TracedWorld.start(tracingConfig(), { rpc: true });
    const other = await TracedWorld.start(tracingConfig({ provider: openTelemetry, kind: 'client' }), { rpc: true });
    const sent = await traced.ask(headers, 'CALL.');
    await other.ask(headers, 'CALL.');
    const [span] = await traced.reported();
    assert.equal(span!.traceId, hash('sha256', sofa, 'hex').slice(0, 32));
    assert.deepEqual([tagsIn(span)['sofa.trace_id'], tagsIn(span)['sofa.rpc_id']], [sofa, '0.1']);
    assert.deepEqual([sent['rpc_trace_context.sofatraceid'], sent['x-b3-traceid']], [sofa, span!.traceId]);
    assert.equal((await other.reported())[0]!.traceId, span!.traceId);
    await traced.ask(`${headers};rpc_trace_context.sampled=false`, 'CALL.');
    assert.deepEqual(await traced.reported(), []);
  });

  test('SOFATracer decides, where it does', async () => {
    const traced = await TracedWorld.start(tracingConfig({ randomPpm: 0 }), { rpc: true });
    await traced.ask('rpc_trace_context.sofatraceid=x;rpc_trace_context.sampled=true', 'CALL.');
    await traced.ask('rpc_trace_context.sofatraceid=x', 'CALL.');
    await traced.ask(`rpc_trace_context.sofatraceid=${'x'.repeat(300)};rpc_trace_context.sampled=true`, 'CALL.');
    assert.equal((await traced.reported()).length, 1);
  });

  test('an HTTP header of that name means nothing', async () => {
    const traced = await TracedWorld.start(tracingConfig({ randomPpm: 0 }));
    await traced.ask('rpc_trace_context.sofatraceid=x;rpc_trace_context.sampled=true');
    assert.deepEqual(await traced.reported(), []);
  });

  test('one-way, and failed', async () => {
    const traced = await TracedWorld.start(tracingConfig(), {
      rpc: true,
      onLine: (line, peer) => {
        if (line.includes(' CALL')) peer.send(`${line.split(' ')[0]} BACK. 500`);
      },
    });
    await traced.ask('', 'TELL.');
    await traced.ask('', 'CALL.');
    const [told, failed] = await traced.reported();
    assert.deepEqual([told!.failed, tagsIn(told)['rpc.one_way']], [false, true]);
    assert.deepEqual([failed!.failed, tagsIn(failed)['rpc.status_code']], [true, 500]);
  });

  test('headers that are many or long get none of ours, and the span is made all the same', async () => {
    const traced = await TracedWorld.start(tracingConfig(), { rpc: true });
    const many = Array.from({ length: 95 }, (_, at) => `h${at}=x`).join(';');
    for (const headers of [many, `long=${'x'.repeat(32_000)}`, `wide=${encodeURIComponent('界'.repeat(11_000))}`]) {
      const sent = await traced.ask(headers, 'CALL.');
      assert.equal('x-b3-traceid' in sent, false);
    }
    assert.equal((await traced.reported()).length, 3);
  });
});

describe('spans of tries', () => {
  test('one for each, below that of the exchange', async () => {
    let answers = 0;
    const traced = await TracedWorld.start(tracingConfig({ spansOfTries: true, kind: 'client' }), {
      forward: { retry: retry(['5xx']) },
      onLine: (line, peer) => {
        if (line.includes(' REQ')) peer.send(`${line.split(' ')[0]} RSP. ${answers++ === 0 ? 503 : 200}`);
      },
    });
    await traced.ask(b3);
    await traced.world.pass(300);
    const sent = traced.sentOn();
    const [first, second, whole] = await traced.reported();
    assert.deepEqual([whole!.kind, whole!.spanId, whole!.shared, whole!.failed], ['server', caller, true, false]);
    assert.equal(tagsIn(whole)['retry.count'], 1);
    for (const each of [first, second]) {
      assert.deepEqual([each!.kind, each!.traceId, each!.parentId, each!.shared], ['client', trace, caller, false]);
      assert.equal(each!.name, 'router shop egress');
    }
    assert.deepEqual([first!.failed, second!.failed], [true, false]);
    assert.deepEqual([tagsIn(first)['http.status_code'], tagsIn(second)['retry.count']], [503, 1]);
    assert.deepEqual([sent['x-b3-spanid'], sent['x-b3-parentspanid']], [second!.spanId, caller]);
  });

  test('one that nobody answers', async () => {
    const traced = await TracedWorld.start(tracingConfig({ spansOfTries: true }));
    traced.upstream.close();
    await traced.ask();
    const [tried, whole] = await traced.reported();
    assert.deepEqual([tried!.failed, tried!.parentId, whole!.failed], [true, whole!.spanId, true]);
  });
});
