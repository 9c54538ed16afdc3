import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReadBuffer } from './read-buffer.ts';

test('what is taken is a copy of its own', () => {
  const reads = new ReadBuffer();
  const taken: Buffer[] = [];
  const sizes = [1, 100, 4096, 4097, 1024, 65_536, 3, 4000, 4000, 4000, 4000, 4000, 4000, 4000, 4000, 4000];
  for (const [at, size] of sizes.entries()) {
    reads.buffer.fill(at + 1, 0, size);
    taken.push(reads.take(size));
  }
  reads.buffer.fill(0xff);
  for (const [at, chunk] of taken.entries()) {
    assert.equal(chunk.length, sizes[at]);
    assert.ok(chunk.every((byte) => byte === at + 1));
    // The receiver may change it; the ones that follow must not see that.
    chunk.fill(0);
  }
});

test('a small chunk keeps little alive', () => {
  const reads = new ReadBuffer();
  for (const size of [1, 1024, 4096, 5000]) assert.ok(reads.take(size).buffer.byteLength <= 32 * 1024);
});

test('uses again what was given back, and nothing else', () => {
  const reads = new ReadBuffer();
  const large = reads.take(40_000);
  const other = reads.take(40_000);
  reads.giveBack(large);
  reads.buffer.fill(7);
  const next = reads.take(65_536);
  assert.equal(next.buffer, large.buffer);
  assert.ok(next.every((byte) => byte === 7));
  assert.notEqual(reads.take(65_536).buffer, other.buffer);
  // Not all of it, or of another size.
  for (const chunk of [next.subarray(1), reads.take(4000), reads.take(20_000), Buffer.alloc(10)]) {
    reads.giveBack(chunk);
    assert.notEqual(reads.take(65_536).buffer, chunk.buffer);
  }
});

test('keeps few of the buffers that are given back', () => {
  const reads = new ReadBuffer();
  const chunks = Array.from({ length: 100 }, () => reads.take(65_536));
  for (const chunk of chunks) reads.giveBack(chunk);
  const again = new Set(chunks.map(({ buffer }) => buffer));
  assert.equal(chunks.filter(() => again.has(reads.take(65_536).buffer)).length, 4);
});

test('asks for a collection when much was handed out', () => {
  let collections = 0;
  const reads = new ReadBuffer(() => collections++);
  for (let mib = 0; mib < 7; mib++) for (let at = 0; at < 16; at++) reads.take(64 * 1024);
  assert.equal(collections, 0);
  for (let mib = 0; mib < 10; mib++) for (let at = 0; at < 16; at++) reads.take(64 * 1024);
  assert.equal(collections, 2);
  // Those of TLS, which come in buffers of Node's.
  reads.count(8 * 1024 * 1024);
  assert.equal(collections, 3);
});
