import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '@sofamesh/base/random';
import type { Bench } from './bench.ts';
import { assertRequest, assertResponse, requestTranscript, responseTranscript } from './expectations.ts';
import { waysToCut } from './pieces.ts';

/** The samples mean what the fixtures say, in whatever pieces they arrive. */
export function decodingTests(bench: Bench): void {
  const { exchanges, oneWay } = bench.fixtures;

  for (const sample of oneWay === undefined ? exchanges : [...exchanges, oneWay]) {
    test(`request of "${sample.name}" is read, however it is cut`, () => {
      const { server, call } = bench.call(sample);
      assertRequest(call, sample.expectRequest);
      assert.deepEqual(server.faults, []);
      assert.equal(server.codec.heldBytes, 0, 'held bytes behind a whole message');
      assert.equal(server.codec.activeStreams, call.head.oneWay ? 0 : 1);
      assert.equal(server.connection.closed, undefined);
      const expected = requestTranscript(call);
      for (const cuts of waysToCut(sample.request(1).length, new SeededRandom(1))) {
        const again = bench.call(sample, cuts);
        assert.deepEqual(requestTranscript(again.call), expected, `cut at ${cuts}`);
        assert.equal(again.server.calls.length, 1);
        assert.deepEqual(again.server.faults, []);
      }
    });
  }

  for (const exchange of exchanges) {
    test(`response of "${exchange.name}" is read, however it is cut`, () => {
      const read = (cuts: readonly number[]) => {
        const relayed = bench.relay(exchange);
        relayed.call.relays = false;
        bench.answer(relayed, exchange, cuts);
        assert.deepEqual(relayed.client.faults, []);
        assert.equal(relayed.client.unsolicited, 0);
        return relayed;
      };
      const { client, call, id } = read([]);
      assertResponse(call, exchange.expectResponse);
      assert.equal(client.codec.heldBytes, 0);
      assert.equal(client.codec.activeStreams, 0);
      assert.equal(client.streamEnds, 1);
      const retires = exchange.retires ?? exchange.endsWithConnection ?? false;
      assert.equal(client.codec.retired, retires, 'retired');
      assert.equal(client.codec.available > 0, !retires, 'available');
      const expected = responseTranscript(call);
      for (const cuts of waysToCut(exchange.response(id).length, new SeededRandom(2))) {
        assert.deepEqual(responseTranscript(read(cuts).call), expected, `cut at ${cuts}`);
      }
    });
  }

  test('a head can be asked for the same things twice', () => {
    const { call } = bench.call(bench.plain);
    assert.deepEqual(requestTranscript(call), requestTranscript(call));
    assert.equal(call.head.get('no-such-header'), undefined);
    assert.deepEqual(call.head.getAll('no-such-header'), []);
    call.head.visit((name) => assert.equal(name, name.toLowerCase()));
  });
}
