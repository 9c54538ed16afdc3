import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { Shutdown } from './shutdown.ts';

function world() {
  const clock = new ManualClock();
  const exits: number[] = [];
  const errors: unknown[] = [];
  let drains = 0;
  let finish: (failure?: Error) => void = () => {};
  const shutdown = new Shutdown({
    clock,
    drain: () => {
      drains++;
      return new Promise((resolve, reject) => {
        finish = (failure) => (failure === undefined ? resolve() : reject(failure));
      });
    },
    exit: (code) => exits.push(code),
    onError: (thrown) => errors.push(thrown),
  });
  return { clock, exits, errors, shutdown, drains: () => drains, finish: (failure?: Error) => finish(failure) };
}

const settle = () => new Promise(setImmediate);

describe('shutdown', () => {
  test('drains, then ends with 0', async () => {
    const { shutdown, exits, finish } = world();
    assert.equal(shutdown.begun, false);
    shutdown.request();
    assert.equal(shutdown.begun, true);
    await settle();
    assert.deepEqual(exits, []);
    finish();
    await settle();
    assert.deepEqual(exits, [0]);
  });

  test('takes a second signal within a second for the first', async () => {
    const { clock, shutdown, exits, drains } = world();
    shutdown.request();
    clock.advance(1000);
    shutdown.request();
    await settle();
    assert.deepEqual(exits, []);
    assert.equal(drains(), 1);
  });

  test('ends at once when asked again later', () => {
    const { clock, shutdown, exits } = world();
    shutdown.request();
    clock.advance(1001);
    shutdown.request();
    assert.deepEqual(exits, [1]);
  });

  test('tells what went wrong and ends with 1', async () => {
    const { shutdown, exits, errors, finish } = world();
    shutdown.request();
    finish(new Error('no'));
    await settle();
    assert.deepEqual(exits, [1]);
    assert.match(String(errors[0]), /no/);
  });
});
