import { idOf, tarsReply, tarsRequest } from '@sofamesh/protocols/tars/sample-frames.test';
import { contentOf, lengthOf, type RpcWire } from './rpc-wire.ts';

//   0 length(4)  4 fields, each tag << 4 | type and its value
//   request: 1 version  2 packet type (0, one-way 1)  3 message type  4 id  5 servant (text) …
//   reply:   1 version  2 packet type  3 id  4 message type  5 result (a number) …

const succeeded = 0;
const applicationFailed = 7;

interface Field {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
  readonly value: number;
  readonly isText: boolean;
}

/** The first five. */
function fieldsOf(frame: Buffer): Field[] {
  const fields: Field[] = [];
  let start = 4;
  while (fields.length < 5) {
    const type = frame[start]! & 15;
    const bytes = type === 12 ? 0 : 1 << type;
    const isText = type === 6 || type === 7;
    const value = bytes === 0 || isText ? 0 : frame.readIntBE(start + 1, bytes);
    fields.push({ tag: frame[start]! >> 4, start, end: start + 1 + bytes, value, isText });
    start += 1 + bytes;
  }
  return fields;
}

function isRequest(frame: Buffer): boolean {
  return fieldsOf(frame)[4]!.isText;
}

/** Tars. Ids take as many octets as they need. */
export const tarsWire: RpcWire = {
  protocol: 'tars',

  length: (bytes) => (bytes.length < 4 ? 0 : lengthOf(bytes.readUInt32BE(0))),

  kindOf(frame) {
    if (!isRequest(frame)) return idOf(frame) === 0 ? 'go-away' : 'answer';
    return fieldsOf(frame)[1]!.value === 1 ? 'one-way' : 'call';
  },

  idOf: (frame) => String(idOf(frame)),

  withoutId(frame) {
    const { start, end } = fieldsOf(frame)[isRequest(frame) ? 3 : 2]!;
    return frame.toString('latin1', 4, start) + frame.toString('latin1', end);
  },

  call({ id, token, bytes, oneWay, timeoutMs }) {
    return tarsRequest({ id, oneWay, method: 'buy', body: contentOf(token, bytes), timeoutMs });
  },

  answer(request, token, failed, bytes) {
    const ret = failed ? applicationFailed : succeeded;
    return tarsReply({ id: idOf(request), ret, body: contentOf(token, bytes) });
  },

  strayed(answer, by) {
    const { start, end, value } = fieldsOf(answer)[2]!;
    const id = Buffer.alloc(5, (3 << 4) | 2);
    id.writeInt32BE((value + by) ^ 0x40000000, 1);
    const bytes = Buffer.concat([answer.subarray(0, start), id, answer.subarray(end)]);
    bytes.writeUInt32BE(bytes.length);
    return bytes;
  },

  /** As TarsGo's servers do. */
  goAway: () => tarsReply({ id: 0, description: '_reconnect_' }),

  faultOfError(frame) {
    return fieldsOf(frame)[4]!.value < 0 ? undefined : 'an error has no code of an error';
  },
};
