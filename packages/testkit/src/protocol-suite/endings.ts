import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResetReason } from '@sofamesh/contract/message';
import type { CloseCause } from '@sofamesh/contract/transport';
import type { Bench } from './bench.ts';

const causes: Readonly<Record<CloseCause['kind'], ResetReason>> = {
  closed: 'connection-termination',
  reset: 'connection-termination',
  'connect-failed': 'connection-failure',
  'connect-timeout': 'connection-timeout',
  'tls-failed': 'connection-failure',
};

/** Resets and lost connections: every open request is told once, and nothing happens after that. */
export function endingTests(bench: Bench): void {
  test('a client that is lost resets its requests, once', () => {
    const { server, call } = bench.call(bench.plain);
    server.codec.connectionClosed({ kind: 'reset', reason: 'ECONNRESET' });
    assert.equal(call.requestReset, 'connection-termination');
    assert.equal(server.codec.activeStreams, 0);
    call.stream.reset('local-reset');
    call.stream.sendReply({ status: 503, body: '', details: '', flags: 0 });
    server.codec.connectionWritable();
    server.codec.receive(bench.plain.request(2));
    server.codec.receiveEnd();
    server.codec.goAway();
    assert.equal(server.connection.take().length, 0);
    assert.equal(server.calls.length, 1);
    assert.equal(call.writableCalls, 0);
  });

  for (const [kind, reason] of Object.entries(causes) as [CloseCause['kind'], ResetReason][]) {
    test(`an upstream connection that is ${kind} resets its requests with ${reason}, once`, () => {
      const { client, call, id } = bench.relay(bench.plain);
      client.codec.connectionClosed({ kind, reason: '' });
      assert.equal(call.responseReset, reason);
      assert.deepEqual([client.codec.available, client.codec.retired, client.codec.activeStreams], [0, true, 0]);
      assert.equal(client.streamEnds, 1);
      client.codec.receive(bench.plain.response(id));
      client.codec.receiveEnd();
      client.codec.connectionWritable();
      call.upstream!.reset('local-reset');
      call.upstream!.sendData(Buffer.from('late'), true);
      assert.equal(client.connection.take().length, 0);
      assert.deepEqual([client.streamEnds, client.unsolicited, call.writableCalls], [1, 0, 0]);
    });
  }

  test('an idle upstream connection that ends can be used no more', () => {
    const client = bench.client();
    assert.equal(client.codec.retired, false);
    client.codec.receiveEnd();
    client.codec.connectionClosed({ kind: 'closed', reason: '' });
    assert.deepEqual([client.codec.available, client.codec.retired], [0, true]);
    assert.deepEqual(client.faults, []);
    assert.equal(client.streamEnds, 0);
  });

  test('a request that is given up upstream is forgotten, once', () => {
    const { client, call } = bench.relay(bench.plain);
    call.upstream!.reset('local-reset');
    call.upstream!.reset('local-reset');
    assert.deepEqual([client.streamEnds, client.codec.activeStreams], [1, 0]);
    assert.equal(client.codec.retired, bench.exclusive);
    client.codec.connectionClosed({ kind: 'closed', reason: '' });
    assert.equal(client.streamEnds, 1);
    assert.equal(call.responseReset, undefined);
  });

  test('a request that is given up before it was sent costs nothing', () => {
    const { call } = bench.call(bench.plain);
    const client = bench.client();
    const stream = client.codec.openStream(call);
    stream.reset('local-reset');
    stream.sendHead(call.head, true);
    assert.equal(client.connection.take().length, 0);
    assert.deepEqual([client.streamEnds, client.codec.activeStreams], [1, 0]);
  });

  test('a response that is broken off is visibly broken', () => {
    const seen = bench.understood((server, id) => {
      server.codec.receive(bench.plain.request(id));
      server.lastCall.stream.reset('connection-termination');
      assert.equal(server.codec.activeStreams, 0);
    });
    if (bench.streamed) assert.notEqual(seen.responseReset, undefined);
    else assert.ok(seen.response!.status >= 400, 'a native error');
  });

  test('an end of the client between requests ends the connection', () => {
    const server = bench.server();
    server.codec.receiveEnd();
    assert.equal(server.connection.closed, 'flush');
    assert.deepEqual(server.faults, []);
  });
}
