import { dubboThriftFrame, idOf, textStruct } from '@sofamesh/protocols/dubbo-thrift/sample-frames.test';
import { contentOf, lengthOf, longId, type RpcWire } from './rpc-wire.ts';

//   0 length(4)  4 DABC(2)  6 length(4)  10 head(2)  12 1, service, path, id(8)  head + 4 message of Thrift, binary

const Type = { call: 1, reply: 2, exception: 3, oneWay: 4 } as const;
const names = { service: 'com.example.Shop', path: 'com.example.Shop', method: 'buy' } as const;

function messageAt(frame: Buffer): number {
  return 4 + frame.readUInt16BE(10);
}

function typeOf(frame: Buffer): number {
  return frame[messageAt(frame) + 3]!;
}

/** `thrift://` of Dubbo 2. */
export const dubboThriftWire: RpcWire = {
  protocol: 'dubbo-thrift',

  length: (bytes) => (bytes.length < 4 ? 0 : lengthOf(4 + bytes.readUInt32BE(0))),

  kindOf(frame) {
    const type = typeOf(frame);
    if (type === Type.oneWay) return 'one-way';
    return type === Type.call ? 'call' : 'answer';
  },

  idOf: (frame) => String(idOf(frame)),

  withoutId(frame) {
    const end = messageAt(frame);
    return frame.toString('latin1', 0, end - 8) + frame.toString('latin1', end);
  },

  call({ id, token, bytes, oneWay }) {
    const struct = textStruct(contentOf(token, bytes).toString('latin1'));
    return dubboThriftFrame({ ...names, id: longId(id), type: oneWay ? Type.oneWay : Type.call, struct });
  },

  answer(request, token, failed, bytes) {
    // Field 0 is the value, any other an exception that the interface declares.
    const struct = textStruct(contentOf(token, bytes).toString('latin1'), failed ? 1 : 0);
    return dubboThriftFrame({ ...names, id: idOf(request), type: Type.reply, struct });
  },

  strayed(answer, by) {
    const bytes = Buffer.from(answer);
    bytes.writeBigUInt64BE((idOf(answer) + BigInt(by)) ^ 0x40000000n, messageAt(bytes) - 8);
    return bytes;
  },

  faultOfError(frame) {
    const type = typeOf(frame);
    return type === Type.exception ? undefined : `an error is a message of type ${type}`;
  },
};
