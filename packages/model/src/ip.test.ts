import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ipFamily } from './ip.ts';

describe('IP addresses', () => {
  test('those of either family, and what is none', () => {
    assert.equal(ipFamily('127.0.0.1'), 4);
    for (const text of ['::', '::1', '1::', 'fe80::1', '1:2:3:4:5:6:7:8', '::ffff:10.0.0.1', '1:2:3:4:5:6:1.2.3.4']) {
      assert.equal(ipFamily(text), 6, text);
    }
    const bad = [
      '',
      '1',
      '1.2.3',
      '1.2.3.256',
      '01.2.3.4',
      '1.2.3.4.',
      ':',
      ':::',
      '1::2::3',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
    ];
    for (const text of [...bad, '1:2:3:4:5:6:7:8::', '12345::', '::g', '1.2.3.4::', 'fe80::1%eth0', '[::1]']) {
      assert.equal(ipFamily(text), 0, text);
    }
  });

  test('judges as Node does', () => {
    const part = fc.constantFrom('0', '1', '255', '256', '01', 'ffff', '10000', '::', ':', '.', '1.2.3.4', '', 'g');
    const addresses = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.array(part, { maxLength: 17 }).map((parts) => parts.join('')),
    );
    fc.assert(fc.property(addresses, (text) => assert.equal(ipFamily(text), isIP(text))));
  });
});
