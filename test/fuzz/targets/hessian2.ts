import assert from 'node:assert/strict';
import { callBody, map, text } from '@sofamesh/protocols/dubbo/sample-frames.test';
import { defaultScanLimits, Hessian2Scanner } from '@sofamesh/protocols/shared/hessian2/scanner';
import type { FuzzTarget } from '../target.ts';

const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex');

/** Values one after the other, passed over until one is broken. */
export const hessian2Target: FuzzTarget = {
  name: 'hessian2',
  corpus: () => [
    callBody({}),
    map([['a', text('b')]]),
    hex('4e 54 46 80 c0ff d00000 49 7fffffff d8 f000 380000 59 00000001 4c 0000000000000001'),
    hex('5b 5c 5d01 5e0102 5f00000001 44 0000000000000000 4a 0000000000000000 4b 00000000 00'),
    hex('43 03 612e42 92 01 78 01 79 60 90 91 60 92 93 51 90'),
    hex('70 7a 01 61 01 62 57 90 91 5a 55 03 5b 61 5d 90 5a 56 03 5b 61 5d 92 90 91'),
    hex('52 0002 6162 53 0002 6364 41 0002 0102 42 0001 03 20 23 010203 34 01 00'),
  ],
  tokens: [
    'H',
    'M',
    'Z',
    'C',
    'O',
    'Q',
    'W',
    'U',
    'V',
    'X',
    'R',
    'S',
    'A',
    'B',
    'N',
    '\x60',
    '\x57\x57\x57',
    '\x51\x90',
  ],
  run(pieces) {
    const bytes = Buffer.concat(pieces);
    const scanner = new Hessian2Scanner();
    scanner.begin(bytes, 0, bytes.length);
    let values = 0;
    let before = 0;
    while (scanner.at >= 0 && scanner.at < bytes.length && scanner.skipValue()) {
      assert.ok(scanner.at > before && scanner.at <= bytes.length, 'a value ends behind the bytes or before itself');
      before = scanner.at;
      values++;
    }
    assert.ok(values <= defaultScanLimits.valuesMax, 'more values than the limit');
    return { said: `${values} ${scanner.at}`, sort: `${values.toString(2).length} ${scanner.at < 0} ${bytes[before]}` };
  },
};
