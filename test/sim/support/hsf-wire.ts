import { hsfFrame } from '@sofamesh/protocols/hsf/sample-frames.test';
import { contentOf, longId, type RpcWire } from './rpc-wire.ts';

//   0 E85F(2)  2 version=1  3 operation  4 codec  5 status  6 service(2)  8 id(8)  16 timeout(4)  20 method(2)
//   22 types(2)  24 attachments(4)  28 arguments(4)  32 service, method, types, arguments, attachments

const headBytes = 32;
const idAt = 8;
const Operation = { call: 0, oneWay: 1, reply: 2, heartbeat: 3, heartbeatReply: 4, goAway: 5 } as const;
const kinds = ['call', 'one-way', 'answer', 'heartbeat', 'heartbeat-answer', 'go-away'] as const;
const names = { service: 'com.example.Shop:1.0', method: 'buy', types: '\0\x10java.lang.String' } as const;
const applicationError = 1;

/** The HSF-like profile of docs/hsf-frame.md. */
export const hsfWire: RpcWire = {
  protocol: 'hsf',

  length(bytes) {
    if (bytes[0] !== 0xe8 || (bytes.length > 1 && bytes[1] !== 0x5f)) throw new Error('a frame begins without E85F');
    if (bytes.length < headBytes) return 0;
    const texts = bytes.readUInt16BE(6) + bytes.readUInt16BE(20) + bytes.readUInt16BE(22);
    return headBytes + texts + bytes.readUInt32BE(24) + bytes.readUInt32BE(28);
  },

  kindOf: (frame) => kinds[frame[3]!] ?? 'other',
  idOf: (frame) => String(frame.readBigUInt64BE(idAt)),
  withoutId: (frame) => frame.toString('latin1', 0, idAt) + frame.toString('latin1', idAt + 8),

  call({ id, token, bytes, oneWay, timeoutMs }) {
    const operation = oneWay ? Operation.oneWay : Operation.call;
    const attachments = [['tenant', token]] as const;
    return hsfFrame({
      ...names,
      operation,
      id: longId(id),
      timeoutMs,
      content: contentOf(token, bytes),
      attachments,
    });
  },

  answer(request, token, failed, bytes) {
    const id = request.readBigUInt64BE(idAt);
    const status = failed ? applicationError : 0;
    return hsfFrame({ operation: Operation.reply, id, status, content: contentOf(token, bytes) });
  },

  strayed(answer, by) {
    const bytes = Buffer.from(answer);
    bytes.writeBigUInt64BE((bytes.readBigUInt64BE(idAt) + BigInt(by)) ^ 0x40000000n, idAt);
    return bytes;
  },

  heartbeats: {
    question: (id) => hsfFrame({ operation: Operation.heartbeat, id: longId(id) }),
    answer: (to) => hsfFrame({ operation: Operation.heartbeatReply, id: to.readBigUInt64BE(idAt) }),
  },
  goAway: () => hsfFrame({ operation: Operation.goAway, id: 0 }),

  faultOfError(frame) {
    const status = frame[5]!;
    return status > applicationError ? undefined : `an error has the status ${status}`;
  },
};
