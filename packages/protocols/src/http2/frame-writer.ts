import type { StreamStats } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { writeUint32 } from '../shared/byte-writer.ts';
import {
  ackFlag,
  continuationFrame,
  dataFrame,
  defaultFrameBytes,
  endHeadersFlag,
  endStreamFlag,
  frameHeadBytes,
  goAwayFrame,
  headersFrame,
  pingFrame,
  resetFrame,
  settingsFrame,
  windowUpdateFrame,
} from './frame.ts';

const slabBytes = 32 * 1024;
/** A chunk of data up to this size is copied behind its frame's head: cheaper than a write of its own. */
const copiedDataBytesMax = 2048;

/**
 * Where all connections of a thread put small frames, one connection at a time: what it has put there and not passed on
 * lies from `slabStart` to `slabEnd`. Bytes that were passed on are never touched again.
 */
let slab = Buffer.allocUnsafeSlow(slabBytes);
let slabStart = 0;
let slabEnd = 0;
let slabOwner: FrameWriter | undefined;

/** Writes frames. They are passed to the connection by {@link flush}, many at a time. */
export class FrameWriter {
  readonly #connection: Connection;
  readonly #stats: StreamStats | undefined;
  /** Frames written, and those that a peer can make us write, since somebody has looked. */
  frames = 0;
  controlFrames = 0;
  /** DATA frames that were ever written. */
  dataFrames = 0;
  #passedBytes = 0;

  constructor(connection: Connection, stats?: StreamStats) {
    this.#connection = connection;
    this.#stats = stats;
  }

  /** Bytes that were ever written. */
  get writtenBytes(): number {
    return slabOwner === this ? this.#passedBytes + slabEnd - slabStart : this.#passedBytes;
  }

  flush(): void {
    if (slabOwner !== this) return;
    slabOwner = undefined;
    if (slabEnd === slabStart) return;
    const bytes = slab.subarray(slabStart, slabEnd);
    slabStart = slabEnd;
    this.#pass(bytes);
  }

  /** Data of at most the peer's frame size; it must fit the windows. */
  data(streamId: number, chunk: Buffer, start: number, end: number, endStream: boolean): void {
    const length = end - start;
    this.dataFrames++;
    if (length <= copiedDataBytesMax) {
      const at = this.#begin(length, dataFrame, endStream ? endStreamFlag : 0, streamId, length);
      chunk.copy(slab, at, start, end);
      return;
    }
    this.#begin(length, dataFrame, endStream ? endStreamFlag : 0, streamId, 0);
    this.flush();
    this.#pass(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end));
  }

  /** A header block, in as many frames as it takes. `block` is copied. */
  headers(streamId: number, block: Buffer, endStream: boolean): void {
    let type = headersFrame;
    let flags = endStream ? endStreamFlag : 0;
    let at = 0;
    do {
      const length = Math.min(block.length - at, defaultFrameBytes);
      if (at + length === block.length) flags |= endHeadersFlag;
      const target = this.#begin(length, type, flags, streamId, length);
      block.copy(slab, target, at, at + length);
      at += length;
      type = continuationFrame;
      flags = 0;
    } while (at < block.length);
  }

  reset(streamId: number, errorCode: number): void {
    this.controlFrames++;
    this.#stats?.txReset.increment();
    const at = this.#begin(4, resetFrame, 0, streamId, 4);
    writeUint32(slab, at, errorCode);
  }

  /** Pairs of setting and value. */
  settings(pairs: readonly (readonly [setting: number, value: number])[]): void {
    let at = this.#begin(pairs.length * 6, settingsFrame, 0, 0, pairs.length * 6);
    for (const [setting, value] of pairs) {
      slab[at] = setting >>> 8;
      slab[at + 1] = setting;
      writeUint32(slab, at + 2, value);
      at += 6;
    }
  }

  settingsAck(): void {
    this.controlFrames++;
    this.#begin(0, settingsFrame, ackFlag, 0, 0);
  }

  /** `opaque`: eight octets from `start`. */
  ping(opaque: Buffer, start: number, ack: boolean): void {
    this.controlFrames++;
    const at = this.#begin(8, pingFrame, ack ? ackFlag : 0, 0, 8);
    opaque.copy(slab, at, start, start + 8);
  }

  goAway(lastStreamId: number, errorCode: number): void {
    const at = this.#begin(8, goAwayFrame, 0, 0, 8);
    writeUint32(slab, at, lastStreamId);
    writeUint32(slab, at + 4, errorCode);
  }

  windowUpdate(streamId: number, increment: number): void {
    const at = this.#begin(4, windowUpdateFrame, 0, streamId, 4);
    writeUint32(slab, at, increment);
  }

  /** Octets as they are: the preface. */
  raw(bytes: Buffer): void {
    this.flush();
    this.#pass(bytes);
  }

  /** Writes a frame's head and returns where the `room` octets behind it begin, in what is the slab from then on. */
  #begin(length: number, type: number, flags: number, streamId: number, room: number): number {
    this.frames++;
    if (slabOwner !== this) {
      slabOwner?.flush();
      slabOwner = this;
    }
    if (slabEnd + frameHeadBytes + room > slabBytes) {
      this.flush();
      slab = Buffer.allocUnsafeSlow(slabBytes);
      slabStart = slabEnd = 0;
      slabOwner = this;
    }
    const at = slabEnd;
    slab[at] = length >>> 16;
    slab[at + 1] = length >>> 8;
    slab[at + 2] = length;
    slab[at + 3] = type;
    slab[at + 4] = flags;
    writeUint32(slab, at + 5, streamId);
    slabEnd = at + frameHeadBytes + room;
    return at + frameHeadBytes;
  }

  #pass(bytes: Buffer): void {
    this.#passedBytes += bytes.length;
    this.#connection.write(bytes);
  }
}
