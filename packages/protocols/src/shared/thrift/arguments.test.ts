import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestHead } from '@sofamesh/contract/message';
import type { Protocol } from '@sofamesh/contract/protocol';
import { ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import fc from 'fast-check';
import { protocol as dubboThrift } from '../../dubbo-thrift/dubbo-thrift.ts';
import { dubboThriftFrame, textStruct } from '../../dubbo-thrift/sample-frames.test.ts';
import { realFrames } from '../../thrift/sample-frames.test.ts';
import { protocol as thrift } from '../../thrift/thrift.ts';
import { readArguments } from './arguments.ts';

const hex = (digits: string) => Buffer.from(digits.replaceAll(/\s/g, ''), 'hex');

function headOf(protocol: Protocol, frame: Buffer): RequestHead {
  const server = new ScriptedServer(protocol);
  server.codec.receive(frame);
  assert.deepEqual(server.faults, []);
  return server.calls[0]!.head;
}

const binary = hex(`0b0001 00000004 616e6e61 03 0002 f9 06 0003 0100 08 0004 fffffff9 0a 0005 0000010000000000
  04 0006 3ff8000000000000 02 0007 00 0f 0008 08 00000002 00000001 00000002 0c 0009 0b0001 00000001 78 00 0b 0100 00000001 ff 00`);
const compact =
  hex(`18 04 616e6e61 13 f9 14 8004 15 0d 16 808080808040 17 000000000000f83f 12 19 25 02 04 1c 18 01 78 00
  08 8004 01 ff 00`);
const expected = [
  [1, 'anna'],
  [2, '-7'],
  [3, '256'],
  [4, '-7'],
  [5, `${2n ** 40n}`],
  [6, '1.5'],
  [7, 'false'],
  [8, undefined],
  [9, undefined],
  [256, undefined],
];

describe('arguments of a call of Thrift', () => {
  for (const [name, frame] of Object.entries(realFrames).filter(([name]) => !name.endsWith('Exception'))) {
    test(`are read from what Thrift's Python library sends: ${name}`, () => {
      const head = headOf(thrift, hex(frame));
      assert.deepEqual(
        [0, 1, 2, 3, 4, 5].map((at) => head.argument?.(at)),
        ['hello', '-7', 'true', undefined, undefined, undefined],
      );
      assert.deepEqual(
        [0, 1, 2, 3, 40].map((id) => head.argumentOfId?.(id)),
        [undefined, 'hello', '-7', 'true', undefined],
      );
    });
  }

  test('are read in calls of dubbo-thrift', () => {
    const head = headOf(dubboThrift, dubboThriftFrame({ struct: textStruct('anna', 3) }));
    assert.deepEqual([head.argument?.(0), head.argumentOfId?.(3)], ['anna', 'anna']);
  });

  test('are those of the body that a filter has put in place', () => {
    const head = headOf(thrift, hex(realFrames.framedBinary));
    assert.equal(head.argument?.(0), 'hello');
    head.body = textStruct('anna', 3);
    assert.deepEqual([head.argument?.(0), head.argumentOfId?.(1), head.argumentOfId?.(3)], ['anna', undefined, 'anna']);
  });

  test('of every type are passed, scalars read', () => {
    for (const [bytes, isCompact] of [
      [binary, false],
      [compact, true],
    ] as const)
      assert.deepEqual(
        readArguments(bytes, isCompact).map(({ id, value }) => [id, value]),
        expected,
      );
    assert.deepEqual(readArguments(hex('26 ffffffffffffffffff01 00'), true), [{ id: 2, value: `${-(2n ** 63n)}` }]);
  });

  test('before what is broken are read, whatever comes', () => {
    for (const [bytes, isCompact] of [
      [binary, false],
      [compact, true],
    ] as const) {
      for (let end = 0; end < bytes.length; end++) {
        const read = readArguments(bytes.subarray(0, end), isCompact).map(({ id, value }) => [id, value]);
        assert.deepEqual(read, expected.slice(0, read.length), `cut at ${end}`);
      }
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(bytes.length), (noise, at) => {
          readArguments(Buffer.from(noise), isCompact);
          readArguments(Buffer.concat([bytes.subarray(0, at), noise]), isCompact);
        }),
        { seed: 1, numRuns: 1000 },
      );
    }
    for (const rest of ['0b0002 ffffffff', '0f0002 08 7fffffff', '63 0002', '0d0002 0b0b ffffffff'])
      assert.deepEqual(readArguments(Buffer.concat([textStruct('a').subarray(0, -1), hex(rest)]), false), [
        { id: 1, value: 'a' },
      ]);
  });

  test('nested too deeply, too many or too long are absent', () => {
    const deep = (depth: number) =>
      Buffer.concat([...Array.from({ length: depth }, () => hex('0c0001')), Buffer.alloc(depth)]);
    assert.equal(readArguments(deep(64), false).length, 1);
    assert.equal(readArguments(deep(66), false).length, 0);
    const many = Buffer.concat(Array.from({ length: 100 }, () => hex('020001 01')));
    assert.equal(readArguments(many, false).length, 64);
    assert.deepEqual(readArguments(textStruct('x'.repeat(1024 * 1024)), false), []);
  });
});
