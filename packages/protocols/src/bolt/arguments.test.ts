import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestHead } from '@sofamesh/contract/message';
import { ScriptedServer } from '@sofamesh/testkit/protocol-suite/scripted-engine';
import fc from 'fast-check';
import { Hessian2DraftWriter } from '../shared/hessian2/draft-writer.ts';
import { HessianDouble, HessianList, HessianMap, HessianObject, type HessianValue } from '../shared/hessian2/value.ts';
import { readArguments } from './arguments.ts';
import { protocol } from './bolt.ts';
import { BoltRequestHead } from './head.ts';
import { boltFrame, callHeaders, requestClass } from './sample-frames.test.ts';

function contentOf(...args: HessianValue[]): Buffer {
  const writer = new Hessian2DraftWriter();
  const signatures = new HessianList(['java.lang.String'], '[string');
  writer.write(new HessianObject(requestClass, ['methodName', 'methodArgSigs'], ['getUser', signatures]));
  for (const each of args) writer.write(each);
  return writer.finish();
}

function headOf(content: Buffer, codec = 1): RequestHead {
  const server = new ScriptedServer(protocol);
  server.codec.receive(boltFrame({ headers: callHeaders, content, codec }));
  assert.deepEqual(server.faults, []);
  return server.calls[0]!.head;
}

const read = (head: RequestHead, count: number) => Array.from({ length: count }, (_, at) => head.argument?.(at));

describe('arguments of a SOFARPC call', () => {
  test('are texts, numbers and booleans by their places', () => {
    const user = new HessianObject('com.x.User', ['name'], ['anna']);
    const content = contentOf(
      'anna',
      -7,
      2n ** 40n,
      new HessianDouble(1.5),
      true,
      null,
      user,
      'ä'.repeat(70_000),
      user,
    );
    assert.deepEqual(read(headOf(content), 10), [
      'anna',
      '-7',
      `${2n ** 40n}`,
      '1.5',
      'true',
      undefined,
      undefined,
      'ä'.repeat(70_000),
      undefined,
      undefined,
    ]);
  });

  test('are those of the body that a filter has put in place', () => {
    const head = headOf(contentOf('anna'));
    assert.equal(head.argument?.(0), 'anna');
    head.body = contentOf('otto');
    assert.equal(head.argument?.(0), 'otto');
  });

  test('are absent in other serializations, at the level LIGHT and in what is no SofaRequest', () => {
    assert.equal(headOf(contentOf('anna'), 11).argument?.(0), undefined);
    assert.equal(new BoltRequestHead(boltFrame({ content: contentOf('anna') }), true).argument(0), undefined);
    const text = new Hessian2DraftWriter();
    text.write('anna');
    text.write('otto');
    assert.deepEqual(read(headOf(text.finish()), 2), [undefined, undefined]);
  });

  test('before what is broken are read, whatever comes', () => {
    const whole = contentOf('anna', 'otto');
    assert.deepEqual(readArguments(whole.subarray(0, -1)), ['anna']);
    const deep = contentOf(...Array.from({ length: 2 }, () => 'x'));
    assert.deepEqual(readArguments(Buffer.concat([deep, Buffer.alloc(70, 0x56)])), ['x', 'x']);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(whole.length), (noise, at) => {
        readArguments(Buffer.from(noise));
        readArguments(Buffer.concat([whole.subarray(0, at), noise]));
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  test('of long contents, behind many values and beyond 64 are absent', () => {
    assert.deepEqual(readArguments(contentOf('anna', 'x'.repeat(1024 * 1024))), []);
    const many = new HessianMap(Array.from({ length: 6000 }, (_, at) => [at, 0]));
    assert.deepEqual(readArguments(contentOf('anna', many, 'otto')), ['anna']);
    assert.equal(readArguments(contentOf(...Array.from({ length: 70 }, () => 1))).length, 64);
  });
});
