import type { CodecLimits } from '@sofamesh/contract/protocol';
import { ByteWriter, readUint32, writeUint32 } from '../shared/byte-writer.ts';
import { needMore } from '../shared/frame-splitter.ts';
import { writeText } from '../shared/hessian2/text.ts';

/**
 * Frames of Dubbo 2's protocol, which Dubbo 3 still speaks. All numbers are big-endian; the length is read unsigned.
 *
 *     0        2      3        4          12        16
 *     ┌────────┬──────┬────────┬──────────┬─────────┬──────┐
 *     │  DABB  │ flag │ status │    id    │ length  │ body │
 *     └────────┴──────┴────────┴──────────┴─────────┴──────┘
 *     flag: 0x80 request, 0x40 an answer is expected, 0x20 event, 0x1f how the body is serialized
 *
 *     body of a request, one hessian2 value after the other:
 *         Dubbo version, path, service version, method, parameter types, arguments …, attachments (a map)
 *     body of a response with status 20: kind, value unless it is null, attachments for the kinds 3 to 5
 *         0 or 3: exception    1 or 4: value    2 or 5: null
 *     body of any other response: a string
 *     body of an event: null is a heartbeat, "R" says that the server takes no new requests
 */
export const Flag = { request: 0x80, twoWay: 0x40, event: 0x20, serialization: 0x1f } as const;

export const Serialization = { hessian2: 2, fastjson2: 23 } as const;

export const headBytes = 16;

/** hessian2's null. */
const nullByte = 0x4e;
/** The text of an error that the proxy makes is cut here. */
const errorTextMax = 1024;
/** Longest body of an event that is looked at or sent back. */
const eventBytesMax = 16;

/** What is wrong with a frame, as answers of {@link measure}. */
export const FrameFault = { badMagic: -1, frameTooLarge: -2 } as const;

export const faultTexts: Readonly<Record<number, readonly [code: string, message: string]>> = {
  [FrameFault.badMagic]: ['bad_magic', 'the frame does not begin with DA BB'],
  [FrameFault.frameTooLarge]: ['frame_too_large', 'the frame exceeds the limit'],
};

/** Length of the frame at `at`, {@link needMore}, or one of {@link FrameFault}; it decides as early as the bytes allow. */
export function measure(bytes: Uint8Array, at: number, end: number, limits: CodecLimits): number {
  const have = end - at;
  if (bytes[at] !== 0xda || (have > 1 && bytes[at + 1] !== 0xbb)) return FrameFault.badMagic;
  if (have < headBytes) return needMore;
  const length = headBytes + readUint32(bytes, at + 12);
  return length > limits.frameBytesMax ? FrameFault.frameTooLarge : length;
}

/** Puts an id, as its two halves, into a frame. */
export function stampId(frame: Buffer, high: number, low: number): Buffer {
  writeUint32(frame, 4, high);
  writeUint32(frame, 8, low);
  return frame;
}

export function isRequest(frame: Uint8Array): boolean {
  return (frame[2]! & Flag.request) !== 0;
}

export function isTwoWay(frame: Uint8Array): boolean {
  return (frame[2]! & Flag.twoWay) !== 0;
}

export function isEvent(frame: Uint8Array): boolean {
  return (frame[2]! & Flag.event) !== 0;
}

/** True for the event by which a server says that it takes no new requests (hessian2: 01 52; others contain the R as well). */
export function isReadOnlyEvent(frame: Buffer): boolean {
  return frame.length <= headBytes + eventBytesMax && frame.indexOf(0x52, headBytes) > 0;
}

export function heartbeat(low: number): Buffer {
  return event(Flag.request | Flag.twoWay | Flag.event | Serialization.hessian2, 0, low, Buffer.of(nullByte));
}

export function readOnlyEvent(low: number): Buffer {
  return event(Flag.request | Flag.event | Serialization.hessian2, 0, low, Buffer.of(1, 0x52));
}

/** The answer to an event. Null looks different in every serialization: one we do not know gets back what it sent. */
export function eventReply(request: Buffer): Buffer {
  const serialization = request[2]! & Flag.serialization;
  const known = serialization === Serialization.hessian2 || request.length > headBytes + eventBytesMax;
  const body = known ? Buffer.of(nullByte) : request.subarray(headBytes);
  const reply = event(Flag.event | (known ? Serialization.hessian2 : serialization), 0, 0, body);
  reply[3] = 20;
  request.copy(reply, 4, 4, 12);
  return reply;
}

function event(flag: number, high: number, low: number, body: Buffer): Buffer {
  const frame = Buffer.alloc(headBytes + body.length);
  frame[0] = 0xda;
  frame[1] = 0xbb;
  frame[2] = flag;
  writeUint32(frame, 12, body.length);
  body.copy(frame, headBytes);
  return stampId(frame, high, low);
}

/**
 * A response with an error status and a text, in hessian2 whatever the request was written in: every client has it, and the
 * flag says so.
 */
export function errorReply(status: number, text: string, high: number, low: number): Buffer {
  const writer = new ByteWriter(64 + text.length);
  writer.uint32(0xdabb0000 + (Serialization.hessian2 << 8) + status);
  writer.uint32(high);
  writer.uint32(low);
  writer.uint32(0);
  writeText(writer, text.slice(0, errorTextMax));
  const frame = writer.finish();
  writeUint32(frame, 12, frame.length - headBytes);
  return frame;
}
