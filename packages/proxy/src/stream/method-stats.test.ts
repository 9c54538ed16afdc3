import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chain, clusterConfig, forward, inline, listenerConfig, route, rpcProxy } from '../test-support/configs.ts';
import { EngineWorld } from '../test-support/engine-world.ts';

async function counting() {
  const world = new EngineWorld();
  await world.upstream(1, (line, peer) => {
    const [id, verb = '', , , path] = line.split(' ');
    if (verb === 'CALL.') peer.send(`${id} BACK. ${path?.endsWith('fails') ? 500 : 200}`);
  });
  const proxy = rpcProxy(inline([route(forward('shop'))]), { methodStats: true });
  await world.apply({ clusters: [clusterConfig('shop', [1])], listeners: [listenerConfig([chain(proxy)])] });
  const client = await world.client();
  const count = (name: string) => world.stats.value(`http.in.rpc.${name}`);
  return { world, client, count };
}

describe('metrics by method', () => {
  test('count calls, failures and one-way calls of each interface and method', async () => {
    const { world, client, count } = await counting();
    client.send('1 CALL. POST shop.Books /get', '2 CALL. POST shop.Books /get', '3 CALL. POST shop.Books /fails');
    client.send('4 TELL. POST shop.Books /note', '5 CALL. POST shop.Carts /get');
    await world.settle();
    assert.deepEqual(
      ['Books.get', 'Books.fails', 'Books.note', 'Carts.get'].map((method) => count(`shop.${method}.total`)),
      [2, 1, 1, 1],
    );
    assert.deepEqual([count('shop.Books.fails.failure'), count('shop.Books.get.failure')], [1, 0]);
    assert.deepEqual([count('shop.Books.note.one_way'), count('shop.Books.note.failure')], [1, 0]);
  });

  test('take no names that are none, and no more than the limit', async () => {
    const { world, client, count } = await counting();
    const names = Array.from({ length: 1001 }, (_, at) => `${at + 10} CALL. POST shop.Books /m${at}`);
    client.send('1 CALL. POST shop%20x /get', '2 CALL. POST shop.Books /a%20b', `3 CALL. POST ${'x'.repeat(300)} /get`);
    client.send(...names);
    await world.settle();
    assert.equal(count('methods_overflow'), 1);
    assert.equal(count('shop.Books.m999.total'), 1);
    assert.equal(count('shop x.get.total'), undefined);
  });
});
