import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type Flushable, FlushTurn } from './flush-turn.ts';

class Written implements Flushable {
  flushes = 0;
  onFlush: () => void = () => {};
  onFlushTurn(): void {
    this.flushes++;
    this.onFlush();
  }
}

/** One socket's read that makes something write. */
function read(flushTurn: FlushTurn, written: Written): void {
  assert.equal(flushTurn.beginRead(), true);
  flushTurn.add(written);
  flushTurn.endRead();
}

async function lonelyTurns(flushTurn: FlushTurn, count: number): Promise<void> {
  for (let at = 0; at < count; at++) {
    read(flushTurn, new Written());
    await turn();
  }
}

test('what several reads of a turn cause is flushed once, after all of them', async () => {
  const flushTurn = new FlushTurn();
  const [a, b] = [new Written(), new Written()];
  read(flushTurn, a);
  read(flushTurn, b);
  assert.deepEqual([a.flushes, b.flushes], [0, 0]);
  await turn();
  assert.deepEqual([a.flushes, b.flushes], [1, 1]);
});

test('when turns have one read each, a read is flushed at its end, and other writes wait as before', async () => {
  const flushTurn = new FlushTurn();
  await lonelyTurns(flushTurn, 8);
  const written = new Written();
  read(flushTurn, written);
  assert.equal(written.flushes, 1);
  flushTurn.add(written);
  assert.equal(written.flushes, 1, 'not in a read');
  await turn();
  assert.equal(written.flushes, 2);
});

test('a part of a read does not flush, the whole does', async () => {
  const flushTurn = new FlushTurn();
  await lonelyTurns(flushTurn, 8);
  const written = new Written();
  assert.equal(flushTurn.beginRead(), true);
  flushTurn.add(written);
  assert.equal(flushTurn.beginRead(), false);
  assert.equal(written.flushes, 0);
  flushTurn.endRead();
  assert.equal(written.flushes, 1);
});

test('it is noticed soon when turns have more reads again', async () => {
  const flushTurn = new FlushTurn();
  await lonelyTurns(flushTurn, 8);
  const written = new Written();
  for (let turns = 0; turns < 20; turns++) {
    read(flushTurn, written);
    read(flushTurn, written);
    await turn();
  }
  const before = written.flushes;
  read(flushTurn, written);
  assert.equal(written.flushes, before);
  read(flushTurn, written);
  await turn();
  assert.equal(written.flushes, before + 2);
});

test('what is written while flushing waits for the next turn, in a read as well', async () => {
  const flushTurn = new FlushTurn();
  await lonelyTurns(flushTurn, 8);
  const written = new Written();
  written.onFlush = () => {
    if (written.flushes < 3) flushTurn.add(written);
  };
  read(flushTurn, written);
  assert.equal(written.flushes, 1);
  await turn();
  assert.equal(written.flushes, 2);
  await turn();
  assert.equal(written.flushes, 3);
});
