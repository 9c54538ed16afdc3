import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '@sofamesh/contract/transport';
import { MemoryStats } from '@sofamesh/testkit/memory-stats';
import { ClusterStats } from '../cluster/cluster-stats.ts';
import type { UpstreamAttempt, UpstreamProtocol } from '../cluster/upstream.ts';
import { KeyedPools } from './keyed-pools.ts';
import type { Pool } from './pool.ts';

class NotedPool implements Pool {
  readonly protocol = {} as UpstreamProtocol;
  readonly told: string[] = [];
  idle = true;

  newStream(): undefined {
    this.told.push('stream');
    return undefined;
  }

  drain(): void {
    this.told.push('drain');
  }

  close(): void {
    this.told.push('close');
  }
}

/** Keys are the ids of connections. */
class ByConnection extends KeyedPools<number> {
  readonly made: NotedPool[] = [];

  protected override keyOf({ id }: Connection): number {
    return id;
  }

  protected override create(): Pool {
    const pool = new NotedPool();
    this.made.push(pool);
    return pool;
  }
}

function world(max: number) {
  const stats = new MemoryStats();
  const pools = new ByConnection({} as UpstreamProtocol, new ClusterStats(stats, 'c'), max);
  const failures: string[] = [];
  const attempt = { onPoolFailure: (reason: string) => failures.push(reason) } as unknown as UpstreamAttempt;
  return { pools, stats, failures, ask: (id: number) => pools.newStream({ id } as Connection, attempt) };
}

test('one pool for each key, at most so many: the oldest that has nothing to do makes room', () => {
  const { pools, stats, failures, ask } = world(2);
  for (const id of [1, 2, 1]) ask(id);
  assert.deepEqual(
    pools.made.map(({ told }) => told),
    [['stream', 'stream'], ['stream']],
  );
  pools.made[0]!.idle = false;
  assert.equal(pools.idle, false);
  ask(3);
  assert.deepEqual(pools.made[1]!.told, ['stream', 'drain']);
  pools.made[2]!.idle = false;
  ask(4);
  assert.deepEqual(failures, ['overflow']);
  assert.equal(stats.get('cluster.c.upstream_cx_pool_overflow'), 1);
  assert.equal(pools.made.length, 3);
});

test('a drain and a close reach every pool, also those that come later', () => {
  const { pools, ask } = world(9);
  ask(1);
  pools.drain();
  pools.close();
  ask(2);
  assert.deepEqual(
    pools.made.map(({ told }) => told),
    [
      ['stream', 'drain', 'close'],
      ['drain', 'close', 'stream'],
    ],
  );
});
