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
