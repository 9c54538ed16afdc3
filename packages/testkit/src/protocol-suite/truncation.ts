import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bench, endLike } from './bench.ts';

/** A message that is cut short is never one that looks complete, on neither side. */
export function truncationTests(bench: Bench): void {
  for (const sample of bench.messages) {
    test(`request of "${sample.name}", cut short anywhere, never looks complete`, () => {
      const whole = sample.request(1);
      for (let end = 1; end < whole.length; end++) {
        const server = bench.server();
        server.codec.receive(Buffer.from(whole.subarray(0, end)));
        assert.ok(server.codec.heldBytes <= end, `holds more than the ${end} bytes that came`);
        const [call] = server.calls;
        assert.ok(!(call?.requestEnded ?? false), `complete after ${end} of ${whole.length} bytes`);
        server.codec.receiveEnd();
        assert.ok(!(call?.requestEnded ?? false), `complete at an end after ${end} bytes`);
        if (call !== undefined) assert.equal(call.requestReset, 'connection-termination');
        assert.notEqual(server.connection.closed, undefined, `open after an end at ${end}`);
        assert.equal(server.codec.activeStreams, 0);
        assert.equal(server.calls.length, call === undefined ? 0 : 1);
      }
    });
  }

  for (const exchange of bench.fixtures.exchanges) {
    test(`response of "${exchange.name}", cut short anywhere, never looks complete`, () => {
      const { length } = exchange.response(bench.relay(exchange).id);
      // An answer that ends with its connection is broken by a reset only; cut anywhere, its last byte included.
      const untilClose = exchange.endsWithConnection ?? false;
      for (let end = 0; end < (untilClose ? length + 1 : length); end++) {
        for (const ending of untilClose ? (['lost'] as const) : (['ended', 'lost'] as const)) {
          const relayed = bench.relay(exchange);
          const { client, call, server, id } = relayed;
          client.codec.receive(Buffer.from(exchange.response(id).subarray(0, end)));
          assert.ok(!call.responseEnded, `complete after ${end} of ${length} bytes`);
          if (ending === 'ended') {
            client.codec.receiveEnd();
            assert.notEqual(call.responseReset, undefined, `not reset at an end after ${end} bytes`);
            assert.notEqual(client.connection.closed, undefined, `open after an end at ${end}`);
          }
          client.codec.connectionClosed({ kind: 'reset', reason: 'ECONNRESET' });
          assert.ok(!call.responseEnded, `complete when ${ending} after ${end} bytes`);
          assert.notEqual(call.responseReset, undefined, `not reset when ${ending} after ${end} bytes`);
          assert.equal(client.streamEnds, 1);
          assert.equal(client.codec.activeStreams, 0);
          assert.equal(client.codec.retired, true);
          if (call.response === undefined) continue;
          // The engine can only break what it has begun; a client must see that.
          call.stream.reset(call.responseReset!);
          const seen = bench.understood((copy) => {
            copy.connection.write(server.connection.take());
            endLike(server, copy);
          }, exchange);
          assert.ok(!seen.responseEnded, `the client sees a complete answer after ${end} of ${length} bytes`);
          assert.notEqual(seen.responseReset, undefined);
        }
      }
    });
  }
}
