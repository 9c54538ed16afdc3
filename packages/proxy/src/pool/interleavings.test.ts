import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pooling } from '@sofamesh/contract/protocol';
import fc from 'fast-check';
import { lineProtocol } from './test-support/line-protocol.ts';
import { NotedAttempt, PoolWorld } from './test-support/pool-world.ts';

/** Everything that can happen to a pool, one thing at a time, in any order. */
const events = [
  'request',
  'request',
  'request',
  'request-fresh',
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
  'limit',
  'pong',
  'fault',
  'unsolicited',
  'settle',
  'time',
] as const;

/** `alpn`: each connection speaks what its host picks. */
type Kind = Pooling | 'alpn';

type Event = readonly [event: (typeof events)[number], which: number];

const limits = { connectionsMax: 4, pendingRequestsMax: 6, requestsMax: 1024, retriesMax: 3 };

class Story {
  readonly world: PoolWorld;
  readonly pooling: Kind;
  readonly protocol;
  readonly attempts: NotedAttempt[] = [];
  readonly cancelled = new Set<NotedAttempt>();
  readonly clients;

  constructor(pooling: Kind, maxRequestsPerConnection: number) {
    this.pooling = pooling;
    this.world = new PoolWorld(
      pooling === 'alpn' ? 'multiplexed' : pooling,
      {
        limits,
        maxRequestsPerConnection,
        multiplexedConnections: 2,
        idleTimeoutMs: 1000,
        connectionDurationMs: 700,
        keepalive: { intervalMs: 300, timeoutMs: 100, jitterPercent: 10, idleIntervalMs: 50 },
      },
      3,
      pooling === 'multiplexed' ? 'http2' : undefined,
    );
    this.protocol =
      pooling === 'alpn'
        ? { http1: lineProtocol('exclusive'), http2: lineProtocol('multiplexed', 3, 'http2') }
        : this.world.protocol;
    this.clients = [this.world.downstream, new PoolWorld('bound').downstream];
  }

  /** A lost attempt comes back once, from inside the pool. */
  request(which: number, retry: boolean, wantsFresh = false): void {
    const attempt = new NotedAttempt(0, { wantsFresh });
    this.attempts.push(attempt);
    if (retry) attempt.onLost = () => this.request(which, false, which % 2 === 0);
    this.world.request(this.clients[which % 2], attempt, this.protocol);
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
      case 'request-fresh':
        this.request(which, which % 3 === 0, true);
        break;
      case 'connect':
        one(world.transport.connecting)?.succeed(which % 3 === 0 ? 'http/1.1' : 'h2');
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
        one(standing)?.deliver(which % 2 === 0 ? '!\n' : '!1\n');
        break;
      case 'limit':
        one(standing)?.deliver(`+${which % 4}\n`);
        break;
      case 'pong':
        one(standing)?.deliver('pong\n');
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
        if (succeeding) connection.succeed(round % 2 === 0 ? 'h2' : 'http/1.1');
        else connection.gone('connect-failed', 'ECONNREFUSED');
      }
      for (const connection of world.transport.open) connection.deliver('+3\n');
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

for (const pooling of ['exclusive', 'multiplexed', 'bound', 'alpn'] as const) {
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
