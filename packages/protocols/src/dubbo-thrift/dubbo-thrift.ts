import type { FrameEdits, FrameFormat, FrameKind } from '@sofamesh/contract/frame-format';
import type { LocalReply } from '@sofamesh/contract/message';
import type { CodecLimits, Protocol } from '@sofamesh/contract/protocol';
import { ByteWriter } from '../shared/byte-writer.ts';
import { BytesCache } from '../shared/bytes-cache.ts';
import { frameProtocol } from '../shared/frame-protocol.ts';
import { readArguments } from '../shared/thrift/arguments.ts';
import { Encoding, MessageType, writeMessageHead } from '../shared/thrift/message.ts';
import { isDeclaredException, readExceptionType, writeException } from '../shared/thrift/results.ts';
import {
  ExceptionType,
  exceptionText,
  exceptionTypeOf,
  httpStatusOf,
  replyStatus,
  statusOfException,
} from '../shared/thrift/status.ts';
import { detect, FrameParts, finish, headBytes, idAt, measure, readId, stampId, writeHead } from './frame.ts';

/** Of the frame that is looked at; nothing is kept in it between two calls. */
const parts = new FrameParts();
const texts = new BytesCache((bytes, start, end) => bytes.toString('utf8', start, end));

function read(frame: Buffer): FrameParts {
  parts.read(frame);
  return parts;
}

/** A reply whose message cannot be read still answers its call: what its client makes of it is not ours to say. */
function kind(frame: Buffer, _limits: CodecLimits, from: 'client' | 'server'): FrameKind {
  if (!parts.read(frame)) return from === 'client' ? 'unreadable' : 'reply';
  switch (parts.message.type) {
    case MessageType.call:
      return 'request';
    case MessageType.oneWay:
      return 'one-way';
    default:
      return 'reply';
  }
}

/** A TApplicationException behind the head of the call. */
function errorReply(request: Buffer, id: number | bigint, reply: LocalReply): Buffer {
  const readable = parts.read(request);
  const type = readable ? exceptionTypeOf(reply.status) : ExceptionType.protocolError;
  return stampId(exception(request, readable, type, exceptionText(reply)), id);
}

function exception(like: Buffer, readable: boolean, type: number, text: string): Buffer {
  const { message } = parts;
  const name = readable ? like.subarray(message.nameStart, message.nameEnd) : Buffer.alloc(0);
  const headEnd = idAt(like) + 8;
  const writer = new ByteWriter(headEnd + name.length + text.length + 64);
  writer.copy(like, 0, headEnd);
  writeMessageHead(writer, Encoding.binary, MessageType.exception, name, readable ? message.id(like) : 0);
  writeException(writer, Encoding.binary, type, text);
  return finish(writer);
}

function rebuild(frame: Buffer, edits: FrameEdits): Buffer | undefined {
  const readable = parts.read(frame);
  const { message, structAt, messageAt } = parts;
  if (edits.status !== undefined && !(edits.status < 300 && message.type === MessageType.reply)) {
    // An exception does not tell what the value would have been.
    if (edits.status < 300) return undefined;
    const text = exceptionText({ status: edits.status, body: 'status was replaced' });
    return exception(frame, readable, exceptionTypeOf(edits.status), text);
  }
  if (!readable) return undefined;
  const writer = new ByteWriter(frame.length + 256);
  if (edits.service === undefined) writer.copy(frame, 0, messageAt);
  else if (!writeHead(writer, frame, parts, edits.service)) return undefined;
  const name =
    edits.method === undefined ? frame.subarray(message.nameStart, message.nameEnd) : Buffer.from(edits.method);
  writeMessageHead(writer, Encoding.binary, message.type, name, message.id(frame));
  if (edits.body === undefined) writer.copy(frame, structAt, frame.length);
  else writer.copy(edits.body, 0, edits.body.length);
  return finish(writer);
}

const format: FrameFormat = {
  name: 'dubbo-thrift',
  headBytes,
  detect,
  length: measure,
  kind,
  readId,
  writeId: stampId,
  service(frame) {
    const { serviceStart, serviceEnd } = read(frame);
    return texts.read(frame, serviceStart, serviceEnd);
  },
  method(frame) {
    const { message } = read(frame);
    return texts.read(frame, message.nameStart, message.nameEnd);
  },
  arguments: (_frame, body) => readArguments(body, false),
  errorReply,
  status(reply) {
    if (!parts.read(reply)) return statusOfException(ExceptionType.protocolError);
    const { message, structAt } = parts;
    if (message.type !== MessageType.exception) return replyStatus;
    return statusOfException(readExceptionType(reply, structAt, reply.length, Encoding.binary));
  },
  httpStatus: httpStatusOf,
  applicationError(reply) {
    if (!parts.read(reply) || parts.message.type !== MessageType.reply) return false;
    return isDeclaredException(reply, parts.structAt, reply.length, Encoding.binary);
  },
  body: (frame) => frame.subarray(read(frame).structAt),
  rebuild,
};

/** Dubbo 2's `thrift://`: messages of Thrift behind a head with service and request id, many calls on a connection. */
export const protocol: Protocol = frameProtocol(format);
