import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, test } from 'node:test';
import { pattern } from '@sofamesh/testkit/transport-suite/meeting';
import fc from 'fast-check';
import { BatchBuffers, batchBytesMax, WriteQueue } from './write-queue.ts';

/** A socket that takes all, a part, or nothing at once, as told; what it takes is copied as the system does. */
class ScriptedSink extends Writable {
  readonly taken: Buffer[] = [];
  systemCalls = 0;
  stuck = false;
  #complete: (() => void) | undefined;

  constructor() {
    super({ decodeStrings: false, highWaterMark: 1 });
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#take([chunk], done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: () => void): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  /** The system takes the rest of a write that it held. */
  complete(): void {
    const complete = this.#complete;
    this.#complete = undefined;
    complete?.();
  }

  #take(chunks: readonly Buffer[], done: () => void): void {
    this.systemCalls++;
    const take = () => {
      for (const chunk of chunks) this.taken.push(Buffer.from(chunk));
      done();
    };
    if (this.stuck) this.#complete = take;
    else take();
  }
}

const chunkSizes = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 2000 }) },
    { weight: 2, arbitrary: fc.integer({ min: 16_000, max: 17_000 }) },
    { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 200_000 }) },
  ),
  { minLength: 1, maxLength: 60 },
);

/** Together they are the pattern, so that none can stand for another. */
function chunksOf(sizes: readonly number[]): Buffer[] {
  const all = pattern(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  return sizes.map((size) => Buffer.from(all.subarray(at, (at += size))));
}

describe('write queue', () => {
  test('writes everything in order, whatever the sizes and however the system takes it', () => {
    fc.assert(
      fc.property(chunkSizes, fc.array(fc.boolean(), { minLength: 1, maxLength: 20 }), (sizes, stuck) => {
        const chunks = chunksOf(sizes);
        const queue = new WriteQueue();
        const sink = new ScriptedSink();
        const batches = new BatchBuffers();
        for (const chunk of chunks) queue.push(chunk);
        assert.equal(
          queue.bytes,
          sizes.reduce((sum, size) => sum + size, 0),
        );
        for (let round = 0; queue.bytes > 0; round++) {
          sink.stuck = stuck[round % stuck.length]!;
          queue.writeBatched(sink, batches);
          // Others use the shared buffers while this write is held.
          batches.borrow(1).fill(0xee);
          batches.borrow(batchBytesMax).fill(0xee);
          sink.complete();
          assert.equal(sink.writableLength, 0);
        }
        assert.ok(Buffer.concat(sink.taken).equals(Buffer.concat(chunks)));
      }),
      { numRuns: 60 },
    );
  });

  test('with buffers of its own it tells once when all is taken, and keeps nothing shared', () => {
    fc.assert(
      fc.property(chunkSizes, (sizes) => {
        const chunks = chunksOf(sizes);
        const queue = new WriteQueue();
        const sink = new ScriptedSink();
        sink.stuck = true;
        for (const chunk of chunks) queue.push(chunk);
        let rounds = 0;
        while (queue.bytes > 0) {
          rounds++;
          queue.write(sink, () => {});
          sink.complete();
        }
        assert.ok(Buffer.concat(sink.taken).equals(Buffer.concat(chunks)));
        assert.ok(rounds >= 1);
      }),
      { numRuns: 30 },
    );
  });

  test('gives everything in order, in batches that may change afterwards', () => {
    fc.assert(
      fc.property(chunkSizes, (sizes) => {
        const chunks = chunksOf(sizes);
        const queue = new WriteQueue();
        const batches = new BatchBuffers();
        const taken: Buffer[] = [];
        for (const chunk of chunks) queue.push(Buffer.from(chunk));
        while (queue.bytes > 0) {
          const batch = queue.takeBatch(batches);
          assert.ok(batch.length > 0 && batch.length <= 128 * 1024);
          taken.push(Buffer.from(batch));
          batch.fill(0xee);
        }
        assert.ok(Buffer.concat(taken).equals(Buffer.concat(chunks)));
        // Nothing is counted wrong that decides how the next ones are joined.
        for (let at = 0; at < 10; at++) queue.push(Buffer.alloc(100));
        assert.equal(queue.takeBatch(batches).length, 1000);
      }),
      { numRuns: 60 },
    );
  });

  test('many small chunks leave in one system call', () => {
    const queue = new WriteQueue();
    const sink = new ScriptedSink();
    for (let at = 0; at < 500; at++) queue.push(Buffer.alloc(100, at));
    queue.writeBatched(sink, new BatchBuffers());
    assert.deepEqual([sink.systemCalls, queue.bytes, sink.taken.length], [1, 0, 1]);
  });

  test('small and large chunks leave in one gathering call, the large ones as they are', () => {
    const queue = new WriteQueue();
    const sink = new ScriptedSink();
    for (const size of [10, 20, 40_000, 30, 40]) queue.push(Buffer.alloc(size, size));
    queue.writeBatched(sink, new BatchBuffers());
    assert.equal(sink.systemCalls, 1);
    assert.deepEqual(
      sink.taken.map(({ length }) => length),
      [30, 40_000, 70],
    );
  });

  test('hands over a part of a long queue at a time', () => {
    const queue = new WriteQueue();
    for (let at = 0; at < 100; at++) queue.push(Buffer.alloc(20_000));
    queue.writeBatched(new ScriptedSink(), new BatchBuffers());
    assert.ok(queue.bytes > 1_800_000 && queue.bytes < 2_000_000);
  });

  test('a cleared queue is empty', () => {
    const queue = new WriteQueue();
    queue.push(Buffer.alloc(20_000));
    queue.push(Buffer.alloc(3));
    queue.clear();
    assert.equal(queue.bytes, 0);
    queue.push(Buffer.from('new'));
    const sink = new ScriptedSink();
    queue.writeBatched(sink, new BatchBuffers());
    assert.equal(Buffer.concat(sink.taken).toString(), 'new');
  });

  test('keeps the order when it is never quite empty', () => {
    const queue = new WriteQueue();
    const sink = new ScriptedSink();
    const batches = new BatchBuffers();
    // Two are in the queue at most: new ones each time would cost more than the queue does.
    const chunks = [0, 1, 2].map(() => Buffer.alloc(140_000));
    queue.push(chunks[0]!);
    for (let round = 1; round < 1000; round++) {
      queue.push(chunks[round % 3]!.fill(round));
      queue.writeBatched(sink, batches);
      assert.equal(queue.bytes, 140_000);
      assert.equal(sink.taken.pop()![0], (round - 1) & 0xff);
    }
  });
});
