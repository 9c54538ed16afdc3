import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bench, settled } from './bench.ts';
import { assertResponse } from './expectations.ts';

/** Answers of the proxy itself, as a client of the protocol understands them. */
export function localReplyTests(bench: Bench): void {
  const { localReplies } = bench.fixtures;
  assert.ok(localReplies.length > 0, 'no local reply in the fixtures');

  for (const { reply, expectResponse } of localReplies) {
    test(`reply ${reply.status} (${reply.details}) is understood`, async () => {
      const seen = bench.understood((server, id) => {
        server.codec.receive(bench.plain.request(id));
        const { stream } = server.lastCall;
        stream.sendReply(reply);
        const { bytesSent } = server.connection;
        stream.sendReply(reply);
        stream.reset('local-reset');
        assert.equal(server.connection.bytesSent, bytesSent, 'a second reply');
        assert.equal(server.codec.activeStreams, 0);
      });
      assertResponse(seen, expectResponse);
    });
  }

  test('the connection serves on after a reply', async () => {
    const server = bench.server();
    for (const id of [8, 9]) {
      server.codec.receive(bench.plain.request(id));
      server.lastCall.stream.sendReply(localReplies[0]!.reply);
      await settled();
    }
    assert.equal(server.calls.length, 2);
    assert.equal(server.connection.closed, undefined);
    assert.deepEqual(server.faults, []);
  });

  test('no reply follows a response that has begun', () => {
    const relayed = bench.relay(bench.plain);
    bench.answer(relayed, bench.plain);
    relayed.server.connection.take();
    relayed.call.stream.sendReply(localReplies[0]!.reply);
    assert.equal(relayed.server.connection.take().length, 0);
  });

  test('no reply goes to a client that has left', () => {
    const { server, call } = bench.call(bench.plain);
    server.codec.connectionClosed({ kind: 'reset', reason: 'ECONNRESET' });
    call.stream.sendReply(localReplies[0]!.reply);
    assert.equal(server.connection.take().length, 0);
  });
}
