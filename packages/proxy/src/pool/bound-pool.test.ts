import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import { ManualConnection } from './test-support/manual-transport.ts';
import { PoolWorld } from './test-support/pool-world.ts';

const client = () => new ManualConnection(ipAddress('127.0.0.1', 2), undefined, 'open');

test('every downstream connection has an upstream connection of its own', () => {
  const world = new PoolWorld('bound');
  const [left, right] = [client(), client()];
  const [a, b, c] = [world.request(left), world.request(left), world.request(right)];
  assert.equal(world.transport.dials.length, 2);
  for (const { connection } of world.transport.dials) connection.succeed();
  assert.equal(a.connection, b.connection);
  assert.notEqual(a.connection, c.connection);
  b.answer();
  assert.equal(world.request(left).connection, a.connection);
});

test('a full connection makes its own client wait, and nobody else gets another', () => {
  const world = new PoolWorld('bound', {}, 1);
  const left = client();
  const a = world.request(left);
  world.transport.connection(0).succeed();
  const b = world.request(left);
  assert.equal(world.transport.dials.length, 1);
  a.answer();
  assert.ok(b.open);
});

test('ends with its downstream connection, after the last stream', () => {
  const world = new PoolWorld('bound');
  const [left, right] = [client(), client()];
  const [a, b] = [world.request(left), world.request(right)];
  for (const { connection } of world.transport.dials) connection.succeed();
  world.bindings.release(left);
  assert.equal(a.connection!.closed, undefined);
  a.answer();
  assert.equal(a.connection!.closed, 'flush');
  assert.equal(b.connection!.closed, undefined);
  b.answer();
  world.cluster.close();
  world.transport.settle();
  world.assertAtRest();
});

test('a lost connection is dialled anew for the next request, and leaves no trace otherwise', () => {
  const world = new PoolWorld('bound');
  const left = client();
  const a = world.request(left);
  world.transport.connection(0).succeed();
  world.transport.connection(0).gone();
  assert.equal(a.reset, 'connection-termination');
  const b = world.request(left);
  world.transport.connection(1).gone('connect-failed', 'ECONNREFUSED');
  assert.equal(b.failure?.detail, 'ECONNREFUSED');
  assert.equal(world.bindings.size, 0);
  world.cluster.close();
  assert.equal(world.request(left).failure?.reason, 'connection-failure');
  assert.equal(world.bindings.size, 0);
  world.assertAtRest();
});

test('what is still sent for a downstream connection that is gone leaves no connection behind', () => {
  const world = new PoolWorld('bound');
  const left = client();
  world.bindings.release(left);
  const a = world.request(left);
  world.transport.connection(0).succeed();
  a.answer();
  assert.equal(a.connection!.closed, 'flush');
  world.transport.settle();
  assert.equal(world.bindings.size, 0);
  world.assertAtRest();
});
