import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, test } from 'node:test';
import { type Address, ipAddress } from '@sofamesh/base/address';
import { localAddress, remoteAddress, socketPath, unspecified } from './socket-address.ts';

const pipe = (path: string): Address => ({ kind: 'pipe', path });

describe('socket addresses', () => {
  test('are what Node calls them', () => {
    assert.deepEqual(socketPath(ipAddress('127.0.0.1', 0)), { host: '127.0.0.1', port: 0 });
    assert.deepEqual(socketPath(ipAddress('::1', 65_535)), { host: '::1', port: 65_535 });
    assert.deepEqual(socketPath(pipe('/run/a.sock')), { path: '/run/a.sock' });
    assert.deepEqual(socketPath(pipe('@abstract')), { path: '\0abstract' });
  });

  const unusable = [
    pipe(''),
    ipAddress('', 1),
    ipAddress('localhost', 1),
    ipAddress('[::1]', 1),
    ipAddress('127.0.0.1\0.test', 1),
    ipAddress('127.1', 1),
    ipAddress('127.0.0.1', -1),
    ipAddress('127.0.0.1', 65_536),
    ipAddress('127.0.0.1', Number.NaN),
  ];
  for (const address of unusable) {
    test(`${JSON.stringify(address)} is none`, () => {
      assert.throws(() => socketPath(address), { name: 'CodedError', code: 'EINVAL' });
    });
  }

  test('are told by family before the system has chosen', () => {
    assert.deepEqual(unspecified(ipAddress('10.0.0.1', 80)), ipAddress('0.0.0.0', 0));
    assert.deepEqual(unspecified(ipAddress('fe80::1', 80)), ipAddress('::', 0));
    assert.deepEqual(unspecified(pipe('/x')), pipe(''));
  });

  test('fall back where the socket knows none', () => {
    const fallback = ipAddress('192.0.2.1', 1);
    assert.equal(localAddress(new Socket(), fallback), fallback);
    assert.equal(remoteAddress(new Socket(), fallback), fallback);
  });
});
