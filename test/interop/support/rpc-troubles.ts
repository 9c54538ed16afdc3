import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { needsMosn } from './proxy.ts';
import { labelOf } from './rpc-matrix.ts';
import { patienceMs, startServer } from './rpc-programs.ts';
import type { RpcCaller, RpcWorld } from './rpc-world.ts';

const bigText = 1024 * 1024;

/** What a library says when the proxy answers in the server's place. */
export interface TroubleWords {
  noRoute: RegExp;
  noHost: RegExp;
  /** Hosts are there, and none can be connected to. */
  unreachable: RegExp;
  timeout: RegExp;
  /** A fault filter says 503. */
  aborted: RegExp;
  /** A fault filter says 403, as what refuses a call would. */
  forbidden: RegExp;
  /** More calls at once than the circuit breaker lets through; not given where a client makes one call at a time. */
  overflow?: RegExp;
}

/** One caller in trouble with one endpoint. */
export interface TroubleCase {
  caller: RpcCaller;
  endpoint: string;
  words: TroubleWords;
  /** The server that is killed and started again; the endpoint's own when not given. */
  mortal?: string;
}

/** What goes wrong costs a client errors in its own words, in time, and never its connection. */
export function rpcTroubles(world: RpcWorld, cases: readonly TroubleCase[]): void {
  for (const { caller, endpoint, words, mortal } of cases) {
    const label = `${labelOf(caller)} → ${endpoint}`;
    const expectations: [string, string, RegExp, string][] = [
      ['no route', 'unrouted', words.noRoute, 'NR'],
      ['no host', 'empty', words.noHost, 'UH'],
      ['a dead host', 'dead', words.unreachable, 'UF'],
      ['an abort', 'aborting', words.aborted, 'FI'],
      ['a call that is forbidden', 'forbidding', words.forbidden, 'FI'],
    ];
    for (const [trouble, prefix, expected, flag] of expectations)
      test(`${trouble}: ${label}`, { skip: needsMosn }, async () => {
        const listener = `${prefix}-${endpoint}`;
        const client = world.through(caller, listener);
        const first = await client.failure('echo', 'anybody?');
        const again = await client.failure('who');
        for (const { error, ms } of [first, again]) {
          assert.match(error, expected);
          assert.ok(ms < patienceMs / 2, `took ${ms} ms: ${error}`);
        }
        assert.equal(await world.near.connectionsEnded(listener), 0, 'a client lost its connection');
        await world.near.logged(flag, (line) => line.flags.includes(flag));
      });

    test(`the route's timeout: ${label}`, { skip: needsMosn }, async () => {
      const listener = `impatient-${endpoint}`;
      const client = world.through(caller, listener);
      await client.ask('echo', 'warm');
      const { error, ms } = await client.failure('delay', 'late', 2_000);
      assert.match(error, words.timeout);
      assert.ok(ms >= 250 && ms < 1_900, `took ${ms} ms: ${error}`);
      await client.until('answered in time again', async () => (await client.ask('echo', 'next')).value === 'next');
      assert.equal(await world.near.connectionsEnded(listener), 0, 'a client lost its connection');
    });

    const { overflow } = words;
    if (overflow !== undefined)
      test(`a call too many: ${label}`, { skip: needsMosn }, async () => {
        const listener = `narrow-${endpoint}`;
        const client = world.through(caller, listener);
        assert.equal(await client.get('echo', 'warm'), 'warm');
        const active = () => world.near.stat(new RegExp(`^cluster\\.${listener}\\.upstream_rq_active$`));
        const first = client.get('delay', 'first', 1_500);
        await client.until('one call under way', async () => (await active()) === 1);
        const { error } = await client.failure('echo', 'one too many');
        assert.match(error, overflow);
        assert.equal(await first, 'first');
        await world.near.logged('UO', (line) => line.cluster === listener && line.flags === 'UO');
        assert.equal(await client.get('echo', 'next'), 'next');
        assert.equal(await world.near.connectionsEnded(listener), 0, 'a client lost its connection');
      });

    // HTTP/2 streams an answer through; what a lost server means there, the tests of gRPC say.
    if (world.endpoint(endpoint).http) continue;
    test(`a server killed in a call, then back: ${label}`, { skip: needsMosn }, async () => {
      const listener = `mortal-${endpoint}`;
      const launch = world.spec.servers[mortal ?? world.endpoint(endpoint).server]!;
      const ports = world.mortalPorts.get(endpoint)!;
      const client = world.through(caller, listener);
      const first = await startServer(launch, 'first', ports);
      await client.until('served', async () => (await client.ask('who')).value === 'first');
      const lost = client.failure('delay', 'never', patienceMs - 1_000);
      await sleep(200); // The call is on its way; nothing outside tells when it has arrived.
      await first.running.kill();
      const { error, ms } = await lost;
      assert.ok(ms < patienceMs - 1_500, `took ${ms} ms: ${error}`);

      const second = await startServer(launch, 'second', ports);
      await client.until('served again', async () => (await client.ask('who')).value === 'second');
      assert.equal(await client.get('many', 'revived', 50, 8), '50');
      assert.equal(await world.near.connectionsEnded(listener), 0, 'a client lost its connection');
      await second.running.stop();
    });

    test(`an answer that breaks off in the middle of its frame: ${label}`, { skip: needsMosn }, async () => {
      const listener = `fragile-${endpoint}`;
      const relay = world.relays.get(endpoint)!;
      const client = world.through(caller, listener);
      assert.equal(await client.get('echo', 'whole'), 'whole');
      for (const how of ['close', 'reset'] as const) {
        relay.breakAnswers(how, bigText / 4);
        const { error, ms } = await client.failure('big', bigText);
        assert.ok(ms < patienceMs / 2, `took ${ms} ms after a ${how}: ${error}`);
        relay.mend();
        assert.equal(await client.get('big', bigText), String(bigText));
        assert.equal(await client.get('many', `after-${how}`, 50, 8), '50');
      }
      assert.equal(await world.near.connectionsEnded(listener), 0, 'a client lost its connection');
      await world.near.logged('UC', (line) => line.cluster === listener && line.flags.includes('UC'));
    });
  }
}
