import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bench, settled } from './bench.ts';
import { requestTranscript } from './expectations.ts';

/** A connection that moves to another process takes along exactly the bytes that were not used. */
export function detachingTests(bench: Bench): void {
  if (bench.stateful) {
    test('a connection with a state of its own does not leave', () => {
      const server = bench.server();
      assert.equal(server.codec.detach(), undefined);
      assert.equal(bench.client().codec.detach(), undefined);
      server.codec.receive(bench.plain.request(1));
      assert.equal(server.calls.length, 1, 'it serves on');
    });
    return;
  }
  test('a connection between messages leaves with the bytes that were not used', async () => {
    const request = bench.plain.request(3);
    const expected = requestTranscript(bench.call(bench.plain, [], 3).call);
    for (let end = 0; end < request.length; end++) {
      const server = bench.server();
      server.codec.receive(bench.plain.request(2));
      assert.equal(server.codec.detach(), undefined, 'a request is open');
      server.lastCall.stream.sendReply({ status: 503, body: 'no', details: '', flags: 0 });
      await (bench.exclusive ? settled() : undefined);
      server.codec.receive(Buffer.from(request.subarray(0, end)));
      if (server.calls.length > 1) break;
      const rest = server.codec.detach();
      assert.deepEqual(rest, request.subarray(0, end), `after ${end} bytes`);
      server.codec.receive(Buffer.from(request.subarray(end)));
      server.codec.receiveEnd();
      assert.equal(server.calls.length, 1, 'a detached codec reads on');
      assert.equal(server.connection.closed, undefined, 'a detached codec closes');
      assert.equal(server.codec.detach(), undefined);
      const next = bench.server();
      next.codec.receive(rest!);
      next.codec.receive(Buffer.from(request.subarray(end)));
      assert.deepEqual(requestTranscript(next.lastCall), expected);
    }
  });

  test('an upstream connection leaves when no request is open', () => {
    const relayed = bench.relay(bench.plain);
    const { client } = relayed;
    assert.equal(client.codec.detach(), undefined);
    bench.answer(relayed, bench.plain);
    assert.deepEqual(client.codec.detach(), Buffer.alloc(0));
    assert.equal(client.codec.available, 0);
    client.codec.receive(bench.plain.response(relayed.id));
    assert.deepEqual([client.unsolicited, client.connection.closed], [0, undefined]);
  });
}
