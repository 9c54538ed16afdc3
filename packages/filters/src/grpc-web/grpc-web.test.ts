import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '@sofamesh/base/logger';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { SeededRandom } from '@sofamesh/base/random';
import { filterSuite } from '@sofamesh/testkit/filter-suite';
import { LineHeaders, LineResponseHead } from '@sofamesh/testkit/line-message';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import { ScriptedExchange } from '@sofamesh/testkit/scripted-exchange';
import fc from 'fast-check';
import { kind } from './grpc-web.ts';

const binary = 'application/grpc-web+proto';
const text = 'application/grpc-web-text';

filterSuite(kind, {
  configs: [{ name: 'as it is', config: {} }],
  headers: [
    [['content-type', binary]],
    [
      ['content-type', text],
      ['accept', text],
    ],
  ],
});

/** One call through the filter, its answer included. */
function makeCall(headers: readonly (readonly [string, string])[]) {
  const clock = new ManualClock();
  const stats = new MemoryStats();
  const environment = { clock, random: new SeededRandom(1), stats, statPrefix: 'http.in.', logger: silentLogger };
  const filter = kind.prepare({}, environment)();
  const exchange = new ScriptedExchange({ clock, headers });
  exchange.request.path = '/shop.Books/Get?x=1';
  assert.equal(filter.onRequestHead!(exchange.request, exchange, false), undefined);
  const respond = (status: number, fields: readonly (readonly [string, string])[], end = false) => {
    const head = new LineResponseHead({ id: 1, verb: 'HEAD', end, words: [String(status)], bytes: 0 }, false);
    for (const [name, value] of fields) head.add(name, value);
    exchange.response = head;
    assert.equal(filter.onResponseHead!(head, exchange, end), undefined);
    return head;
  };
  const send = (chunk: string | Buffer, end = false) =>
    filter.onRequestData!(Buffer.from(chunk as string), exchange, end) as Buffer;
  const answer = (chunk: string | Buffer, end = false) =>
    filter.onResponseData!(Buffer.from(chunk as string), exchange, end) as Buffer;
  const trailers = (...fields: (readonly [string, string])[]) =>
    filter.onResponseTrailers!(new LineHeaders(fields), exchange) as Buffer | undefined;
  return { exchange, stats, filter, respond, send, answer, trailers };
}

const grpc = [['content-type', 'application/grpc']] as const;
const frame = (body: string) => {
  const head = Buffer.from([0x80, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, Buffer.from(body)]);
};

describe('gRPC-Web', () => {
  test('a call goes on as gRPC; trailers come back as the last frame', () => {
    const { exchange, respond, send, answer, trailers, stats } = makeCall([
      ['content-type', binary],
      ['content-length', '9'],
      ['x-grpc-web', '1'],
    ]);
    assert.equal(exchange.request.get('content-type'), 'application/grpc');
    assert.equal(exchange.request.get('te'), 'trailers');
    assert.equal(exchange.request.get('grpc-accept-encoding'), 'identity');
    assert.equal(exchange.request.get('content-length'), undefined);
    assert.equal(send('message').toString(), 'message');
    const head = respond(200, [...grpc, ['content-length', '3']]);
    assert.equal(head.get('content-type'), binary);
    assert.equal(head.get('content-length'), undefined);
    assert.equal(answer('abc').toString(), 'abc');
    const last = trailers(['grpc-status', '5'], ['grpc-message', 'none%20such']);
    assert.deepEqual(last, frame('grpc-status:5\r\ngrpc-message:none%20such\r\n'));
    const counted = stats.nonZero('cluster.a.grpc-web.');
    assert.deepEqual(counted, { 'shop.Books.Get.5': 1, 'shop.Books.Get.failure': 1, 'shop.Books.Get.total': 1 });
  });

  test('text is decoded on its way in, and encoded on its way out where the client accepts it', () => {
    const { respond, send, answer, trailers } = makeCall([
      ['content-type', text],
      ['accept', 'application/grpc-web-text+proto'],
    ]);
    const sent = Buffer.concat([send('AAAA'), send('AA'), send('EKAA=='), send('', true)]);
    assert.equal(sent.toString('hex'), '00000000010a00');
    assert.equal(respond(200, grpc).get('content-type'), 'application/grpc-web-text+proto');
    assert.equal(answer('ab').toString(), 'YWI=');
    assert.equal(answer('').toString(), '');
    assert.equal(trailers(['grpc-status', '0'])!.toString(), frame('grpc-status:0\r\n').toString('base64'));
  });

  test('text in and binary out are told apart', () => {
    const { respond, answer } = makeCall([
      ['content-type', text],
      ['accept', binary],
    ]);
    assert.equal(respond(200, grpc).get('content-type'), binary);
    assert.equal(answer('ab').toString(), 'ab');
  });

  test('an answer whose status is in its head stays one', () => {
    const { respond, stats } = makeCall([['content-type', binary]]);
    const head = respond(200, [...grpc, ['grpc-status', '0']], true);
    assert.deepEqual([head.get('grpc-status'), head.get('content-type')], ['0', binary]);
    assert.equal(stats.get('cluster.a.grpc-web.shop.Books.Get.success'), 1);
  });

  test('what is no gRPC becomes a status, with its body as the text', () => {
    const { respond, answer } = makeCall([['content-type', binary]]);
    const head = respond(503, [['content-type', 'text/plain']]);
    assert.deepEqual([head.get('grpc-status'), head.get('content-type')], ['14', binary]);
    assert.equal(answer('upstream ').length, 0);
    assert.deepEqual(
      answer('is\n100% dé', true),
      frame('grpc-status:14\r\ngrpc-message:upstream is%0A100%25 d%C3%A9\r\n'),
    );
    const large = makeCall([['content-type', binary]]);
    large.respond(404, []);
    for (let at = 0; at < 100; at++) assert.equal(large.answer(Buffer.alloc(1000, 'x')).length, 0);
    assert.equal(large.trailers()!.length, frame(`grpc-status:12\r\ngrpc-message:\r\n`).length + 16 * 1024);
    const bare = makeCall([['content-type', binary]]);
    assert.equal(bare.respond(500, [], true).get('grpc-status'), '2');
  });

  test('an upstream that speaks gRPC-Web is left as it is', () => {
    const { respond, answer } = makeCall([['content-type', binary]]);
    assert.equal(respond(200, [['content-type', 'Application/gRPC-web ; x=1']]).get('grpc-status'), undefined);
    assert.equal(answer('abc', true).toString(), 'abc');
  });

  test('refuses what is no base64', () => {
    for (const body of ['AA=A', '====', 'A===', 'AAA*', 'AA\r\n', 'AA==A=AA']) {
      const { exchange, send } = makeCall([['content-type', text]]);
      assert.equal(send(body).length, 0, body);
      const [reply] = exchange.replies;
      assert.deepEqual([reply?.status, reply?.details], [400, 'grpc_base_64_decode_failed'], body);
    }
    for (const body of ['A', 'AAAAA', 'AAAAAAA', 'AA=']) {
      const { exchange, send } = makeCall([['content-type', text]]);
      send(body, true);
      assert.equal(exchange.replies[0]?.details, 'grpc_base_64_decode_failed_bad_size', body);
    }
  });

  test('text survives any cut and any padding', () => {
    const runs = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 6 });
    fc.assert(
      fc.property(runs, fc.array(fc.nat(200), { maxLength: 8 }), (parts, cuts) => {
        const encoded = parts.map((part) => Buffer.from(part).toString('base64')).join('');
        const { send } = makeCall([['content-type', text]]);
        const edges = [0, ...cuts.filter((at) => at < encoded.length).sort((a, b) => a - b), encoded.length];
        const pieces = edges.slice(1).map((edge, at) => send(encoded.slice(edges[at], edge)));
        assert.deepEqual(Buffer.concat(pieces), Buffer.concat(parts));
      }),
    );
  });

  test('other requests are not touched', () => {
    for (const type of ['application/grpc', 'application/grpc-web+json', 'application/json', '']) {
      const { exchange, respond, answer, send, trailers } = makeCall([['content-type', type]]);
      assert.equal(exchange.request.get('content-type'), type);
      assert.equal(exchange.request.get('te'), undefined);
      assert.equal(send('AA*').toString(), 'AA*');
      assert.equal(respond(404, []).get('grpc-status'), undefined);
      assert.equal(answer('x').toString(), 'x');
      assert.equal(trailers(['a', 'b']), undefined);
    }
  });
});
