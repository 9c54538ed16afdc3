import { readUint32 } from '../shared/byte-writer.ts';
import { dataFrame, frameHeadBytes, paddedFlag } from './frame.ts';

/** Who takes the frames. Every method may stop the reader. */
export interface FrameSink {
  /** Nothing more should be decoded for now; looked at between frames. */
  readonly full: boolean;
  /** The head of every frame, as soon as it is known: where its length and its place are judged. */
  onFrameHead(type: number, flags: number, streamId: number, length: number): void;
  /** A whole frame other than DATA; its payload is `bytes` from `start` to `end`. */
  onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void;
  /** Data of the DATA frame whose head came last, as it arrives. `last`: the frame is complete. */
  onData(bytes: Buffer, start: number, end: number, last: boolean): void;
  /** Octets of padding in that frame, its length octet included. */
  onPadding(length: number): void;
  /** The padding is longer than its frame. */
  onBadPadding(): void;
}

const nothing = Buffer.alloc(0);

/**
 * Finds frames in the bytes of a connection. Data is passed on as it arrives, whether its frame is whole or not; other
 * frames when they are whole, from where they lie in the chunk. Only what a chunk's end has cut is copied.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  /** The head of a frame that is cut. */
  readonly #head: Buffer = Buffer.allocUnsafe(frameHeadBytes);
  #headLength = 0;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  /** Of a DATA frame: octets still to come, its padding not counted; -1 outside of one. */
  #dataLeft = -1;
  #paddingLeft = 0;
  /** The octet that tells the length of the padding comes next. */
  #paddingUnknown = false;
  /** The payload of another frame that is cut; its length is the frame's. */
  #payload: Buffer | undefined = undefined;
  #payloadLength = 0;
  /** What cannot be decoded yet. */
  #rest: Buffer | undefined = undefined;
  #decoding = false;
  #stopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Bytes of a frame that has begun and is not whole; data is not held. */
  get heldBytes(): number {
    return this.#headLength + this.#payloadLength;
  }

  /** Whole frames may be waiting. */
  get waiting(): boolean {
    return this.#rest !== undefined;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  push(chunk: Buffer): void {
    if (this.#stopped || chunk.length === 0) return;
    if (this.#decoding || this.#rest !== undefined) {
      this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
      this.resume();
    } else this.#decode(chunk);
  }

  /** Goes on with what waits, if the sink lets it. */
  resume(): void {
    const rest = this.#rest;
    if (rest === undefined || this.#decoding || this.#sink.full) return;
    this.#rest = undefined;
    this.#decode(rest);
  }

  /** Forgets everything and decodes nothing more. */
  stop(): void {
    this.#stopped = true;
    this.#rest = undefined;
    this.#payload = undefined;
    this.#headLength = this.#payloadLength = 0;
  }

  #decode(bytes: Buffer): void {
    this.#decoding = true;
    let chunk = bytes;
    let at = 0;
    for (;;) {
      while (at < chunk.length && !this.#stopped && !(this.#headLength === 0 && this.#sink.full)) {
        at = this.#step(chunk, at);
      }
      if (this.#stopped || this.#rest === undefined || at < chunk.length) break;
      // A call from inside a handler has left its bytes.
      chunk = this.#rest;
      this.#rest = undefined;
      at = 0;
    }
    this.#decoding = false;
    if (this.#stopped) this.#rest = undefined;
    else if (at < chunk.length) {
      const left = at === 0 ? chunk : chunk.subarray(at);
      this.#rest = this.#rest === undefined ? left : Buffer.concat([left, this.#rest]);
    }
  }

  /** Handles what begins at `at` and returns where to go on. */
  #step(bytes: Buffer, at: number): number {
    if (this.#dataLeft >= 0) return this.#readData(bytes, at);
    if (this.#payload !== undefined) return this.#readPayload(bytes, at);
    if (this.#headLength === 0 && bytes.length - at >= frameHeadBytes) {
      return this.#begin(bytes, at, bytes, at + frameHeadBytes);
    }
    const taken = Math.min(frameHeadBytes - this.#headLength, bytes.length - at);
    bytes.copy(this.#head, this.#headLength, at, at + taken);
    this.#headLength += taken;
    if (this.#headLength < frameHeadBytes) return at + taken;
    this.#headLength = 0;
    return this.#begin(this.#head, 0, bytes, at + taken);
  }

  #begin(head: Buffer, headAt: number, bytes: Buffer, at: number): number {
    const length = (head[headAt]! << 16) | (head[headAt + 1]! << 8) | head[headAt + 2]!;
    const type = head[headAt + 3]!;
    const flags = head[headAt + 4]!;
    const streamId = readUint32(head, headAt + 5) & 0x7fff_ffff;
    this.#sink.onFrameHead(type, flags, streamId, length);
    if (this.#stopped) return at;
    if (type === dataFrame) {
      this.#paddingUnknown = (flags & paddedFlag) !== 0;
      this.#paddingLeft = 0;
      this.#dataLeft = length;
      if (length > 0) return at;
      if (this.#paddingUnknown) this.#sink.onBadPadding();
      else this.#endData(nothing, 0, 0);
      return at;
    }
    const end = at + length;
    if (end <= bytes.length) {
      this.#sink.onFrame(type, flags, streamId, bytes, at, end);
      return end;
    }
    this.#type = type;
    this.#flags = flags;
    this.#streamId = streamId;
    this.#payload = Buffer.allocUnsafe(length);
    this.#payloadLength = 0;
    return at;
  }

  #readPayload(bytes: Buffer, at: number): number {
    const payload = this.#payload!;
    const taken = Math.min(payload.length - this.#payloadLength, bytes.length - at);
    bytes.copy(payload, this.#payloadLength, at, at + taken);
    this.#payloadLength += taken;
    if (this.#payloadLength === payload.length) {
      this.#payload = undefined;
      this.#payloadLength = 0;
      this.#sink.onFrame(this.#type, this.#flags, this.#streamId, payload, 0, payload.length);
    }
    return at + taken;
  }

  #readData(bytes: Buffer, from: number): number {
    let at = from;
    if (this.#paddingUnknown) {
      this.#paddingUnknown = false;
      const padding = bytes[at++]!;
      this.#dataLeft -= 1 + padding;
      this.#paddingLeft = padding;
      if (this.#dataLeft < 0) {
        this.#sink.onBadPadding();
        return at;
      }
      this.#sink.onPadding(1 + padding);
      if (this.#stopped) return at;
    }
    const start = at;
    const end = Math.min(bytes.length, start + this.#dataLeft);
    this.#dataLeft -= end - start;
    const paddingTaken = this.#dataLeft > 0 ? 0 : Math.min(this.#paddingLeft, bytes.length - end);
    this.#paddingLeft -= paddingTaken;
    if (this.#dataLeft === 0 && this.#paddingLeft === 0) this.#endData(bytes, start, end);
    else if (end > start) this.#sink.onData(bytes, start, end, false);
    return end + paddingTaken;
  }

  #endData(bytes: Buffer, start: number, end: number): void {
    this.#dataLeft = -1;
    this.#sink.onData(bytes, start, end, true);
  }
}
