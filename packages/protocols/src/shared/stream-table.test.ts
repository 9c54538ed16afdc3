import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Numbered, StreamTable } from './stream-table.ts';

test('ids wrap, and 0 and an id in use are passed over', () => {
  const table = new StreamTable<Numbered>(0xffff_fffd);
  const streams = Array.from({ length: 4 }, () => ({ id: -1 }));
  for (const stream of streams) table.add(stream);
  assert.deepEqual(
    streams.map((stream) => stream.id),
    [0xffff_fffe, 0xffff_ffff, 1, 2],
  );
  for (const stream of streams.slice(1)) assert.ok(table.remove(stream));
  // 0xfffffffe still waits: the id of the next lap that would take its slot is left out.
  const ids = new Set<number>();
  for (let count = 0; count < 64; count++) {
    const stream = { id: -1 };
    table.add(stream);
    ids.add(stream.id);
    assert.ok(table.remove(stream));
  }
  assert.equal(ids.size, 64);
  assert.equal(table.get(0xffff_fffe), streams[0]);
  assert.equal(table.get(14), undefined);
  assert.ok(!ids.has(14));
});

test('behaves like a map under any order of opening and closing', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 600 }), fc.integer({ min: 0, max: 0xffff_ffff }), (steps, lastId) => {
      const table = new StreamTable<Numbered>(lastId);
      const open: Numbered[] = [];
      const closed: number[] = [];
      for (const step of steps) {
        if (step % 3 < 2 || open.length === 0) {
          const stream = { id: -1 };
          table.add(stream);
          assert.ok(!open.some((other) => other.id === stream.id));
          open.push(stream);
        } else {
          const [stream] = open.splice(step % open.length, 1);
          closed.push(stream!.id);
          assert.ok(table.remove(stream!));
          assert.ok(!table.remove(stream!));
        }
        assert.equal(table.size, open.length);
      }
      for (const stream of open) assert.equal(table.get(stream.id), stream);
      for (const id of closed) assert.equal(table.get(id), undefined);
      assert.equal(table.clear().length, open.length);
      assert.equal(table.size, 0);
    }),
    { seed: 2, numRuns: 300 },
  );
});
