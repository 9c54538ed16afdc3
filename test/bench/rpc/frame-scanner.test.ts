import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { rpcFormats } from './formats.ts';
import { FrameScanner } from './frame-scanner.ts';

const ids = [1, 2, 0xfffffffe];
const lengthAt = { bolt: 16, dubbo: 12 };

for (const [name, format] of Object.entries(rpcFormats)) {
  const { request, response } = format;
  const stream = Buffer.concat(
    ids.map((id) => {
      const bytes = Buffer.from(response.template);
      format.writeId(bytes, 0, id);
      return bytes;
    }),
  );

  describe(`frame scanner, ${name}`, () => {
    test('finds every frame however the stream is split', () => {
      const interesting = (at: number) => at % response.template.length <= 40 || at % 97 === 0;
      for (let first = 0; first <= stream.length; first++) {
        if (!interesting(first)) continue;
        for (let second = first; second <= stream.length; second += 61) {
          const seen: number[] = [];
          const scanner = new FrameScanner(response, (bytes, start, end) => {
            assert.equal(end - start, response.template.length);
            assert.ok(format.succeeded(bytes, start));
            seen.push(format.readId(bytes, start));
          });
          for (const chunk of [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)])
            scanner.scan(chunk);
          assert.deepEqual(seen, ids, `split at ${first} and ${second}`);
        }
      }
    });

    test('refuses what is not a frame of its kind', () => {
      const scanner = () => new FrameScanner(response, () => assert.fail('a frame'));
      assert.throws(() => scanner().scan(request.template), /not a frame/);
      assert.throws(() => scanner().scan(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')), /not a frame/);
      const huge = Buffer.from(response.template);
      huge.writeUInt32BE(0xffffffff, lengthAt[name as keyof typeof lengthAt]);
      assert.throws(() => scanner().scan(huge), /a frame of 4/);
      const bytewise = scanner();
      assert.throws(() => {
        for (const byte of huge) bytewise.scan(Buffer.of(byte));
      }, /a frame of 4/);
    });
  });
}

test("a foreign half of Dubbo's id is no id of ours", () => {
  const bytes = Buffer.from(rpcFormats.dubbo.response.template);
  rpcFormats.dubbo.writeId(bytes, 0, 7);
  assert.equal(rpcFormats.dubbo.readId(bytes, 0), 7);
  bytes[4] = bytes[4]! ^ 0x80;
  assert.equal(rpcFormats.dubbo.readId(bytes, 0), -1);
});
