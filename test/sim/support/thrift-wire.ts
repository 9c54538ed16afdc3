import { framed, messageOf, textStruct, thriftFrame, varint } from '@sofamesh/protocols/thrift/sample-frames.test';
import { contentOf, lengthOf, type RpcWire } from './rpc-wire.ts';

//   framed    0 length(4)  4 message
//   header    0 length(4)  4 0FFF  6 flags(2)  8 id(4)  12 block/4(2)  14 block, message
//   binary    0 8001 00 type  4 name length(4)  8 name, id(4), struct
//   compact   0 82  1 type << 5 | 1  2 id (varint), name length (varint), name, struct

const Type = { call: 1, reply: 2, exception: 3, oneWay: 4 } as const;
const forms = [
  { transport: 'framed', encoding: 'binary' },
  { transport: 'framed', encoding: 'compact' },
  { transport: 'header', encoding: 'binary' },
] as const;
const headerIdAt = 8;

interface Parts {
  readonly form: (typeof forms)[number];
  readonly type: number;
  readonly idStart: number;
  readonly idEnd: number;
  readonly id: number;
}

function partsOf(frame: Buffer): Parts {
  const inHeader = frame[4] === 0x0f;
  const at = inHeader ? 14 + frame.readUInt16BE(12) * 4 : 4;
  if (frame[at] === 0x80) {
    const idStart = at + 8 + frame.readUInt32BE(at + 4);
    const form = forms[inHeader ? 2 : 0];
    return { form, type: frame[at + 3]!, idStart, idEnd: idStart + 4, id: frame.readUInt32BE(idStart) };
  }
  let idEnd = at + 2;
  let id = 0;
  for (let shift = 0; ; shift += 7) {
    const octet = frame[idEnd++];
    if (octet === undefined) throw new Error('an id without an end');
    id = (id | ((octet & 127) << shift)) >>> 0;
    if (octet < 128) break;
  }
  return { form: forms[1], type: frame[at + 1]! >> 5, idStart: at + 2, idEnd, id };
}

/** Apache Thrift: every call in one of three forms, by its id. */
export const thriftWire: RpcWire = {
  protocol: 'thrift',

  length: (bytes) => (bytes.length < 4 ? 0 : lengthOf(4 + bytes.readUInt32BE(0))),

  kindOf(frame) {
    const { type } = partsOf(frame);
    if (type === Type.oneWay) return 'one-way';
    return type === Type.call ? 'call' : 'answer';
  },

  idOf: (frame) => String(partsOf(frame).id),

  withoutId(frame) {
    const { form, idStart, idEnd } = partsOf(frame);
    const start = form.transport === 'header' ? headerIdAt + 4 : 4;
    return frame.toString('latin1', start, idStart) + frame.toString('latin1', idEnd);
  },

  call({ id, token, bytes, oneWay }) {
    const form = forms[id % forms.length]!;
    const struct = textStruct(contentOf(token, bytes).toString('latin1'), form.encoding === 'compact');
    return thriftFrame({ ...form, type: oneWay ? Type.oneWay : Type.call, name: 'Shop:buy', id, struct });
  },

  answer(request, token, failed, bytes) {
    const { form, id } = partsOf(request);
    // Field 0 is the value, any other an exception that the interface declares.
    const struct = textStruct(contentOf(token, bytes).toString('latin1'), form.encoding === 'compact', failed ? 1 : 0);
    return thriftFrame({ ...form, type: Type.reply, name: 'buy', id, struct });
  },

  strayed(answer, by) {
    const { form, idStart, idEnd, id } = partsOf(answer);
    const other = (id + by) ^ 0x40000000;
    if (form.encoding === 'compact') {
      return framed(Buffer.concat([answer.subarray(4, idStart), varint(other), answer.subarray(idEnd)]));
    }
    const bytes = Buffer.from(answer);
    bytes.writeUInt32BE(other >>> 0, idStart);
    return bytes;
  },

  faultOfError(frame) {
    const { form, type, id } = partsOf(frame);
    if (type !== Type.exception) return `an error is a message of type ${type}`;
    const expected = messageOf({ encoding: form.encoding, type, name: 'buy', id });
    // Without its struct, which says why.
    return frame.includes(expected.subarray(0, -1)) ? undefined : 'an error that does not name its method';
  },
};
