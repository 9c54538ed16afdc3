import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Random, randomInteger, SeededRandom } from '@sofamesh/base/random';
import { type Bench, settled } from './bench.ts';
import { requestTranscript, responseTranscript } from './expectations.ts';
import { corrupted, cut, randomCuts } from './pieces.ts';
import type { ScriptedCall, ScriptedClient, ScriptedServer } from './scripted-engine.ts';

const rounds = 1500;

/** Whatever arrives: no throw, nothing kept beyond what came, nothing left behind at the end. */
export function corruptionTests(bench: Bench): void {
  const { exchanges } = bench.fixtures;

  test('corrupt requests do no harm', async () => {
    const random = new SeededRandom(3);
    for (let round = 0; round < rounds; round++) {
      const first = exchanges[randomInteger(random, exchanges.length)]!;
      const bytes = corrupted(Buffer.concat([first.request(1), bench.plain.request(2)]), random);
      const server = bench.server();
      const client = bench.client();
      server.onCall = (call) => use(call, client);
      feed(server, bytes, random);
      for (const call of server.calls) call.stream.sendReply({ status: 503, body: 'no', details: '', flags: 0 });
      // Requests that waited for an answer to the one before come now.
      if (round % 10 === 0) await settled();
      end(server);
      client.codec.connectionClosed({ kind: 'closed', reason: '' });
    }
  });

  test('corrupt responses do no harm', () => {
    const random = new SeededRandom(4);
    for (let round = 0; round < rounds; round++) {
      const exchange = exchanges[randomInteger(random, exchanges.length)]!;
      const { client, call, id } = bench.relay(exchange);
      feed(client, corrupted(exchange.response(id), random), random);
      responseTranscript(call);
      end(client);
      assert.ok(call.responseEnded || call.responseReset !== undefined, 'a call was forgotten');
      assert.equal(client.streamEnds, 1);
      assert.equal(client.codec.available, 0);
      assert.equal(client.codec.retired, true);
    }
  });

  test('random bytes do no harm', () => {
    const random = new SeededRandom(5);
    for (let round = 0; round < rounds; round++) {
      const bytes = Buffer.allocUnsafe(randomInteger(random, 200) + 1);
      for (let at = 0; at < bytes.length; at++) bytes[at] = randomInteger(random, 256);
      const server = bench.server();
      feed(server, bytes, random);
      end(server);
      const { client } = bench.relay(bench.plain);
      feed(client, bytes, random);
      end(client);
    }
  });

  test('nothing is done with what follows a fault of the connection', () => {
    for (const { side, bytes, scope, closes } of bench.fixtures.refused) {
      if (side !== 'server' || !(closes ?? (scope ?? 'connection') === 'connection')) continue;
      const server = bench.server();
      server.codec.receive(bytes(1));
      server.connection.take();
      const { faults, calls } = server;
      const before = [faults.length, calls.length];
      server.codec.receive(bench.plain.request(2));
      server.codec.receiveEnd();
      server.codec.connectionClosed({ kind: 'closed', reason: '' });
      assert.deepEqual([faults.length, calls.length], before);
      assert.equal(server.connection.take().length, 0);
    }
  });
}

function feed(side: ScriptedServer | ScriptedClient, bytes: Buffer, random: Random): void {
  for (const piece of cut(bytes, randomCuts(bytes.length, random))) side.codec.receive(piece);
  assert.ok(side.codec.heldBytes <= bytes.length, 'more is held than came');
  if (side.faults.some(({ scope }) => scope === 'connection')) assert.notEqual(side.connection.closed, undefined);
}

function end(side: ScriptedServer | ScriptedClient): void {
  side.codec.receiveEnd();
  side.codec.connectionClosed({ kind: 'reset', reason: 'ECONNRESET' });
  assert.equal(side.codec.activeStreams, 0);
  assert.equal(side.connection.tampered, false);
}

/** Everything that a route, a filter or a log may do. */
function use(call: ScriptedCall, client: ScriptedClient): void {
  requestTranscript(call);
  assert.ok(call.head.timeoutMs >= 0);
  call.head.set('x-edit', 'yes');
  assert.equal(typeof call.head.get('x-edit'), 'string');
  if (client.codec.available > 0) client.forward(call);
}
