import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bench } from './bench.ts';
import type { HeartbeatSample } from './fixtures.ts';
import { cut } from './pieces.ts';

/** Heartbeats are the codecs' own business: answered where they arrive, never seen by the engine. */
export function heartbeatTests(bench: Bench, sample: HeartbeatSample | undefined): void {
  if (sample === undefined || sample.fromClient === false) {
    test('has no heartbeat to send', () => {
      const client = bench.client();
      assert.equal(client.codec.sendHeartbeat(), false);
      assert.equal(client.connection.take().length, 0);
    });
  }
  if (sample === undefined) return;

  test('a heartbeat of a client is answered, between calls and in pieces', () => {
    const bytes = Buffer.concat([sample.request(5), bench.plain.request(6), sample.request(7)]);
    for (let at = 0; at < bytes.length; at++) {
      const server = bench.server();
      for (const piece of cut(bytes, [at])) server.codec.receive(piece);
      const answers = server.connection.take();
      if (sample.anyAnswer) assert.notEqual(answers.length, 0);
      else assert.deepEqual(answers, Buffer.concat([sample.response(5), sample.response(7)]));
      assert.equal(server.heartbeats, 2);
      assert.equal(server.calls.length, 1);
      assert.equal(server.codec.activeStreams, 1);
    }
  });

  if (sample.fromServer ?? true) {
    test('a heartbeat of a server is answered', () => {
      const { client, call, id } = bench.relay(bench.plain);
      client.codec.receive(Buffer.concat([sample.request(id), bench.plain.response(id)]));
      if (sample.anyAnswer) assert.notEqual(client.connection.take().length, 0);
      else assert.deepEqual(client.connection.take(), sample.response(id));
      assert.equal(client.unsolicited, 0);
      assert.ok(call.responseEnded, 'a heartbeat with the id of a call is not its answer');
    });
  }

  if (sample.fromClient ?? true) {
    test('asks for a heartbeat and notices the answer', () => {
      const { client, call, id } = bench.relay(bench.plain);
      assert.equal(client.codec.sendHeartbeat(), true);
      const asked = client.connection.take();
      assert.notEqual(bench.idOf(asked), id, 'a heartbeat with the id of a call');
      client.codec.receive(sample.response(bench.idOf(asked)));
      assert.equal(client.heartbeatReplies, 1);
      assert.equal(call.response, undefined);
      client.codec.receive(sample.response(bench.idOf(asked)));
      assert.deepEqual([client.heartbeatReplies, client.unsolicited], [1, 1]);
      client.codec.connectionClosed({ kind: 'closed', reason: '' });
      assert.equal(client.codec.sendHeartbeat(), false);
    });
  }
}
