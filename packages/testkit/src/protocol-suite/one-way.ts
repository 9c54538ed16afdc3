import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bench } from './bench.ts';
import type { RequestSample } from './fixtures.ts';

/** Calls that want no answer leave nothing behind, and nothing that is sent back reaches the client. */
export function oneWayTests(bench: Bench, sample: RequestSample): void {
  test('a one-way call is sent on and forgotten', () => {
    const relayed = bench.relay(sample);
    const { server, client, call } = relayed;
    assert.equal(call.head.oneWay, true);
    assert.notEqual(relayed.sent.length, 0);
    assert.deepEqual([server.codec.activeStreams, client.codec.activeStreams, client.streamEnds], [0, 0, 1]);
    assert.ok(client.codec.available > 0);
    assert.equal(call.responseReset, undefined);
  });

  test('an answer to a one-way call reaches nobody', () => {
    const { server, client, call, id } = bench.relay(sample);
    client.codec.receive(bench.plain.response(id));
    assert.equal(client.unsolicited, 1);
    call.stream.sendReply({ status: 503, body: 'no', details: '', flags: 0 });
    call.stream.reset('connection-failure');
    assert.equal(server.connection.take().length, 0);
    assert.equal(server.connection.closed, undefined);
  });

  test('a one-way call is carried out though its client leaves', () => {
    const { server, call } = bench.call(sample);
    server.codec.connectionClosed({ kind: 'closed', reason: '' });
    assert.equal(call.requestReset, undefined);
    const client = bench.client();
    client.forward(call);
    assert.notEqual(client.connection.take().length, 0);
  });
}
