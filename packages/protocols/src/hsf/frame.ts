import type { FrameFault } from '@sofamesh/contract/frame-format';
import type { CodecLimits } from '@sofamesh/contract/protocol';
import { readUint16, readUint32 } from '../shared/byte-writer.ts';

/**
 * A frame of the HSF-like profile (docs/hsf-frame.md has the specification). Numbers are big-endian, texts are UTF-8.
 *
 *      0  magic          0xe8 0x5f
 *      2  version        1
 *      3  operation      see {@link Operation}
 *      4  codec          of arguments and result; 0: text
 *      5  status         of a reply
 *      6  service        u16, bytes of the name
 *      8  id             u64
 *     16  timeout        i32, milliseconds; 0 or less: none
 *     20  method         u16, bytes of the name
 *     22  types          u16, bytes of the argument types
 *     24  attachments    u32, bytes
 *     28  arguments      u32, bytes; of a reply: the result
 *     32  service, method, types, arguments, attachments
 *
 * An attachment is a key and a value, each with its length (u16) before it.
 */
export const headBytes = 32;
export const magic = 0xe85f;
export const version = 1;

export const Operation = { request: 0, oneWay: 1, reply: 2, heartbeat: 3, heartbeatReply: 4, goAway: 5 } as const;

/** As `FrameFormat.length`. */
export function frameLength(bytes: Buffer, at: number, end: number, limits: CodecLimits): number | FrameFault {
  if (bytes[at] !== magic >> 8 || (end - at > 1 && bytes[at + 1] !== (magic & 0xff))) {
    return { code: 'bad_magic', message: 'not a frame of the HSF profile' };
  }
  if (end - at > 2 && bytes[at + 2] !== version) return { code: 'bad_version', message: 'an unknown version' };
  if (end - at > 3 && bytes[at + 3]! > Operation.goAway)
    return { code: 'bad_operation', message: 'an unknown operation' };
  if (end - at < headBytes) return 0;
  const names = readUint16(bytes, at + 6) + readUint16(bytes, at + 20) + readUint16(bytes, at + 22);
  const attachments = readUint32(bytes, at + 24);
  if (names + attachments > limits.headBytesMax) {
    return { code: 'head_too_large', message: 'names and attachments exceed the limit' };
  }
  return headBytes + names + attachments + readUint32(bytes, at + 28);
}

/** Where the parts of a frame begin; each ends where the next one begins. */
export interface Parts {
  readonly method: number;
  readonly types: number;
  readonly arguments: number;
  readonly attachments: number;
}

export function partsOf(frame: Buffer): Parts {
  const method = headBytes + readUint16(frame, 6);
  const types = method + readUint16(frame, 20);
  const args = types + readUint16(frame, 22);
  return { method, types, arguments: args, attachments: args + readUint32(frame, 28) };
}

/** Where one attachment lies, lengths included. */
export interface Attachment {
  readonly start: number;
  readonly value: number;
  readonly end: number;
}

/** Undefined: the lengths do not add up, or there are more than that. */
export function attachmentsOf(frame: Buffer, countMax = Number.POSITIVE_INFINITY): Attachment[] | undefined {
  const attachments: Attachment[] = [];
  let at = partsOf(frame).attachments;
  while (at < frame.length) {
    const value = textEnd(frame, at);
    const end = textEnd(frame, value);
    if (end > frame.length || attachments.length === countMax) return undefined;
    attachments.push({ start: at, value, end });
    at = end;
  }
  return attachments;
}

/** Behind the text whose length is at `at`; behind the frame when that is not all there. */
function textEnd(frame: Buffer, at: number): number {
  return at + 2 > frame.length ? frame.length + 1 : at + 2 + readUint16(frame, at);
}
