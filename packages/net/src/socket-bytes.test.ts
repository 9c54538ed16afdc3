import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipAddress } from '@sofamesh/base/address';
import { decodeSocketAddress, encodeSocketAddress } from './socket-bytes.ts';

test('socket addresses survive the way to the system and back', () => {
  for (const [host, shown] of [
    ['127.0.0.1', '127.0.0.1'],
    ['255.0.10.1', '255.0.10.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['fd00::3:0:0', 'fd00::3:0:0'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2:3:4:5:6'],
    ['1::', '1::'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:10.1.2.3', '::ffff:a01:203'],
  ] as const) {
    assert.deepEqual(decodeSocketAddress(encodeSocketAddress(ipAddress(host, 15_001))), ipAddress(shown, 15_001), host);
  }
  const expected = [0, 80, 10, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0];
  assert.deepEqual([...encodeSocketAddress(ipAddress('10.1.2.3', 80)).subarray(2)], expected);
});

test('another family is none', () => {
  assert.equal(decodeSocketAddress(Buffer.alloc(28, 1)), undefined);
});
