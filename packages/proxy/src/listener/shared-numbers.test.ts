import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { MemoryNumbers, releasePlaces, sharedMemory } from './shared-numbers.ts';

test('places are taken from all workers together', () => {
  const memory = sharedMemory(2);
  const [one, two] = [new MemoryNumbers(memory, 0), new MemoryNumbers(memory, 1)];
  assert.deepEqual(
    [one.takePlace(2), two.takePlace(2), one.takePlace(2), two.takePlace(2)],
    [true, true, false, false],
  );
  two.returnPlace();
  assert.deepEqual([one.takePlace(2), one.takePlace(2)], [true, false]);
  assert.equal(one.takePlace(Number.POSITIVE_INFINITY), true);
});

test('places of a worker that crashed are free again, and no others', () => {
  const memory = sharedMemory(2);
  const [one, two] = [new MemoryNumbers(memory, 0), new MemoryNumbers(memory, 1)];
  for (const numbers of [one, one, two]) assert.ok(numbers.takePlace(3));
  releasePlaces(memory, 0);
  assert.deepEqual([two.takePlace(3), two.takePlace(3), two.takePlace(3)], [true, true, false]);
  releasePlaces(memory, 0);
  assert.equal(two.takePlace(3), false);
});

test('a number is changed by one at a time', () => {
  const memory = sharedMemory(2);
  const [one, two] = [new MemoryNumbers(memory, 0), new MemoryNumbers(memory, 1)];
  const micros = 1_800_000_000_000_000;
  assert.equal(
    one.update(() => micros),
    true,
  );
  let seen = 0;
  assert.equal(
    two.update((value) => {
      seen = value;
      return undefined;
    }),
    false,
  );
  assert.equal(seen, micros);
  // The other one comes first.
  let calls = 0;
  two.update((value) => {
    if (calls++ === 0) one.update((same) => same + 1);
    return value + 10;
  });
  assert.deepEqual([calls, one.update((value) => (value === micros + 11 ? value : undefined))], [2, true]);
});

test('threads that take and return at the same time never have more than there are', async () => {
  const memory = sharedMemory(3);
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.module).then(({ MemoryNumbers }) => {
      const numbers = new MemoryNumbers(workerData.memory, workerData.worker);
      const held = new Int32Array(workerData.held);
      let over = 0;
      for (let turn = 0; turn < 20000; turn++) {
        if (!numbers.takePlace(2)) continue;
        if (Atomics.add(held, 0, 1) >= 2) over++;
        Atomics.sub(held, 0, 1);
        numbers.returnPlace();
        numbers.update((value) => value + 1);
        Atomics.add(held, 1, 1);
      }
      parentPort.postMessage(over);
    });`;
  const held = new SharedArrayBuffer(8);
  const module = new URL('./shared-numbers.ts', import.meta.url).href;
  const overs = await Promise.all(
    [0, 1, 2].map(
      (worker) =>
        new Promise<number>((resolve, reject) => {
          const thread = new Worker(source, { eval: true, workerData: { module, memory, held, worker } });
          thread.on('message', resolve);
          thread.on('error', reject);
        }),
    ),
  );
  assert.deepEqual(overs, [0, 0, 0]);
  const numbers = new MemoryNumbers(memory, 0);
  assert.deepEqual([numbers.takePlace(2), numbers.takePlace(2), numbers.takePlace(2)], [true, true, false]);
  const rounds = new Int32Array(held)[1]!;
  assert.ok(rounds > 1000);
  numbers.update((value) => {
    assert.equal(value, rounds, 'no change is lost');
    return undefined;
  });
});
