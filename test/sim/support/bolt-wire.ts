import { crc32 } from 'node:zlib';
import { boltFrame, callHeaders, requestClass, responseClass } from '@sofamesh/protocols/bolt/sample-frames.test';
import { contentOf, type RpcWire } from './rpc-wire.ts';

//   version 1   0 protocol=1  1 type (0 answer, 1, one-way 2)  2 command(2)  4 1  5 id(4)  9 codec
//   version 2   0 protocol=2  1 version(1, 2)  2 type  3 command(2)  5 1  6 id(4)  10 codec  11 checksum (0, 1)
//   then        timeout(4), of an answer status(2);  class length(2), header length(2), content length(4);  class, header,
//               content, and in version 2 with a checksum: CRC(4)

const command = { heartbeat: 0, call: 1, answer: 2, goAway: 100 } as const;
const type = { answer: 0, call: 1, oneWay: 2 } as const;
const serverException = 2;
const dialects = [{ version: 1 }, { version: 2, ver1: 1 }, { version: 2, ver1: 2, flags: 1 }] as const;

/** Where a frame's parts are, by how it begins. */
function layoutOf(bytes: Buffer) {
  const shift = bytes[0] === 2 ? 1 : 0;
  const isAnswer = bytes[1 + shift] === type.answer;
  const special = 10 + 2 * shift;
  const lengths = special + (isAnswer ? 2 : 4);
  const checksumBytes = shift === 1 && bytes[1] === 2 && bytes[11] === 1 ? 4 : 0;
  return { shift, isAnswer, id: 5 + shift, special, lengths, checksumBytes };
}

function dialectOf(frame: Buffer): (typeof dialects)[number] {
  const { shift, checksumBytes } = layoutOf(frame);
  return dialects[shift === 0 ? 0 : checksumBytes === 0 ? 1 : 2];
}

function checkSum(frame: Buffer): void {
  const { checksumBytes } = layoutOf(frame);
  const end = frame.length - checksumBytes;
  if (checksumBytes > 0 && frame.readUInt32BE(end) !== crc32(frame.subarray(0, end)))
    throw new Error('a wrong checksum');
}

/** bolt in both versions, with a checksum and without: every call in one of them, by its id. */
export const boltWire: RpcWire = {
  protocol: 'bolt',

  length(bytes) {
    if (bytes[0] !== 1 && bytes[0] !== 2) throw new Error(`a frame begins with ${bytes[0]}`);
    if (bytes.length < 12) return 0;
    const { lengths, checksumBytes } = layoutOf(bytes);
    if (bytes.length < lengths + 8) return 0;
    const parts = bytes.readUInt16BE(lengths) + bytes.readUInt16BE(lengths + 2) + bytes.readUInt32BE(lengths + 4);
    return lengths + 8 + parts + checksumBytes;
  },

  kindOf(frame) {
    checkSum(frame);
    const { shift, isAnswer } = layoutOf(frame);
    const what = frame.readUInt16BE(2 + shift);
    if (what === command.heartbeat) return isAnswer ? 'heartbeat-answer' : 'heartbeat';
    if (isAnswer) return what === command.answer ? 'answer' : 'other';
    if (what === command.goAway) return 'go-away';
    if (what !== command.call) return 'other';
    return frame[1 + shift] === type.oneWay ? 'one-way' : 'call';
  },

  idOf: (frame) => String(frame.readUInt32BE(layoutOf(frame).id)),

  withoutId(frame) {
    const { id, checksumBytes } = layoutOf(frame);
    return frame.toString('latin1', 0, id) + frame.toString('latin1', id + 4, frame.length - checksumBytes);
  },

  call({ id, token, bytes, oneWay, timeoutMs }) {
    return boltFrame({
      ...dialects[id % dialects.length]!,
      type: oneWay ? type.oneWay : type.call,
      id,
      timeoutMs: timeoutMs === 0 ? -1 : timeoutMs,
      className: requestClass,
      headers: callHeaders,
      content: contentOf(token, bytes),
    });
  },

  answer(to, token, failed, bytes) {
    return boltFrame({
      ...dialectOf(to),
      type: type.answer,
      id: to.readUInt32BE(layoutOf(to).id),
      status: failed ? serverException : 0,
      className: responseClass,
      headers: [['echo', token]],
      content: contentOf(token, bytes),
    });
  },

  strayed(answer, by) {
    const bytes = Buffer.from(answer);
    const { id, checksumBytes } = layoutOf(bytes);
    bytes.writeUInt32BE(((bytes.readUInt32BE(id) + by) ^ 0x40000000) >>> 0, id);
    const end = bytes.length - checksumBytes;
    if (checksumBytes > 0) bytes.writeUInt32BE(crc32(bytes.subarray(0, end)), end);
    return bytes;
  },

  heartbeats: {
    question: (id) => boltFrame({ command: command.heartbeat, id, timeoutMs: -1 }),
    answer(to) {
      const id = to.readUInt32BE(layoutOf(to).id);
      return boltFrame({ ...dialectOf(to), type: type.answer, command: command.heartbeat, id });
    },
  },
  goAway: () => boltFrame({ command: command.goAway, id: 0, timeoutMs: 0 }),

  faultOfError(frame) {
    const { special, lengths, checksumBytes } = layoutOf(frame);
    if (frame.readUInt16BE(special) === 0) return 'an error has the status of a success';
    const classBytes = frame.readUInt16BE(lengths);
    const contentBytes = frame.readUInt32BE(lengths + 4);
    const inside = classBytes + frame.readUInt16BE(lengths + 2) + contentBytes;
    if (frame.length !== lengths + 8 + inside + checksumBytes) return `an error of ${frame.length} bytes`;
    // Another serialization than hessian2 has no content; this one has the status and the text, and nobody's answer.
    if (contentBytes === 0) return undefined;
    const content = frame.toString('latin1', lengths + 8 + classBytes, lengths + 8 + inside);
    return /RpcServerException.*\d{3}\|/s.test(content) ? undefined : 'an error has no text';
  },
};
