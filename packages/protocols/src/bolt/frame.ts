import type { CodecLimits } from '@sofamesh/contract/protocol';
import { readUint16, readUint32, writeUint32 } from '../shared/byte-writer.ts';
import { crc32 } from '../shared/crc32.ts';
import { needMore } from '../shared/frame-splitter.ts';

/**
 * Frames of bolt, SOFARPC's protocol. All numbers are big-endian; lengths are read unsigned. Versions may be mixed on one connection.
 *
 *     v1 request            0     1     2         4     5      9      10       14     16      18       22
 *                        ┌─────┬─────┬─────────┬─────┬──────┬──────┬────────┬──────┬───────┬────────┬───────┬────────┬─────────┐
 *                        │  1  │type │ command │ ver │  id  │codec │timeout │class │header │content │ class │ header │ content │
 *                        └─────┴─────┴─────────┴─────┴──────┴──────┴────────┴──────┴───────┴────────┴───────┴────────┴─────────┘
 *                                                                   signed ms  └──── lengths ────┘
 *     v1 response           … the same up to codec, then  10 status (2)  12 class  14 header  16 content  20 …
 *     v2                    a protocol version (1 or 2) behind byte 0 and switch bits behind the codec: everything before the switch
 *                           moves by one, everything behind it by two. Version 2 with switch bit 0 ends in a CRC-32 (4) of all
 *                           bytes before it; version 1 never does, whatever its switch says.
 *
 *     header block          ┌────────────┬─────┬──────────────┬───────┐
 *                           │ key length │ key │ value length │ value │ …      length 0xFFFFFFFF: null
 *                           └────────────┴─────┴──────────────┴───────┘
 */
export const FrameType = { response: 0, request: 1, oneWay: 2 } as const;

export const Command = { heartbeat: 0, request: 1, response: 2, goAway: 100 } as const;

/** Codec byte of hessian2, for frames that are no answer to anything. */
export const hessian2Codec = 1;

/** With so many bytes the length of every kind of frame is known: the head of a v2 request. */
export const headBytes = 24;

const nothing = Buffer.alloc(0);

/** A class name longer than this is nobody's class name. */
export const classBytesMax = 1024;

/** What is wrong with a frame, as answers of {@link measure}. */
export const FrameFault = { badMagic: -1, badVersion: -2, badType: -3, headTooLarge: -4, frameTooLarge: -5 } as const;

export const faultTexts: Readonly<Record<number, readonly [code: string, message: string]>> = {
  [FrameFault.badMagic]: ['bad_magic', 'the frame does not begin with 1 or 2'],
  [FrameFault.badVersion]: ['bad_version', 'the version of the protocol is not 1 or 2'],
  [FrameFault.badType]: ['bad_frame_type', 'the frame is no request, one-way request or response'],
  [FrameFault.headTooLarge]: ['head_too_large', 'class or header block exceeds the limit'],
  [FrameFault.frameTooLarge]: ['frame_too_large', 'the frame exceeds the limit'],
};

/** How far the fields up to the id are from where v1 has them; twice as far behind the switch. */
export function shiftOf(bytes: Uint8Array, at = 0): 0 | 1 {
  return bytes[at] === 2 ? 1 : 0;
}

export function typeOf(frame: Uint8Array): number {
  return frame[1 + shiftOf(frame)]!;
}

export function commandOf(frame: Uint8Array): number {
  return readUint16(frame, 2 + shiftOf(frame));
}

export function idOf(frame: Uint8Array): number {
  return readUint32(frame, 5 + shiftOf(frame));
}

/** Codec byte: what the content is serialized with. */
export function codecOf(frame: Uint8Array): number {
  return frame[9 + shiftOf(frame)]!;
}

export function hasChecksum(bytes: Uint8Array, at = 0): boolean {
  return bytes[at] === 2 && bytes[at + 1] === 2 && (bytes[at + 11]! & 1) === 1;
}

/** Length of the frame at `at`, {@link needMore}, or one of {@link FrameFault}; it decides as early as the bytes allow. */
export function measure(bytes: Uint8Array, at: number, end: number, limits: CodecLimits): number {
  const have = end - at;
  const magic = bytes[at]!;
  if (magic !== 1 && magic !== 2) return FrameFault.badMagic;
  const shift = magic - 1;
  if (shift === 1 && have > 1 && bytes[at + 1] !== 1 && bytes[at + 1] !== 2) return FrameFault.badVersion;
  if (have < 2 + shift) return needMore;
  const type = bytes[at + 1 + shift]!;
  if (type > FrameType.oneWay) return FrameFault.badType;
  const lengthsAt = (type === FrameType.response ? 12 : 14) + 2 * shift;
  if (have < lengthsAt + 8) return needMore;
  const classLength = readUint16(bytes, at + lengthsAt);
  const headerLength = readUint16(bytes, at + lengthsAt + 2);
  if (classLength > classBytesMax || classLength + headerLength > limits.headBytesMax) return FrameFault.headTooLarge;
  const contentLength = readUint32(bytes, at + lengthsAt + 4);
  const checksum = hasChecksum(bytes, at) ? 4 : 0;
  const length = lengthsAt + 8 + classLength + headerLength + contentLength + checksum;
  return length > limits.frameBytesMax ? FrameFault.frameTooLarge : length;
}

/** True when a whole frame has no checksum or the right one. */
export function checksumHolds(frame: Buffer): boolean {
  if (!hasChecksum(frame)) return true;
  const at = frame.length - 4;
  return crc32(frame.subarray(0, at)) === readUint32(frame, at);
}

/** Puts an id into a whole frame, and the checksum that follows from it. */
export function stampId(frame: Buffer, id: number): Buffer {
  writeUint32(frame, 5 + shiftOf(frame), id);
  return sealed(frame);
}

/** Puts the checksum in its place where the frame has one. */
export function sealed(frame: Buffer): Buffer {
  if (hasChecksum(frame)) writeUint32(frame, frame.length - 4, crc32(frame.subarray(0, frame.length - 4)));
  return frame;
}

/** A response without class, header or content; `like` is the request that it answers. */
export function emptyResponse(like: Uint8Array, command: number, id: number, status: number, codec: number): Buffer {
  return response(like, command, id, status, codec, nothing, nothing);
}

/** A response without a header; `like` is the request that it answers. */
export function response(
  like: Uint8Array,
  command: number,
  id: number,
  status: number,
  codec: number,
  className: Buffer,
  content: Buffer,
): Buffer {
  const shift = shiftOf(like);
  const checksum = command !== Command.heartbeat && hasChecksum(like);
  const classStart = 20 + 2 * shift;
  const contentStart = classStart + className.length;
  const frame = Buffer.alloc(contentStart + content.length + (checksum ? 4 : 0));
  writePrologue(frame, like, FrameType.response, command, codec);
  if (checksum) frame[11] = 1;
  frame.writeUInt16BE(status, 10 + 2 * shift);
  frame.writeUInt16BE(className.length, 12 + 2 * shift);
  writeUint32(frame, 16 + 2 * shift, content.length);
  className.copy(frame, classStart);
  content.copy(frame, contentStart);
  return stampId(frame, id);
}

/** A request without class, header or content: heartbeat and GOAWAY. `like` is a frame in the version that the peer speaks. */
export function emptyRequest(like: Uint8Array, command: number, id: number, timeoutMs: number): Buffer {
  const shift = shiftOf(like);
  const frame = Buffer.alloc(22 + 2 * shift);
  writePrologue(frame, like, FrameType.request, command, hessian2Codec);
  frame.writeInt32BE(timeoutMs, 10 + 2 * shift);
  return stampId(frame, id);
}

function writePrologue(frame: Buffer, like: Uint8Array, type: number, command: number, codec: number): void {
  const shift = shiftOf(like);
  frame[0] = like[0]!;
  if (shift === 1) frame[1] = like[1]!;
  frame[1 + shift] = type;
  frame.writeUInt16BE(command, 2 + shift);
  frame[4 + shift] = 1;
  frame[9 + shift] = codec;
}
