import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveHost } from './resolver.ts';

describe('resolver', () => {
  test('a literal address is its own', async () => {
    assert.deepEqual(await resolveHost('192.0.2.1'), { addresses: ['192.0.2.1'] });
    assert.deepEqual(await resolveHost('2001:db8::1'), { addresses: ['2001:db8::1'] });
  });

  test('knows this machine', async () => {
    const { addresses } = await resolveHost('localhost');
    assert.ok(addresses.includes('127.0.0.1') || addresses.includes('::1'), addresses.join());
    assert.equal(new Set(addresses).size, addresses.length);
  });

  for (const name of [
    '',
    '.',
    'a..b',
    'a b',
    'localhost\0.test',
    'http://localhost',
    '[::1]',
    'bücher.test',
    'a'.repeat(300),
  ]) {
    test(`${JSON.stringify(name.slice(0, 20))} is no name`, async () => {
      await assert.rejects(resolveHost(name), { name: 'CodedError', code: 'EINVAL' });
    });
  }

  test('tells the code of the system for a name that there is not', async () => {
    await assert.rejects(resolveHost('no-such-name.invalid'), (error: Error & { code?: string }) => {
      return error.name === 'CodedError' && /^E(NOTFOUND|AI_[A-Z]+)$/.test(error.code ?? '');
    });
  });
});
