import type { FrameFormat } from '@sofamesh/contract/frame-format';
import type { LocalReply } from '@sofamesh/contract/message';
import { readUint32 } from '../shared/byte-writer.ts';
import { readId64, writeId64 } from '../shared/frame-id.ts';
import { frameProtocol } from '../shared/frame-protocol.ts';
import { replyCause } from '../shared/reply-cause.ts';

/*
 * A protocol to learn from (docs/add-a-protocol.md goes through it). Every frame is 16 bytes and a payload, big-endian:
 *
 *      0       1       2        3         4                8                            16
 *     ┌───────┬───────┬────────┬─────────┬────────────────┬────────────────────────────┬─────────┐
 *     │ magic │ type  │ status │ service │ payload length │ id                         │ payload │
 *     └───────┴───────┴────────┴─────────┴────────────────┴────────────────────────────┴─────────┘
 *
 * A reply has the id of its request. In a heartbeat the status tells the question (0) from the answer (1).
 */
const headBytes = 16;
const magic = 0xe1;
const Type = { request: 0, reply: 1, oneWay: 2, heartbeat: 3 } as const;

/** What a reply can say, and the HTTP status that it stands for. */
const Status = { ok: 0, failed: 1, noService: 2, busy: 3, timeout: 4, badRequest: 5 } as const;
const httpStatuses = [200, 500, 404, 503, 504, 400];

export const format: FrameFormat = {
  name: 'example',
  headBytes,

  // ── what every protocol has to say: where a frame ends, what it is, and its id ──

  detect(prefix) {
    if (prefix[0] !== magic) return 'mismatch';
    return prefix.length === 1 ? 'more' : prefix[1]! <= Type.heartbeat ? 'match' : 'mismatch';
  },
  length(bytes, at, end) {
    if (bytes[at] !== magic) return { code: 'bad_magic', message: `a frame begins with ${bytes[at]}` };
    return end - at < headBytes ? 0 : headBytes + readUint32(bytes, at + 4);
  },
  kind(frame) {
    switch (frame[1]) {
      case Type.request:
        return 'request';
      case Type.reply:
        return 'reply';
      case Type.oneWay:
        return 'one-way';
      case Type.heartbeat:
        return frame[2] === 0 ? 'heartbeat' : 'heartbeat-reply';
      default:
        return 'unreadable';
    }
  },
  readId: (frame) => readId64(frame, 8),
  writeId: (frame, id) => writeId64(frame, 8, id),

  // ── what makes a caller see an error of ours as one of its own protocol ──

  errorReply: (request, id, reply) => newFrame(Type.reply, causeOf(reply), request[3]!, id, Buffer.from(reply.body)),
  status: (reply) => reply[2]!,
  httpStatus: (status) => httpStatuses[status] ?? 500,

  // ── what rules, logs and metrics can speak of ──

  service: (frame) => String(frame[3]),
  body: (frame) => frame.subarray(headBytes),

  // ── what a rule may change: the service and the payload ──

  rebuild(frame, { service, method, status, body }) {
    const number = service === undefined ? frame[3]! : Number(service);
    if (!(Number.isInteger(number) && number >= 0 && number <= 255) || method !== undefined) return undefined;
    const newStatus = status === undefined ? frame[2]! : statusOf(status);
    return newFrame(frame[1]!, newStatus, number, format.readId(frame), body ?? frame.subarray(headBytes));
  },

  // ── what keeps a connection alive ──

  heartbeat: (id) => newFrame(Type.heartbeat, 0, 0, id, Buffer.alloc(0)),
  heartbeatReply: (heartbeat) => newFrame(Type.heartbeat, 1, 0, format.readId(heartbeat), Buffer.alloc(0)),
};

export const protocol = frameProtocol(format);

/** Why the proxy answers, in this protocol's words. */
function causeOf(reply: LocalReply): number {
  if (replyCause(reply) === 'timeout') return Status.timeout;
  if (replyCause(reply) === 'nobody-there') return Status.noService;
  // Without what it was asked for, an answer is no success.
  return statusOf(reply.status) || Status.failed;
}

function statusOf(httpStatus: number): number {
  const status = httpStatuses.indexOf(httpStatus);
  return status < 0 ? Status.failed : status;
}

function newFrame(type: number, status: number, service: number, id: number | bigint, payload: Buffer): Buffer {
  const frame = Buffer.alloc(headBytes + payload.length);
  frame.set([magic, type, status, service]);
  frame.writeUInt32BE(payload.length, 4);
  payload.copy(frame, headBytes);
  return writeId64(frame, 8, id);
}
