import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExchangeSample, ProtocolFixtures } from './fixtures.ts';
import { madeOnce } from './made-once.ts';

test('samples are the same bytes, in memory of their own, built once for an id', () => {
  const built: string[] = [];
  const message = (what: string) => {
    built.push(what);
    return Buffer.from(what);
  };
  const exchange: ExchangeSample = {
    name: 'a call',
    request: (id) => message(`request ${id}`),
    response: (id) => message(`response ${id}`),
    expectRequest: {},
    expectResponse: {},
  };
  const opening = { fromClient: () => message('client'), fromServer: () => message('server') };
  const rest = { messages: 'whole', localReplies: [], refused: [] } as const;
  const fixtures: ProtocolFixtures = { ...rest, exchanges: [exchange], oneWay: exchange, opening };
  const { exchanges, oneWay, opening: opens, ...others } = madeOnce(fixtures);
  const [sample] = exchanges;
  for (let round = 0; round < 3; round++) {
    for (const [what, make] of [
      ['request 1', () => sample!.request(1)],
      ['request 2', () => sample!.request(2)],
      ['response 1', () => sample!.response(1)],
      ['request 1', () => oneWay!.request(1)],
      ['client', () => opens!.fromClient()],
      ['server', () => opens!.fromServer()],
    ] as const) {
      const bytes = make();
      assert.equal(bytes.toString(), what);
      // What a codec does to its bytes is not seen by the next one.
      bytes.fill(0);
    }
  }
  assert.deepEqual(built, ['request 1', 'request 2', 'response 1', 'request 1', 'client', 'server']);
  for (let id = 100; id < 200; id++) assert.equal(sample!.request(id).toString(), `request ${id}`);
  assert.deepEqual(others, rest);
  assert.equal(sample!.expectRequest, exchange.expectRequest);
});
