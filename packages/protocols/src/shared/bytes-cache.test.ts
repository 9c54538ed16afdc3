import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BytesCache } from './bytes-cache.ts';

test('answers what decoding answers, whatever was asked before', () => {
  let decoded = 0;
  const cache = new BytesCache((bytes, start, end) => {
    decoded++;
    return bytes.toString('utf8', start, end);
  });
  const names = fc.oneof(
    fc.string({ maxLength: 4 }),
    fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 140 }),
  );
  fc.assert(
    fc.property(fc.array(names, { maxLength: 50 }), (texts) => {
      for (const text of texts) {
        const bytes = Buffer.from(`<<${text}>>`);
        assert.equal(cache.read(bytes, 2, bytes.length - 2), text);
      }
    }),
    { seed: 3, numRuns: 200 },
  );
  const bytes = Buffer.from('com.example.Users');
  cache.read(bytes, 0, bytes.length);
  decoded = 0;
  for (let count = 0; count < 10; count++) cache.read(bytes, 0, bytes.length);
  assert.equal(decoded, 0);
  // What it remembers is its own: the peer's chunk may change.
  bytes.fill(0x78);
  assert.equal(cache.read(Buffer.from('com.example.Users'), 0, 17), 'com.example.Users');
});
