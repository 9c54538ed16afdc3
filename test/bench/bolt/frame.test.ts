import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FrameScanner, idAt, requestTemplate, responseTemplate } from './frame.ts';

const response = responseTemplate(40);

function responses(...ids: number[]): Buffer {
  return Buffer.concat(
    ids.map((id) => {
      const bytes = Buffer.from(response.bytes);
      bytes.writeUInt32BE(id, idAt);
      bytes.writeUInt32BE(id, response.contentAt);
      return bytes;
    }),
  );
}

describe('frame scanner', () => {
  test('finds every frame however the stream is split', () => {
    const stream = responses(1, 2, 0xfffffffe);
    for (let first = 0; first <= stream.length; first++) {
      for (let second = first; second <= stream.length; second += 7) {
        const seen: number[] = [];
        const scanner = new FrameScanner('responses', (bytes, start, contentStart, end) => {
          assert.equal(end - start, response.bytes.length);
          assert.equal(bytes.readUInt32BE(contentStart), bytes.readUInt32BE(start + idAt));
          seen.push(bytes.readUInt32BE(start + idAt));
        });
        for (const chunk of [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)])
          scanner.scan(chunk);
        assert.deepEqual(seen, [1, 2, 0xfffffffe], `split at ${first} and ${second}`);
      }
    }
  });

  test('refuses what is not a frame of its kind', () => {
    const scanner = () => new FrameScanner('responses', () => assert.fail('a frame'));
    assert.throws(() => scanner().scan(requestTemplate(8).bytes), /not a frame/);
    assert.throws(() => scanner().scan(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')), /not a frame/);
    const huge = Buffer.from(response.bytes);
    huge.writeUInt32BE(0xffffffff, 16);
    assert.throws(() => scanner().scan(huge), /a frame of 4/);
    const bytewise = scanner();
    assert.throws(() => {
      for (const byte of huge) bytewise.scan(Buffer.of(byte));
    }, /a frame of 4/);
  });
});
