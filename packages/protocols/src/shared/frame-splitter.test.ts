import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FrameSink, FrameSplitter, needMore, refused } from './frame-splitter.ts';

/** Frames of a length byte pair and so many bytes; 0xffff is refused. Short frames are shorter than `headBytes`. */
class Sink implements FrameSink {
  readonly frames: string[] = [];
  full = false;
  /** Becomes full when so many frames were seen. */
  fullAt = Number.POSITIVE_INFINITY;
  looks = 0;

  frameLength(bytes: Buffer, at: number, end: number): number {
    this.looks++;
    if (end - at < 2) return needMore;
    const length = bytes.readUInt16BE(at);
    return length === 0xffff ? refused : 2 + length;
  }

  onFrame(frame: Buffer): void {
    this.frames.push(frame.toString('hex'));
    this.full = this.frames.length >= this.fullAt;
  }
}

function frame(length: number, fill = 7): Buffer {
  const bytes = Buffer.alloc(2 + length, fill);
  bytes.writeUInt16BE(length);
  return bytes;
}

const someFrames = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 12 });

test('frames are the same however the stream is cut', () => {
  fc.assert(
    fc.property(someFrames, fc.array(fc.nat(4000), { maxLength: 30 }), (lengths, cuts) => {
      const frames = lengths.map((length, index) => frame(length, index));
      const stream = Buffer.concat(frames);
      const sink = new Sink();
      const splitter = new FrameSplitter(sink, 20);
      let from = 0;
      for (const to of [...cuts.map((at) => at % stream.length).sort((a, b) => a - b), stream.length]) {
        splitter.push(Buffer.from(stream.subarray(from, to)));
        from = to;
      }
      assert.deepEqual(
        sink.frames,
        frames.map((each) => each.toString('hex')),
      );
      assert.equal(splitter.heldBytes, 0);
      assert.ok(splitter.empty);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('a frame in one chunk is not copied', () => {
  const chunk = Buffer.concat([frame(3), frame(4)]);
  const seen: Buffer[] = [];
  const sink = new Sink();
  sink.onFrame = (bytes) => seen.push(bytes);
  new FrameSplitter(sink, 20).push(chunk);
  assert.deepEqual(
    seen.map((bytes) => bytes.buffer === chunk.buffer),
    [true, true],
  );
});

test('a full sink gets nothing until it is resumed, and then everything in order', () => {
  const sink = new Sink();
  sink.fullAt = 2;
  const splitter = new FrameSplitter(sink, 20);
  splitter.push(Buffer.concat([frame(1, 1), frame(1, 2), frame(1, 3), frame(9, 4).subarray(0, 4)]));
  splitter.push(frame(9, 4).subarray(4));
  assert.equal(sink.frames.length, 2);
  assert.equal(splitter.heldBytes, 0, 'what waits on our side is not the fault of the peer');
  assert.ok(!splitter.empty);
  sink.fullAt = 99;
  sink.full = false;
  splitter.resume();
  assert.deepEqual(sink.frames.slice(2), [frame(1, 3).toString('hex'), frame(9, 4).toString('hex')]);
});

test('bytes that arrive while a frame is handled come after those that were there', () => {
  const sink = new Sink();
  const splitter = new FrameSplitter(sink, 20);
  const onFrame = sink.onFrame.bind(sink);
  sink.onFrame = (bytes) => {
    if (sink.frames.length === 0) splitter.push(frame(1, 3));
    onFrame(bytes);
  };
  splitter.push(Buffer.concat([frame(1, 1), frame(1, 2)]));
  assert.deepEqual(sink.frames, ['000101', '000102', '000103']);
});

test('after a refusal nothing is looked at any more', () => {
  const sink = new Sink();
  const splitter = new FrameSplitter(sink, 20);
  splitter.push(Buffer.from('ffff', 'hex'));
  const { looks } = sink;
  splitter.push(frame(1));
  splitter.resume();
  assert.equal(sink.looks, looks);
  assert.deepEqual(sink.frames, []);
  assert.equal(splitter.heldBytes, 0);
});

test('detach gives back what was not handed on', () => {
  const sink = new Sink();
  const splitter = new FrameSplitter(sink, 20);
  splitter.push(Buffer.concat([frame(2), frame(30).subarray(0, 9)]));
  assert.equal(splitter.heldBytes, 9);
  assert.deepEqual(splitter.detach(), frame(30).subarray(0, 9));
  splitter.push(frame(1));
  assert.equal(sink.frames.length, 1);
});

/** Frames end at a zero, which is looked for once in every byte. */
class MarkSink extends Sink {
  #seen = 0;

  override frameLength(bytes: Buffer, at: number, end: number): number {
    for (; at + this.#seen < end; this.#seen++) {
      this.looks++;
      if (bytes[at + this.#seen] !== 0) continue;
      const length = this.#seen + 1;
      this.#seen = 0;
      return length;
    }
    return needMore;
  }
}

test('frames that say nowhere how long they are may be searched for their end, once', () => {
  fc.assert(
    fc.property(someFrames, fc.array(fc.nat(4000), { maxLength: 30 }), (lengths, cuts) => {
      const frames = lengths.map((length) => Buffer.concat([Buffer.alloc(length * 5, 7), Buffer.of(0)]));
      const stream = Buffer.concat(frames);
      const sink = new MarkSink();
      const splitter = new FrameSplitter(sink, Number.POSITIVE_INFINITY);
      let from = 0;
      for (const to of [...cuts.map((at) => at % stream.length).sort((a, b) => a - b), stream.length]) {
        splitter.push(Buffer.from(stream.subarray(from, to)));
        from = to;
      }
      assert.deepEqual(
        sink.frames,
        frames.map((each) => each.toString('hex')),
      );
      assert.equal(sink.looks, stream.length);
      assert.equal(splitter.heldBytes, 0);
    }),
    { numRuns: 100, seed: 4 },
  );
});

/** A sink for one huge frame. */
class HugeSink extends Sink {
  override frameLength(): number {
    return 8 * 1024 * 1024;
  }
}

test('what a peer claims is not allocated', () => {
  const before = process.memoryUsage().arrayBuffers;
  const splitters = Array.from({ length: 500 }, () => new FrameSplitter(new HugeSink(), 20));
  for (const splitter of splitters) for (let byte = 0; byte < 40; byte++) splitter.push(Buffer.alloc(1));
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < splitters.length * 32 * 1024, `${grown} bytes for ${splitters.length} peers`);
});

test('a long frame in small chunks takes linear time', () => {
  const sink = new HugeSink();
  let bytes = 0;
  sink.onFrame = (whole) => {
    bytes = whole.length;
  };
  const splitter = new FrameSplitter(sink, 20);
  const chunk = Buffer.alloc(64);
  const started = process.cpuUsage();
  for (let sent = 0; sent < 8 * 1024 * 1024; sent += chunk.length) splitter.push(chunk);
  const spentMs = process.cpuUsage(started).user / 1000;
  assert.equal(bytes, 8 * 1024 * 1024);
  // Copying everything for each chunk would move half a terabyte.
  assert.ok(spentMs < 3000, `${spentMs} ms`);
});
