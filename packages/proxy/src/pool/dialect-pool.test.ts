import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotedAttempt, PoolWorld } from './test-support/pool-world.ts';

test('requests of different dialects never share a connection', () => {
  const world = new PoolWorld('multiplexed');
  const of = (dialect: number) => world.request(world.downstream, new NotedAttempt(dialect));
  const [a, b, c] = [of(0), of(3), of(0)];
  assert.equal(world.transport.dials.length, 2);
  for (const { connection } of world.transport.dials) connection.succeed();
  assert.equal(a.connection, c.connection);
  assert.notEqual(a.connection, b.connection);
  b.answer();
  assert.equal(of(3).connection, b.connection);
  assert.equal(of(0).connection, a.connection);
  assert.equal(world.transport.dials.length, 2);
});

test('a drain and a close reach all of them, those that come later too', () => {
  const world = new PoolWorld('multiplexed');
  const of = (dialect: number) => world.request(world.downstream, new NotedAttempt(dialect));
  const [a, b] = [of(1), of(2)];
  for (const { connection } of world.transport.dials) connection.succeed();
  a.answer();
  world.cluster.retire();
  assert.equal(a.connection!.closed, 'flush');
  assert.equal(b.connection!.closed, undefined);
  const late = of(4);
  world.transport.connection(2).succeed();
  late.answer();
  assert.equal(late.connection!.closed, 'flush');
  world.cluster.close();
  assert.equal(b.connection!.closed, 'now');
  assert.equal(of(5).failure?.reason, 'connection-failure');
});
