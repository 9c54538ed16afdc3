import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bench, endLike, type Relayed, settled } from './bench.ts';
import { assertRequest, requestTranscript, responseTranscript } from './expectations.ts';
import type { ExchangeSample } from './fixtures.ts';
import { cut } from './pieces.ts';
import { asksForTunnel, type ScriptedCall } from './scripted-engine.ts';

/** What goes on to the other side is what came, but for what belongs to the hop. */
export function relayingTests(bench: Bench): void {
  const { exchanges, oneWay } = bench.fixtures;
  const { sameBytes } = bench;

  for (const sample of oneWay === undefined ? exchanges : [...exchanges, oneWay]) {
    test(`request of "${sample.name}" goes on as it came`, () => {
      const { client, call, sent, id } = bench.relay(sample, bench.client(), 77);
      assert.equal(client.connection.tampered, false);
      if (sameBytes) assert.deepEqual(sent, sample.request(id));
      const next = readRequest(bench, sent);
      assertRequest(next, sample.expectRequest.protocol === undefined ? sample.expectRequest : withoutProtocol(sample));
      assert.deepEqual(requestTranscript(next), requestTranscript(call));
    });
  }

  for (const exchange of exchanges) {
    test(`response of "${exchange.name}" goes back as it came`, () => {
      const relayed = bench.relay(exchange, bench.client(), sameBytes ? 77 : 1);
      const { server, call } = relayed;
      bench.answer(relayed, exchange);
      const back = server.connection.take();
      assert.equal(server.connection.tampered, false);
      assert.deepEqual(server.faults, []);
      if (!asksForTunnel(call.head)) assert.equal(server.codec.activeStreams, 0);
      if (sameBytes) assert.deepEqual(back, exchange.response(77));
      const seen = bench.understood((copy) => {
        // A second proxy's client sees what this one's does; its own id is none of this test's business.
        copy.connection.write(sameBytes ? exchange.response(bench.relay(exchange).id) : back);
        endLike(server, copy);
      }, exchange);
      assert.deepEqual(comparable(seen), comparable(call));
    });

    test(`"${exchange.name}" goes through in pieces`, () => {
      const whole = through(bench, exchange, []);
      for (const cuts of [[1], [9, 17], [20, 21, 40, 60], Array.from({ length: 400 }, (_, at) => at + 1)]) {
        const pieces = through(bench, exchange, cuts);
        assert.deepEqual(requestTranscript(pieces.call), requestTranscript(whole.call));
        assert.deepEqual(responseTranscript(pieces.call), responseTranscript(whole.call));
      }
    });
  }

  test('a head can be sent again, and nothing that was written before changes', () => {
    const { call, client, sent, id } = bench.relay(bench.plain);
    const second = bench.client();
    const again = bench.relay(bench.plain);
    again.call.upstream!.reset('local-reset');
    call.upstream!.reset('local-reset');
    const retry = second.codec.openStream(call);
    call.forward(retry);
    assert.deepEqual(requestTranscript(readRequest(bench, second.connection.take())), requestTranscript(call));
    if (!bench.exclusive) {
      const mirrored = client.codec.openStream(call);
      call.forward(mirrored);
      const bytes = client.connection.take();
      assert.notEqual(bench.idOf(bytes), id, 'two calls with one id');
      if (sameBytes) assert.deepEqual(bytes, bench.plain.request(bench.idOf(bytes)));
    }
    assert.deepEqual(
      requestTranscript(readRequest(bench, sent)),
      requestTranscript(call),
      'the first sending has changed',
    );
  });

  test('the same response can be sent to two clients', () => {
    const relayed = bench.relay(bench.plain);
    bench.answer(relayed, bench.plain);
    const first = relayed.server.connection.writes[0]!;
    const before = Buffer.from(first);
    const other = bench.call(bench.plain, [], sameBytes ? 1234 : 1);
    const { response, responseData } = relayed.call;
    other.call.stream.sendHead(response!, responseData.length === 0);
    responseData.forEach((chunk, at) => {
      other.call.stream.sendData(chunk, at === responseData.length - 1);
    });
    assert.ok(first.equals(before), 'the first sending has changed');
    if (sameBytes) assert.deepEqual(other.server.connection.take(), bench.plain.response(1234));
    else assert.deepEqual(other.server.connection.take(), relayed.server.connection.take());
  });

  const { edits } = bench.fixtures;

  test('edits of headers arrive, and everything else as it was', () => {
    const { call } = bench.call(bench.plain);
    const before = requestTranscript(call);
    call.head.set('x-suite-set', 'one');
    call.head.add('x-suite-added', 'two');
    call.head.set('x-suite-gone', 'three');
    call.head.remove('x-suite-gone');
    const client = bench.client();
    client.forward(call);
    const next = readRequest(bench, client.connection.take());
    const after = requestTranscript(next);
    if (edits?.headers === false) {
      assert.deepEqual(after, before);
      assert.equal(call.head.get('x-suite-added'), 'two', 'filters see them');
      return;
    }
    assert.deepEqual(
      after.headers.filter((line) => !line.startsWith('x-suite')),
      before.headers,
    );
    // In some protocols headers are a part of the body.
    const rest = bench.streamed ? { headers: [] } : { headers: [], body: '' };
    assert.deepEqual({ ...after, ...rest }, { ...before, ...rest });
    assert.equal(next.head.get('x-suite-set'), 'one');
    assert.equal(next.head.get('x-suite-added'), 'two');
    assert.equal(next.head.get('x-suite-gone'), undefined);
  });

  test('a call with another authority and path arrives with them', () => {
    const { call } = bench.call(bench.plain);
    const { authority = call.head.authority, path = call.head.path } = edits ?? {
      authority: 'other.example.Service',
      path: '/otherMethod',
    };
    call.head.authority = authority;
    call.head.path = path;
    const client = bench.client();
    client.forward(call);
    const next = readRequest(bench, client.connection.take());
    assert.equal(next.head.authority, authority);
    assert.equal(next.head.path, path);
    assert.deepEqual(next.requestBody.length > 0, call.requestBody.length > 0);
  });

  test('one connection carries one exchange after the other', async () => {
    const server = bench.server();
    const client = bench.client();
    for (let round = 0; round < 5; round++) {
      server.onCall = (call) => client.forward(call);
      server.codec.receive(bench.plain.request(50 + round));
      const sent = client.connection.take();
      client.codec.receive(bench.plain.response(bench.idOf(sent)));
      await settled();
      const back = server.connection.take();
      assert.ok(server.calls[round]!.responseEnded);
      if (sameBytes) assert.deepEqual(back, bench.plain.response(50 + round));
      else assert.notEqual(back.length, 0);
    }
    assert.deepEqual([server.codec.activeStreams, client.codec.activeStreams, client.streamEnds], [0, 0, 5]);
    assert.deepEqual([server.connection.closed, client.connection.closed], [undefined, undefined]);
  });
}

function readRequest(bench: Bench, bytes: Buffer): ScriptedCall {
  const server = bench.server();
  server.codec.receive(Buffer.from(bytes));
  assert.deepEqual(server.faults, []);
  return server.lastCall;
}

function through(bench: Bench, exchange: ExchangeSample, cuts: readonly number[]): Relayed {
  const server = bench.server();
  const client = bench.client();
  server.onCall = (call) => client.forward(call);
  for (const piece of cut(exchange.request(1), cuts)) server.codec.receive(piece);
  const sent = client.connection.take();
  const relayed = { server, client, call: server.lastCall, sent, id: bench.idOf(sent) };
  bench.answer(relayed, exchange, cuts);
  return relayed;
}

/** Interim responses that a codec answers by itself are not the same on both sides. */
function comparable(call: ScriptedCall) {
  return { ...responseTranscript(call), informational: call.informational.filter((status) => status !== 100) };
}

function withoutProtocol({ expectRequest }: { expectRequest: ExchangeSample['expectRequest'] }) {
  const { protocol: _, ...rest } = expectRequest;
  return rest;
}
