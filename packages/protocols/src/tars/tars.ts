import type { FrameEdits, FrameFormat, FrameKind } from '@sofamesh/contract/frame-format';
import type { Protocol } from '@sofamesh/contract/protocol';
import { writeUint32 } from '../shared/byte-writer.ts';
import { BytesCache } from '../shared/bytes-cache.ts';
import { frameProtocol } from '../shared/frame-protocol.ts';
import { readArguments } from './arguments.ts';
import { TextMap } from './context.ts';
import { integerType, PacketWriter } from './encode.ts';
import {
  detectPacket,
  FieldWalk,
  headBytes,
  headOf,
  integerBytes,
  isRequestShaped,
  isTup,
  packetBytesMax,
  packetLength,
  ReplyTag,
  RequestTag,
  readInteger,
  Type,
  Version,
} from './packet.ts';
import { errorReply, resultCode } from './replies.ts';
import { httpStatusOf, Status, tarsStatusOf } from './status.ts';

const names = new BytesCache((bytes, start, end) => bytes.toString('utf8', start, end));

/** Result text of a server that wants its clients to come back on another connection (TarsGo). */
const reconnect = '_reconnect_';

/** Tars and TUP, as one protocol: the packets are the same but for the shape of an answer. */
const format: FrameFormat = {
  name: 'tars',
  headBytes,
  detect: detectPacket,
  length: packetLength,

  kind(frame, _limits, from): FrameKind {
    if (!isRequestShaped(frame)) return isReconnect(frame) ? 'go-away' : 'reply';
    if (from === 'server' && isTup(versionOf(frame))) return 'reply';
    const walk = new FieldWalk(frame);
    const oneWay = walk.integer(2) === 1;
    if (!walk.seekText(RequestTag.servant) || !walk.seekText(RequestTag.method)) return 'unreadable';
    if (!walk.seek(RequestTag.body) || walk.type !== Type.bytes) return 'unreadable';
    return oneWay ? 'one-way' : 'request';
  },

  readId: (frame) => idOf(frame),

  writeId(frame, id) {
    const at = headOf(frame, idTag(frame));
    const oldBytes = integerBytes(frame[at]! & 15);
    const signed = Number(id) | 0;
    const type = integerType(signed);
    const bytes = integerBytes(type);
    let packet = frame;
    if (bytes !== oldBytes) {
      packet = Buffer.allocUnsafe(frame.length + bytes - oldBytes);
      frame.copy(packet, 0, 0, at);
      frame.copy(packet, at + 1 + bytes, at + 1 + oldBytes);
      writeUint32(packet, 0, packet.length);
    }
    packet[at] = (frame[at]! & 0xf0) | type;
    if (bytes > 0) packet.writeIntBE(signed, at + 1, bytes);
    return packet;
  },

  service: (frame) => nameOf(frame, RequestTag.servant),
  method: (frame) => nameOf(frame, RequestTag.method),
  timeoutMs: (frame) => new FieldWalk(frame).integer(RequestTag.timeout) ?? 0,
  arguments: (frame, body) => (versionOf(frame) === Version.tars ? readArguments(body) : []),
  errorReply: (request, id, reply) => errorReply(request, Number(id), reply),

  status(reply) {
    if (!isRequestShaped(reply)) return readInteger(reply, headOf(reply, ReplyTag.ret)) ?? Status.clientDecodeError;
    const code = new TextMap(reply, RequestTag.status).get(resultCode);
    return (code && Number.parseInt(code, 10)) || Status.success;
  },
  httpStatus: httpStatusOf,
  applicationError: (reply) => format.status!(reply) > 0,

  // The context has the same tag in both shapes.
  visitHeaders: (frame, visitor) => new TextMap(frame, RequestTag.context).visit(visitor),
  body(frame) {
    const walk = new FieldWalk(frame);
    const found = walk.seek(bodyTag(frame)) && walk.type === Type.bytes;
    return frame.subarray(found ? walk.valueStart : frame.length, found ? walk.end : frame.length);
  },
  rebuild,
};

export const protocol: Protocol = frameProtocol(format);

function versionOf(frame: Buffer): number {
  return readInteger(frame, 4) ?? 0;
}

function idTag(frame: Buffer): number {
  return isRequestShaped(frame) ? RequestTag.id : ReplyTag.id;
}

function idOf(frame: Buffer): number {
  return readInteger(frame, headOf(frame, idTag(frame)))! >>> 0;
}

function bodyTag(frame: Buffer): number {
  return isRequestShaped(frame) ? RequestTag.body : ReplyTag.body;
}

function nameOf(frame: Buffer, tag: number): string {
  const walk = new FieldWalk(frame);
  return walk.seekText(tag) ? names.read(frame, walk.valueStart, walk.end) : '';
}

function isReconnect(frame: Buffer): boolean {
  return idOf(frame) === 0 && new FieldWalk(frame).text(ReplyTag.description) === reconnect;
}

/** Field by field; what was not edited is copied. */
function rebuild(frame: Buffer, edited: FrameEdits): Buffer | undefined {
  const writer = new PacketWriter(frame.length + 256);
  let copied = 4;
  let broken = false;
  const replace = (start: number, end: number, write: () => void) => {
    writer.bytes.copy(frame, copied, start);
    write();
    copied = end;
  };
  const replaceField = (tag: number, write: () => void) => {
    const walk = new FieldWalk(frame);
    walk.seek(tag);
    broken ||= walk.broken;
    replace(walk.start, walk.end, write);
  };
  const requestShaped = isRequestShaped(frame);
  const { service, method, headers, body, status } = edited;
  if (service !== undefined) replaceField(RequestTag.servant, () => writer.text(RequestTag.servant, service));
  if (method !== undefined) replaceField(RequestTag.method, () => writer.text(RequestTag.method, method));
  const code = status === undefined ? 0 : tarsStatusOf(status);
  if (status !== undefined && !requestShaped) replaceField(ReplyTag.ret, () => writer.integer(ReplyTag.ret, code));
  if (body !== undefined) {
    const tag = bodyTag(frame);
    replaceField(tag, () => writer.blob(tag, body));
  }
  if (headers !== undefined) {
    const context = new TextMap(frame, RequestTag.context);
    const write = () => context.writeWith(headers, RequestTag.context, writer);
    // One that cannot be read stays as it is: a trace header must not be what a call fails for.
    if (context.readable) replace(context.start, context.end, write);
  }
  if (status !== undefined && requestShaped) {
    const map = new TextMap(frame, RequestTag.status);
    if (!map.readable) return undefined;
    replace(map.start, map.end, () => map.writeSetting(resultCode, `${code}`, RequestTag.status, writer));
  }
  writer.bytes.copy(frame, copied, frame.length);
  return broken || writer.bytes.length > packetBytesMax ? undefined : writer.finish();
}
