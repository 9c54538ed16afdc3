import type { FrameFault } from '@sofamesh/contract/frame-format';
import type { CodecLimits } from '@sofamesh/contract/protocol';
import { type ByteWriter, readUint16, readUint32, writeUint32 } from '../shared/byte-writer.ts';
import { needMore } from '../shared/frame-splitter.ts';
import { Encoding, MessageHead } from '../shared/thrift/message.ts';

/**
 * Frames of Dubbo's own Thrift protocol (`thrift://` of Dubbo 2, ThriftCodec). All numbers are big-endian.
 *
 *     0        4      6        10       12  13            …       head end
 *     ┌────────┬──────┬────────┬────────┬───┬─────────────┬──────┬─────────────┐
 *     │ length │ DABC │ length │ head   │ 1 │ u32 service │ path │ u64 request │ message of Thrift, binary
 *     └────────┴──────┴────────┴────────┴───┴─────────────┴──────┴─────────────┘
 *     length: octets behind the first four, twice; head: octets from DABC up to the message
 *     path: u32 and text, as Dubbo 2.7 writes it; older ones do not
 */
export const headBytes = 12;
const serviceAt = 13;
const idBytes = 8;
/** Magic, length, head length, version, length of the service, id. */
const headLengthMin = 21;
/** Head, empty name and empty struct of a strict binary message. */
const messageBytesMin = 13;

const badMagic: FrameFault = { code: 'bad_magic', message: 'the frame does not hold DA BC behind its length' };
const badLength: FrameFault = { code: 'bad_length', message: 'the lengths in the frame do not add up' };
const headTooLarge: FrameFault = { code: 'head_too_large', message: 'the head exceeds the limit' };

/** As `FrameFormat.length`. Any text would begin with some length, so what counts first is the magic behind it. */
export function measure(bytes: Buffer, at: number, end: number, limits: CodecLimits): number | FrameFault {
  const have = end - at;
  if (have > 4 && bytes[at + 4] !== 0xda) return badMagic;
  if (have > 5 && bytes[at + 5] !== 0xbc) return badMagic;
  if (have < headBytes) return needMore;
  const length = readUint32(bytes, at);
  const head = readUint16(bytes, at + 10);
  if (head < headLengthMin || length < head + messageBytesMin) return badLength;
  return head > limits.headBytesMax ? headTooLarge : 4 + length;
}

export function detect(prefix: Buffer): 'match' | 'mismatch' | 'more' {
  // A length of 16 MiB and more would begin as other protocols do.
  if (prefix[0] !== 0) return 'mismatch';
  if (prefix.length < 5) return 'more';
  if (prefix[4] !== 0xda) return 'mismatch';
  if (prefix.length < 6) return 'more';
  return prefix[5] === 0xbc ? 'match' : 'mismatch';
}

/** Where the parts of a whole frame lie. One object reads many frames, one after the other. */
export class FrameParts {
  readonly message = new MessageHead();
  readonly serviceStart = serviceAt + 4;
  serviceEnd = 0;
  /** The request id in front of the message, and the struct behind the message's head. */
  idAt = 0;
  structAt = 0;

  get messageAt(): number {
    return this.idAt + idBytes;
  }

  /** False when service or message cannot be read; the id can. */
  read(frame: Buffer): boolean {
    this.idAt = idAt(frame);
    this.serviceEnd = this.serviceStart + readUint32(frame, serviceAt);
    if (this.serviceEnd > this.idAt || frame[this.messageAt] !== 0x80) return false;
    this.structAt = this.message.read(frame, this.messageAt, frame.length);
    return this.structAt > 0 && this.message.encoding === Encoding.binary;
  }
}

export function idAt(frame: Buffer): number {
  return 4 + readUint16(frame, 10) - idBytes;
}

export function readId(frame: Buffer): number | bigint {
  const at = idAt(frame);
  const high = readUint32(frame, at);
  const low = readUint32(frame, at + 4);
  return high === 0 ? low : (BigInt(high) << 32n) | BigInt(low);
}

export function stampId(frame: Buffer, id: number | bigint): Buffer {
  const at = idAt(frame);
  writeUint32(frame, at, typeof id === 'number' ? 0 : Number((id >> 32n) & 0xffff_ffffn));
  writeUint32(frame, at + 4, typeof id === 'number' ? id : Number(id & 0xffff_ffffn));
  return frame;
}

/**
 * The head of a frame, up to its message, under another service. The path behind it is changed, too, if it repeats the old
 * one. False when there is no room.
 */
export function writeHead(writer: ByteWriter, frame: Buffer, parts: FrameParts, service: string): boolean {
  const { serviceStart, serviceEnd } = parts;
  const received = frame.subarray(serviceStart, serviceEnd);
  const renamed = Buffer.from(service);
  const path = frame.subarray(serviceEnd, parts.idAt);
  const repeats = path.length === received.length + 4 && path.subarray(4).equals(received);
  const length = parts.idAt + idBytes - 4 + (renamed.length - received.length) * (repeats ? 2 : 1);
  if (length > 0xffff) return false;
  writer.copy(frame, 0, 10);
  writer.uint16(length);
  writer.copy(frame, 12, serviceAt);
  for (let times = repeats ? 2 : 1; times > 0; times--) {
    writer.uint32(renamed.length);
    writer.copy(renamed, 0, renamed.length);
  }
  writer.copy(frame, repeats ? parts.idAt : serviceEnd, parts.messageAt);
  return true;
}

/** Sets both lengths. */
export function finish(writer: ByteWriter): Buffer {
  const frame = writer.finish();
  writeUint32(frame, 0, frame.length - 4);
  writeUint32(frame, 6, frame.length - 4);
  return frame;
}
