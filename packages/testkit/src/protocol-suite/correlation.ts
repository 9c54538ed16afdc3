import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomInteger, SeededRandom } from '@sofamesh/base/random';
import { type Bench, settled } from './bench.ts';
import { cut, randomCuts } from './pieces.ts';
import type { ScriptedClient } from './scripted-engine.ts';

/** Every answer reaches the request that it answers, and no other. */
export function correlationTests(bench: Bench): void {
  if (bench.exclusive) exclusiveTests(bench);
  else multiplexedTests(bench);
  const breaks = bench.exclusive || bench.stateful;
  /** An answer to nothing is one too many, or a fault where streams are numbered. */
  const assertNobodys = ({ unsolicited, faults }: ScriptedClient) => {
    if (bench.stateful)
      assert.deepEqual(
        faults.map(({ scope }) => scope),
        ['connection'],
      );
    else assert.equal(unsolicited, 1);
  };

  test('an answer to nothing reaches nobody', () => {
    const client = bench.client();
    client.codec.receive(bench.plain.response(1));
    assertNobodys(client);
    assert.equal(client.streamEnds, 0);
    assert.equal(client.connection.closed !== undefined, breaks);
    assert.equal(client.codec.retired, breaks);
  });

  test('an answer that comes before its request was sent reaches nobody', () => {
    const { call } = bench.call(bench.plain);
    const client = bench.client();
    client.codec.openStream(call);
    client.codec.receive(bench.plain.response(1));
    assertNobodys(client);
    assert.equal(call.response, undefined);
  });

  test('an answer that comes twice is given once', () => {
    const relayed = bench.relay(bench.plain);
    const answer = bench.plain.response(relayed.id);
    relayed.client.codec.receive(Buffer.concat([answer, answer]));
    assertNobodys(relayed.client);
    assert.equal(relayed.client.streamEnds, 1);
    assert.ok(relayed.call.responseEnded);
    assert.equal(relayed.client.connection.closed !== undefined, breaks);
  });

  test('an answer to a call that was given up reaches nobody', () => {
    const { client, call, id } = bench.relay(bench.plain);
    call.upstream!.reset('local-reset');
    assert.equal(client.streamEnds, 1);
    assert.equal(client.codec.activeStreams, 0);
    assert.equal(client.connection.closed !== undefined, bench.exclusive);
    client.codec.receive(bench.plain.response(id));
    if (!bench.exclusive) assert.equal(client.unsolicited, 1);
    assert.equal(call.response, undefined);
    assert.equal(call.responseReset, undefined, 'who gives up is not told so');
  });
}

function multiplexedTests(bench: Bench): void {
  const idsOf = (round: number) => (bench.stateful ? [1, 2, 3, 4].map((id) => round * 4 + id) : [1, 2, 3, 0xffff_ffff]);

  test('calls of many clients with the same ids never cross', () => {
    const random = new SeededRandom(6);
    const client = bench.client();
    const servers = Array.from({ length: 20 }, () => bench.server());
    for (let round = 0; round < 5; round++) {
      const ids = idsOf(round);
      const waiting: { readonly server: number; readonly own: number; readonly upstream: number }[] = [];
      servers.forEach((server, at) => {
        server.onCall = (call) => {
          client.forward(call);
          const own = ids[server.calls.length - 1 - round * ids.length]!;
          waiting.push({ server: at, own, upstream: bench.idOf(client.connection.take()) });
        };
        const bytes = Buffer.concat(ids.map((id) => bench.plain.request(id)));
        for (const piece of cut(bytes, randomCuts(bytes.length, random))) server.codec.receive(piece);
      });
      assert.equal(new Set(waiting.map(({ upstream }) => upstream)).size, servers.length * ids.length);
      while (waiting.length > 0) {
        const [next] = waiting.splice(randomInteger(random, waiting.length), 1);
        client.codec.receive(bench.plain.response(next!.upstream));
        servers.forEach(({ connection }, at) => {
          const answer = connection.take();
          if (at !== next!.server) assert.equal(answer.length, 0);
          else if (bench.sameBytes) assert.deepEqual(answer, bench.plain.response(next!.own));
          else assert.equal(bench.idOf(answer), next!.own);
        });
      }
    }
    assert.equal(client.codec.activeStreams, 0);
    assert.equal(client.unsolicited, 0);
    assert.equal(client.streamEnds, 5 * servers.length * 4);
  });

  if (!bench.stateful)
    test('an answer with an id that only resembles one reaches nobody', () => {
      const { client, call, id } = bench.relay(bench.plain);
      const others = [id + 1, id + 16, id + 1024, id + 0x1_0000, id + 0x8000_0000, 0, 0xffff_ffff];
      for (const other of others) client.codec.receive(bench.plain.response(other));
      assert.equal(client.unsolicited, others.length);
      assert.equal(call.response, undefined);
      assert.equal(client.connection.closed, undefined);
      client.codec.receive(bench.plain.response(id));
      assert.ok(call.responseEnded);
    });

  test('no more streams are offered than the limit allows', () => {
    const client = bench.client({ streamsMax: 2 });
    assert.equal(client.codec.available, 2);
    const first = bench.relay(bench.plain, client);
    bench.relay(bench.plain, client);
    assert.equal(client.codec.available, 0);
    bench.answer(first, bench.plain);
    assert.equal(client.codec.available, 1);
    assert.equal(client.codec.retired, false);
  });
}

function exclusiveTests(bench: Bench): void {
  test('one request at a time, and the next after its answer', () => {
    const client = bench.client();
    assert.equal(client.codec.available, 1);
    for (let round = 0; round < 3; round++) {
      const relayed = bench.relay(bench.plain, client);
      assert.equal(client.codec.available, 0);
      assert.equal(client.codec.activeStreams, 1);
      bench.answer(relayed, bench.plain);
      assert.equal(client.codec.available, 1);
      assert.equal(client.streamEnds, round + 1);
    }
  });

  test('requests that were sent together are answered in order, one at a time', async () => {
    // Of every kind after which the connection goes on, each twice. Nothing waits for a one-way call.
    const kept = bench.messages.filter((sample) => {
      if (sample === bench.fixtures.oneWay) return false;
      const { server, call } = bench.call(sample);
      call.stream.sendReply({ status: 503, body: '', details: '', flags: 0 });
      return server.connection.closed === undefined;
    });
    const requests = [...kept, ...kept].map((sample, at) => sample.request(at + 1));
    assert.ok(requests.length > 2);
    for (const cuts of [[], [7], [40, 41, 90, 200, 300]]) {
      const server = bench.server();
      for (const piece of cut(Buffer.concat(requests), cuts)) server.codec.receive(piece);
      for (let at = 0; at < requests.length; at++) {
        await settled();
        assert.equal(server.calls.length, at + 1, 'a request came before the one before it was answered');
        assert.equal(server.codec.activeStreams, 1);
        assert.equal(server.connection.reading, at === requests.length - 1, 'reading pauses while requests wait');
        const headers = [['x-answer', `${at}`]] as const;
        server.lastCall.stream.sendReply({ status: 503, body: '', details: '', flags: 0, headers });
        const answer = server.connection.take();
        if (bench.streamed) assert.ok(answer.includes(`x-answer: ${at}`));
        else if (bench.fixtures.idOf !== undefined) assert.equal(bench.idOf(answer), at + 1);
        else assert.notEqual(answer.length, 0);
      }
      await settled();
      assert.deepEqual(server.faults, []);
      assert.equal(server.connection.reading, true);
    }
  });
}
