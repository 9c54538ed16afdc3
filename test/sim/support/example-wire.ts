import { exampleFrame } from '@sofamesh/protocols/example/sample-frames.test';
import { contentOf, longId, type RpcWire } from './rpc-wire.ts';

//   0 E1  1 type  2 status  3 service  4 payload length(4)  8 id(8)  16 payload

const headBytes = 16;
const idAt = 8;
const Type = { call: 0, reply: 1, oneWay: 2, heartbeat: 3 } as const;
const failure = 1;

/** The protocol of docs/add-a-protocol.md. */
export const exampleWire: RpcWire = {
  protocol: 'example',

  length(bytes) {
    if (bytes[0] !== 0xe1) throw new Error(`a frame begins with ${bytes[0]}`);
    return bytes.length < headBytes ? 0 : headBytes + bytes.readUInt32BE(4);
  },

  kindOf(frame) {
    if (frame[1] === Type.heartbeat) return frame[2] === 0 ? 'heartbeat' : 'heartbeat-answer';
    if (frame[1] === Type.oneWay) return 'one-way';
    return frame[1] === Type.call ? 'call' : 'answer';
  },

  idOf: (frame) => String(frame.readBigUInt64BE(idAt)),
  withoutId: (frame) => frame.toString('latin1', 0, idAt) + frame.toString('latin1', idAt + 8),

  call({ id, token, bytes, oneWay }) {
    const payload = contentOf(token, bytes).toString('latin1');
    return exampleFrame({ type: oneWay ? Type.oneWay : Type.call, id: longId(id), payload });
  },

  answer(request, token, failed, bytes) {
    const id = request.readBigUInt64BE(idAt);
    const payload = contentOf(token, bytes).toString('latin1');
    return exampleFrame({ type: Type.reply, status: failed ? failure : 0, id, payload });
  },

  strayed(answer, by) {
    const bytes = Buffer.from(answer);
    bytes.writeBigUInt64BE((bytes.readBigUInt64BE(idAt) + BigInt(by)) ^ 0x40000000n, idAt);
    return bytes;
  },

  heartbeats: {
    question: (id) => exampleFrame({ type: Type.heartbeat, service: 0, id: longId(id) }),
    answer: (to) => exampleFrame({ type: Type.heartbeat, status: 1, service: 0, id: to.readBigUInt64BE(idAt) }),
  },

  faultOfError(frame) {
    return frame[2] === 0 ? 'an error has the status of a success' : undefined;
  },
};
