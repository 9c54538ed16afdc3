import type { FrameEdits, FrameFormat, FrameKind } from '@sofamesh/contract/frame-format';
import type { LocalReply } from '@sofamesh/contract/message';
import type { CodecLimits, Protocol } from '@sofamesh/contract/protocol';
import { ByteWriter } from '../shared/byte-writer.ts';
import { frameProtocol } from '../shared/frame-protocol.ts';
import { readArguments } from '../shared/thrift/arguments.ts';
import { Encoding, MessageType, writeMessageHead } from '../shared/thrift/message.ts';
import { type CallName, callNames, editedName, methodBytes } from '../shared/thrift/names.ts';
import { isDeclaredException, readExceptionType, writeException } from '../shared/thrift/results.ts';
import {
  ExceptionType,
  exceptionText,
  exceptionTypeOf,
  httpStatusOf,
  replyStatus,
  statusOfException,
} from '../shared/thrift/status.ts';
import { detect } from './detect.ts';
import { FrameParts, messageId, Transport } from './frame.ts';
import { fixedBytes } from './header.ts';
import { startMeasuring } from './measure.ts';

/** Of the frame that is looked at; nothing is kept in it between two calls. */
const parts = new FrameParts();
/** {@link kind} has applied the limit. */
const anyNumber = Number.POSITIVE_INFINITY;

function read(frame: Buffer): FrameParts {
  parts.read(frame, anyNumber);
  return parts;
}

/** Servers never call: what does not answer is nothing that their client waits for. */
function kind(frame: Buffer, { headerCountMax }: CodecLimits, from: 'client' | 'server'): FrameKind {
  if (!parts.read(frame, headerCountMax)) return 'unreadable';
  const { type } = parts.message;
  if (type === MessageType.reply || type === MessageType.exception) return 'reply';
  if (from === 'server') return 'unreadable';
  return type === MessageType.call ? 'request' : 'one-way';
}

function nameOf(frame: Buffer): CallName {
  const { message } = read(frame);
  return callNames.read(frame, message.nameStart, message.nameEnd);
}

/**
 * A TApplicationException in the caller's own transport and encoding. Its name is that of the method alone: so does a server
 * that several services share.
 */
function errorReply(request: Buffer, id: number | bigint, reply: LocalReply): Buffer {
  const readable = parts.read(request, anyNumber);
  const { message } = parts;
  const type = readable ? exceptionTypeOf(reply.status) : unreadableType();
  const name = readable ? methodBytes(request, message.nameStart, message.nameEnd) : Buffer.alloc(0);
  return writeReply(request, name, id, type, exceptionText(reply));
}

/** Transforms of the header transport are known by their number; a call in one cannot be read here. */
function unreadableType(): number {
  if (parts.transport !== Transport.header) return ExceptionType.protocolError;
  switch (parts.header.problem) {
    case 'transformed':
      return ExceptionType.invalidTransform;
    case 'protocol':
      return ExceptionType.invalidProtocol;
    default:
      return ExceptionType.protocolError;
  }
}

function writeReply(like: Buffer, name: Buffer, id: number | bigint, type: number, text: string): Buffer {
  const { encoding } = parts.message;
  const writer = new ByteWriter(64 + name.length + text.length);
  parts.writeAnswerStart(writer, like, id);
  writeMessageHead(writer, encoding, MessageType.exception, name, messageId(id));
  writeException(writer, encoding, type, text);
  return parts.finish(writer);
}

function rebuild(frame: Buffer, edits: FrameEdits): Buffer | undefined {
  const { message, transport, header } = read(frame);
  const name = frame.subarray(message.nameStart, message.nameEnd);
  if (edits.status !== undefined && !(edits.status < 300 && message.type === MessageType.reply)) {
    // An exception does not tell what the value would have been.
    if (edits.status < 300) return undefined;
    const text = exceptionText({ status: edits.status, body: 'status was replaced' });
    return writeReply(frame, name, message.id(frame), exceptionTypeOf(edits.status), text);
  }
  const writer = new ByteWriter(frame.length + 256);
  if (transport === Transport.header && edits.headers !== undefined) {
    const block = header.rebuilt(frame, edits.headers);
    if (block === undefined) return undefined;
    writer.copy(frame, 0, fixedBytes - 2);
    writer.uint16(block.length / 4);
    writer.copy(block, 0, block.length);
  } else writer.copy(frame, 0, parts.messageAt);
  const { service, method, body } = edits;
  const renamed =
    service === undefined && method === undefined
      ? name
      : editedName(callNames.read(frame, message.nameStart, message.nameEnd), service, method);
  writeMessageHead(writer, message.encoding, message.type, renamed, message.id(frame));
  if (body === undefined) writer.copy(frame, parts.structAt, frame.length);
  else writer.copy(body, 0, body.length);
  return parts.finish(writer);
}

const format: FrameFormat = {
  name: 'thrift',
  pooling: 'exclusive',
  headBytes: Number.POSITIVE_INFINITY,
  detect,
  length: (bytes, at, end, limits) => startMeasuring()(bytes, at, end, limits),
  startMeasuring,
  kind,
  readId(frame) {
    if (parts.read(frame, anyNumber)) return parts.id(frame);
    return parts.transport === Transport.header ? parts.header.sequence : 0;
  },
  writeId: (frame, id) => read(frame).withId(frame, id),
  service: (frame) => nameOf(frame).service,
  method: (frame) => nameOf(frame).method,
  arguments: (frame, body) => readArguments(body, read(frame).message.encoding === Encoding.compact),
  errorReply,
  status(reply) {
    const { message, structAt } = read(reply);
    if (message.type !== MessageType.exception) return replyStatus;
    return statusOfException(readExceptionType(reply, structAt, reply.length, message.encoding));
  },
  httpStatus: httpStatusOf,
  applicationError(reply) {
    const { message, structAt } = read(reply);
    return message.type === MessageType.reply && isDeclaredException(reply, structAt, reply.length, message.encoding);
  },
  visitHeaders(frame, visitor) {
    const { transport, header } = read(frame);
    if (transport === Transport.header) header.visit(frame, visitor);
  },
  body: (frame) => frame.subarray(read(frame).structAt),
  rebuild,
};

/**
 * Apache Thrift: framed, unframed and header transport, binary and compact protocol, told apart by every frame's first bytes.
 * Servers answer in the order of the calls, so a connection carries one at a time.
 */
export const protocol: Protocol = frameProtocol(format);
