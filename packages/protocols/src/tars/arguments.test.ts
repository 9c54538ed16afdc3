import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestHead } from '@sofamesh/contract/message';
import { ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import fc from 'fast-check';
import { readArguments } from './arguments.ts';
import { bytes, integer, map, realFrames, tarsRequest, text } from './sample-frames.test.ts';
import { protocol } from './tars.ts';

function headOf(frame: Buffer): RequestHead {
  const server = new ScriptedServer(protocol);
  server.codec.receive(frame);
  assert.deepEqual(server.faults, []);
  return server.calls[0]!.head;
}

const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex');

describe('arguments of a call of Tars', () => {
  test('are read from what @tars/rpc sends', () => {
    const head = headOf(hex(realFrames.request));
    assert.deepEqual(
      [head.argument?.(0), head.argumentOfId?.(1), head.argument?.(1), head.argumentOfId?.(2)],
      ['ann', 'ann', undefined, undefined],
    );
  });

  test('of TUP have names, and are absent', () => {
    for (const frame of [realFrames.tup, realFrames.tupComplex])
      assert.equal(headOf(hex(frame)).argument?.(0), undefined);
  });

  test('of every type are passed, scalars read', () => {
    const body = Buffer.concat([
      integer(1, -7),
      integer(2, 0),
      integer(3, 70_000),
      hex('43 0000010000000000'), // int64
      hex('54 3dcccccd'), // float 0.1
      hex('65 3ff8000000000000'), // double 1.5
      text(7, 'ä'.repeat(200)),
      map(8, [['a', 'b']]),
      hex('99 0002 06 01 61 06 01 62'), // list of texts
      hex('aa 16 01 78 2a 0b 0b'), // struct that holds a text and an empty struct
      bytes(11, Buffer.from('raw')),
      hex('c6 01 ff'), // no UTF-8
      hex('f0 14 05'), // tag 20
    ]);
    assert.deepEqual(
      readArguments(body).map(({ id, value }) => [id, value]),
      [
        [1, '-7'],
        [2, '0'],
        [3, '70000'],
        [4, `${2n ** 40n}`],
        [5, '0.1'],
        [6, '1.5'],
        [7, 'ä'.repeat(200)],
        [8, undefined],
        [9, undefined],
        [10, undefined],
        [11, undefined],
        [12, undefined],
        [20, '5'],
      ],
    );
    const whole = headOf(tarsRequest({ body }));
    assert.deepEqual([whole.argument?.(12), whole.argumentOfId?.(20)], ['5', '5']);
  });

  test('before what is broken are read, whatever comes', () => {
    const body = Buffer.concat([text(1, 'anna'), map(2, [['a', 'b']]), hex('3a 16 01 78 0b')]);
    for (let end = 0; end < body.length; end++) assert.ok(readArguments(body.subarray(0, end)).length < 3, `${end}`);
    for (const rest of [
      '26 05 61',
      '27 ffffffff',
      '28 02 7fffffff',
      '29 02 7fffffff',
      '2d 00 02 7fffffff',
      '2f',
      'f6',
      '2b',
    ])
      assert.deepEqual(readArguments(Buffer.concat([text(1, 'anna'), hex(rest)])), [{ id: 1, value: 'anna' }], rest);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(body.length), (noise, at) => {
        readArguments(Buffer.from(noise));
        readArguments(Buffer.concat([body.subarray(0, at), noise]));
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  test('nested too deeply, too many or too long are absent', () => {
    const nested = (depth: number) => Buffer.concat([Buffer.alloc(depth, 0x0a), Buffer.alloc(depth, 0x0b)]);
    assert.equal(readArguments(nested(64)).length, 1);
    assert.equal(readArguments(nested(65)).length, 0);
    assert.equal(readArguments(nested(400_000)).length, 0);
    assert.equal(readArguments(Buffer.alloc(100, 0x0c)).length, 64);
    assert.deepEqual(readArguments(text(1, 'x'.repeat(1024 * 1024))), []);
  });
});
