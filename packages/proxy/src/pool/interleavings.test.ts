import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pooling } from '@sofamesh/contract/protocol';
import fc from 'fast-check';
import { NotedAttempt, PoolWorld } from './test-support/pool-world.ts';

/** Everything that can happen to a pool, one thing at a time, in any order. */
const events = [
  'request',
  'request',
  'request',
  'connect',
  'connect',
  'connect-fail',
  'connect-timeout',
  'answer',
  'answer',
  'reset-by-client',
  'cancel',
  'peer-end',
  'peer-reset',
  'goaway',
  'fault',
  'unsolicited',
  'settle',
  'time',
] as const;

type Event = readonly [event: (typeof events)[number], which: number];

const limits = { connectionsMax: 4, pendingRequestsMax: 6, requestsMax: 1024, retriesMax: 3 };

class Story {
  readonly world: PoolWorld;
  readonly pooling: Pooling;
  readonly attempts: NotedAttempt[] = [];
  readonly cancelled = new Set<NotedAttempt>();
  readonly clients;

  constructor(pooling: Pooling, maxRequestsPerConnection: number) {
    this.pooling = pooling;
    this.world = new PoolWorld(
      pooling,
      { limits, maxRequestsPerConnection, multiplexedConnections: 2, idleTimeoutMs: 1000 },
      3,
    );
    this.clients = [this.world.downstream, new PoolWorld(pooling).downstream];
  }

  /** A lost attempt comes back once, from inside the pool. */
  request(which: number, retry: boolean): void {
    const attempt = new NotedAttempt();
    this.attempts.push(attempt);
    if (retry) attempt.onLost = () => this.request(which, false);
    this.world.request(this.clients[which % 2], attempt);
  }

  tell([event, which]: Event): void {
    const { world } = this;
    const one = <T>(list: readonly T[]): T | undefined => list[which % Math.max(1, list.length)];
    const standing = world.transport.open.filter(({ state }) => state === 'open');
    const openAttempts = this.attempts.filter(({ open }) => open);
    switch (event) {
      case 'request':
        this.request(which, which % 3 === 0);
        break;
      case 'connect':
        one(world.transport.connecting)?.succeed();
        break;
      case 'connect-fail':
        one(world.transport.connecting)?.gone('connect-failed', 'ECONNREFUSED');
        break;
      case 'connect-timeout':
        one(world.transport.connecting)?.gone('connect-timeout', 'ETIMEDOUT');
        break;
      case 'answer':
        one(openAttempts)?.answer();
        break;
      case 'reset-by-client': {
        const attempt = one(openAttempts);
        if (attempt === undefined) break;
        this.cancelled.add(attempt);
        attempt.stream!.reset('local-reset');
        break;
      }
      case 'cancel': {
        const attempt = one(this.attempts.filter((waiting) => waiting.answers === 0 && !this.cancelled.has(waiting)));
        if (attempt === undefined) break;
        this.cancelled.add(attempt);
        attempt.pending?.cancel();
        break;
      }
      case 'peer-end':
        one(standing)?.peerEnds();
        break;
      case 'peer-reset':
        one(standing)?.gone();
        break;
      case 'goaway':
        one(standing)?.deliver('!\n');
        break;
      case 'fault':
        one(standing)?.deliver('?\n');
        break;
      case 'unsolicited':
        one(standing)?.deliver('99999\n');
        break;
      case 'settle':
        world.transport.settle();
        break;
      case 'time':
        world.clock.advance(which);
        break;
    }
  }

  check(): void {
    const { world } = this;
    const { open } = world.transport;
    // With bound pools each client may have one however low the limit is.
    assert.ok(open.length <= limits.connectionsMax + (this.pooling === 'bound' ? this.clients.length : 0));
    const waiting = this.attempts.filter((attempt) => attempt.answers === 0 && !this.cancelled.has(attempt));
    const streams = this.attempts.filter((attempt) => attempt.open && !this.cancelled.has(attempt));
    assert.ok(waiting.length <= limits.pendingRequestsMax);
    assert.equal(world.count('upstream_rq_pending_active'), waiting.length);
    assert.equal(world.count('upstream_rq_active'), streams.length);
    assert.equal(world.host.activeRequests, waiting.length + streams.length);
    assert.equal(world.count('upstream_cx_active'), open.length);
    for (const attempt of this.attempts) {
      assert.ok(attempt.answers <= 1, 'one answer of the pool');
      assert.ok(attempt.replies + (attempt.reset === undefined ? 0 : 1) <= 1, 'one end of the stream');
    }
    for (const connection of open) {
      const carried = streams.filter((attempt) => attempt.connection === connection).length;
      assert.ok(carried <= (this.pooling === 'exclusive' ? 1 : 3));
    }
    if (waiting.length > 0) assert.ok(open.length > 0, 'who waits, waits for something');
  }

  /** The world calms down: connections succeed or fail, what was asked is answered. */
  end(succeeding: boolean): void {
    const { world } = this;
    for (let round = 0; round < 100; round++) {
      world.transport.settle();
      for (const connection of world.transport.connecting) {
        if (succeeding) connection.succeed();
        else connection.gone('connect-failed', 'ECONNREFUSED');
      }
      for (const attempt of this.attempts.filter(({ open }) => open)) attempt.answer();
      this.check();
    }
    for (const attempt of this.attempts) {
      assert.equal(attempt.answers + (this.cancelled.has(attempt) && attempt.answers === 0 ? 1 : 0), 1);
    }
    world.cluster.retire();
    world.transport.settle();
    world.assertAtRest();
    assert.equal(
      world.count('upstream_cx_destroy_local') + world.count('upstream_cx_destroy_remote'),
      world.count('upstream_cx_total'),
    );
  }
}

const story = fc.array(fc.tuple(fc.constantFrom(...events), fc.nat(200)), { maxLength: 60 });

for (const pooling of ['exclusive', 'multiplexed', 'bound'] as const) {
  test(`${pooling}: whatever happens, every attempt has one answer and the books balance`, () => {
    fc.assert(
      fc.property(story, fc.boolean(), fc.constantFrom(0, 1, 3), (happenings, succeeding, requestsMax) => {
        const told = new Story(pooling, requestsMax);
        for (const happening of happenings) {
          told.tell(happening);
          told.check();
        }
        told.end(succeeding);
      }),
      { numRuns: 400 },
    );
  });
}
