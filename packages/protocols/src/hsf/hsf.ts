import type { FrameEdits, FrameFormat, FrameKind } from '@sofamesh/contract/frame-format';
import type { LocalReply } from '@sofamesh/contract/message';
import type { Protocol } from '@sofamesh/contract/protocol';
import { writeUint32 } from '../shared/byte-writer.ts';
import { BytesCache } from '../shared/bytes-cache.ts';
import { readId64, writeId64 } from '../shared/frame-id.ts';
import { frameProtocol } from '../shared/frame-protocol.ts';
import { mergeEntries } from '../shared/merge-entries.ts';
import { type Attachment, attachmentsOf, frameLength, headBytes, magic, Operation, partsOf, version } from './frame.ts';
import { hsfStatusOf, httpStatusOf, replyStatusOf, Status } from './status.ts';

const names = new BytesCache((bytes, start, end) => bytes.toString('utf8', start, end));

/** Characters of an error text that the proxy makes. */
const errorTextMax = 1024;
/** A name, and a key or value of an attachment: its length has 16 bits. */
const textBytesMax = 0xffff;

/** A profile modelled on HSF, whose own frames are not public: docs/hsf-frame.md. */
const format: FrameFormat = {
  name: 'hsf',
  headBytes,
  detect(prefix) {
    if (prefix[0] !== magic >> 8 || (prefix.length > 1 && prefix[1] !== (magic & 0xff))) return 'mismatch';
    if (prefix.length < 3) return 'more';
    return prefix[2] === version ? 'match' : 'mismatch';
  },
  length: frameLength,

  kind(frame, limits): FrameKind {
    switch (frame[3]) {
      case Operation.request:
      case Operation.oneWay:
        if (attachmentsOf(frame, limits.headerCountMax) === undefined) return 'unreadable';
        return frame[3] === Operation.request ? 'request' : 'one-way';
      case Operation.reply:
        return 'reply';
      case Operation.heartbeat:
        return 'heartbeat';
      case Operation.heartbeatReply:
        return 'heartbeat-reply';
      default:
        return 'go-away';
    }
  },

  readId: (frame) => readId64(frame, 8),
  writeId: (frame, id) => writeId64(frame, 8, id),

  service: (frame) => names.read(frame, headBytes, partsOf(frame).method),
  method(frame) {
    const { method, types } = partsOf(frame);
    return names.read(frame, method, types);
  },
  timeoutMs: (frame) => frame.readInt32BE(16),
  errorReply(request, id, reply) {
    if (request[3] === Operation.oneWay) return Buffer.alloc(0);
    return errorReply(id, reply);
  },

  status: (reply) => reply[5]!,
  httpStatus: httpStatusOf,
  applicationError: (reply) => reply[5] === Status.applicationError,

  visitHeaders(frame, visitor) {
    for (const each of attachmentsOf(frame) ?? []) visitor(...textsOf(frame, each));
  },
  body(frame) {
    const parts = partsOf(frame);
    return frame.subarray(parts.arguments, parts.attachments);
  },
  rebuild,

  heartbeat: (id) => writeId64(empty(Operation.heartbeat), 8, id),
  heartbeatReply: (heartbeat) => writeId64(empty(Operation.heartbeatReply), 8, readId64(heartbeat, 8)),
  goAway: () => empty(Operation.goAway),
};

export const protocol: Protocol = frameProtocol(format);

/** A frame of nothing but its head. */
function empty(operation: number): Buffer {
  const frame = Buffer.alloc(headBytes);
  frame.writeUInt16BE(magic);
  frame[2] = version;
  frame[3] = operation;
  return frame;
}

function errorReply(id: number | bigint, reply: LocalReply): Buffer {
  const text = Buffer.from(`${reply.status}|${reply.body}`.slice(0, errorTextMax));
  const head = writeId64(empty(Operation.reply), 8, id);
  head[5] = replyStatusOf(reply);
  writeUint32(head, 28, text.length);
  return Buffer.concat([head, text]);
}

/** What was not edited is copied. Undefined: a text is too long for its length. */
function rebuild(frame: Buffer, { service, method, headers, body, status }: FrameEdits): Buffer | undefined {
  const parts = partsOf(frame);
  const head = Buffer.from(frame.subarray(0, headBytes));
  const newService = service === undefined ? frame.subarray(headBytes, parts.method) : Buffer.from(service);
  const newMethod = method === undefined ? frame.subarray(parts.method, parts.types) : Buffer.from(method);
  const types = frame.subarray(parts.types, parts.arguments);
  const args = body ?? frame.subarray(parts.arguments, parts.attachments);
  const attachments = headers === undefined ? frame.subarray(parts.attachments) : withHeaders(frame, headers);
  if (attachments === undefined || Math.max(newService.length, newMethod.length) > textBytesMax) return undefined;
  if (status !== undefined) head[5] = hsfStatusOf(status);
  head.writeUInt16BE(newService.length, 6);
  head.writeUInt16BE(newMethod.length, 20);
  writeUint32(head, 24, attachments.length);
  writeUint32(head, 28, args.length);
  return Buffer.concat([head, newService, newMethod, types, args, attachments]);
}

/** The attachments with these headers; those of a reply that cannot be read stay as they are. */
function withHeaders(frame: Buffer, headers: NonNullable<FrameEdits['headers']>): Buffer | undefined {
  const old = attachmentsOf(frame);
  if (old === undefined) return frame.subarray(partsOf(frame).attachments);
  const texts = old.map((each) => textsOf(frame, each));
  const pieces: Buffer[] = [];
  for (const { from, name, value } of mergeEntries(texts, headers)) {
    const entry = from === undefined ? undefined : old[from]!;
    pieces.push(entry === undefined ? sized(name) : frame.subarray(entry.start, entry.value));
    pieces.push(
      entry !== undefined && value === texts[from!]![1] ? frame.subarray(entry.value, entry.end) : sized(value),
    );
  }
  return pieces.some(({ length }) => length - 2 > textBytesMax) ? undefined : Buffer.concat(pieces);
}

/** The key in lower case, and the value. */
function textsOf(frame: Buffer, { start, value, end }: Attachment): [name: string, value: string] {
  return [frame.toString('utf8', start + 2, value).toLowerCase(), frame.toString('utf8', value + 2, end)];
}

/** A text with its length before it; one that is too long has a wrong length, and is not used. */
function sized(text: string): Buffer {
  const bytes = Buffer.from(`  ${text}`);
  bytes[0] = (bytes.length - 2) >> 8;
  bytes[1] = bytes.length - 2;
  return bytes;
}
