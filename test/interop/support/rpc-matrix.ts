import assert from 'node:assert/strict';
import { test } from 'node:test';
import { needsMosn } from './proxy.ts';
import { hasteMs, patienceMs, type RpcClient } from './rpc-programs.ts';
import { type RpcCaller, type RpcWorld, slug, type Way } from './rpc-world.ts';

const bigText = 300_000;

export const labelOf = ({ client, style }: RpcCaller) => (style ? `${client} (${style})` : client);

/**
 * Every caller calls every endpoint that it can on every way: values, the application's own error, one-way calls, what calls
 * and answers carry beside the values, streams, the client's own timeout. Errors have to read as they do face to face.
 */
export function rpcMatrix(world: RpcWorld): void {
  const faceToFace = new Map<string, string>();

  for (const way of world.spec.ways) {
    const skip = way.startsWith('HTTP/2') ? needsMosn : false;
    for (const caller of world.spec.callers)
      for (const endpoint of caller.to) {
        if (world.endpoint(endpoint).http && way.startsWith('HTTP/2')) continue;
        test(`${way}: ${labelOf(caller)} → ${endpoint}`, { skip }, async () => {
          const client = world.client(caller, way, endpoint);
          if (caller.streams) return streams(client);
          assert.equal(await client.get('echo', 'Grüße'), 'Grüße');
          assert.equal(await client.get('who'), world.endpoint(endpoint).server);
          assert.equal(await client.get('delay', 'later', 20), 'later');
          assert.equal(await client.get('big', bigText), String(bigText));
          assert.equal(await client.get('many', `${labelOf(caller)}-${way}`, 60, 8), '60');

          const refused = await client.failure('fail', 'out of stock');
          assert.ok(refused.ms < patienceMs / 2, `took ${refused.ms} ms: ${refused.error}`);
          const key = `${labelOf(caller)} ${endpoint}`;
          const expected = faceToFace.get(key) ?? plain(refused.error);
          faceToFace.set(key, expected);
          assert.equal(plain(refused.error), expected);

          if (caller.context?.includes(endpoint)) {
            assert.equal(await client.get('contextWith', 'tenant', 'beta'), 'beta');
            assert.equal(await client.get('contextWith', 'tenant', 'alpha'), 'alpha');
          }
          if (caller.answers?.includes(endpoint))
            assert.equal(await client.get('answerWith', 'tenant', 'gamma'), 'gamma');
          await oneWay(client, `${way}-${labelOf(caller)}`.replaceAll(/\W+/g, '-'));
          assert.equal(await client.get('echo', 'still here'), 'still here');
        });
      }

    test(`${way}: the clients' own timeouts`, { skip }, async () => {
      const hasty = world.spec.callers.filter(
        ({ hasty, to }) => hasty && !(world.endpoint(to[0]!).http && way.startsWith('HTTP/2')),
      );
      await Promise.all(
        hasty.map(async (caller) => {
          const client = world.client(caller, way, caller.to[0]!);
          const { error, ms } = await client.failure('hastyDelay', 'late', hasteMs + 800);
          assert.ok(ms >= hasteMs - 100 && ms < patienceMs / 2, `${labelOf(caller)} took ${ms} ms: ${error}`);
          // The late answer reaches nobody.
          assert.equal(await client.get('delay', 'next', 900), 'next');
          assert.equal(await client.get('many', 'after-timeout', 60, 8), '60');
        }),
      );
      if (way !== 'face to face' && !needsMosn) await assertWay(world, way);
    });
  }
}

/** What tells one way from another, as the near proxy counts it. */
async function assertWay(world: RpcWorld, way: Way): Promise<void> {
  const counted = (statistic: string) => world.near.stat(new RegExp(`^cluster\\.${slug(way)}-[\\w-]+\\.${statistic}$`));
  if (way.startsWith('HTTP/2')) assert.ok((await counted('upstream_cx_http2_total')) > 0);
  if (way.endsWith('mTLS')) assert.ok((await counted('ssl\\.handshake')) > 0);
}

/** Tokens sent arrive once each; whatever a server answers to a call that wants no answer reaches nobody. */
async function oneWay(client: RpcClient, prefix: string): Promise<void> {
  const taken = async (start: string) => {
    const notes = (await client.get('notes')).replace(/[[\] ]/g, '').split(',');
    return notes.filter((note) => note.startsWith(start));
  };
  // SOFARPC loses the very first one-way call that is made with protobuf.
  await client.until('a first token taken', async () => {
    await client.get('note', `first-${prefix}.`);
    return (await taken(`first-${prefix}.`)).length > 0;
  });

  const tokens = Array.from({ length: 10 }, (_, i) => `${prefix}.${i}`);
  for (const token of tokens) await client.get('note', token);
  await client.until('all tokens taken', async () => (await taken(`${prefix}.`)).length >= tokens.length);
  assert.deepEqual((await taken(`${prefix}.`)).sort(), tokens.sort());
}

async function streams(client: RpcClient): Promise<void> {
  assert.equal(await client.get('repeat', 'a', 5), 'a0,a1,a2,a3,a4');
  assert.equal((await client.get('repeat', 'many', 500)).split(',').length, 500);
  assert.equal(await client.get('join', 'a,b,c'), 'a+b+c');
  assert.equal(await client.get('echoEach', 'a,b,c'), 'a,b,c');
  const { error } = await client.failure('echoEach', 'a,fail');
  assert.match(error, /told to fail|UNKNOWN|INTERNAL/);
  assert.equal(await client.get('echoEach', 'next'), 'next');
}

/** An error without what differs from call to call: addresses, ids, times, stack traces. */
function plain(error: string): string {
  const [first = ''] = error.split('\n');
  return first.replaceAll(/\d+/g, 'N').trim();
}
