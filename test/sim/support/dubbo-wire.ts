import { contentOf, longId, type RpcWire } from './rpc-wire.ts';

//   0 DABB(2)  2 flag: 0x80 request, 0x40 two-way, 0x20 event, 2 hessian2  3 status  4 id(8)  12 length(4)  16 body

const headBytes = 16;
const [isRequest, isTwoWay, isEvent, hessian2] = [0x80, 0x40, 0x20, 2];
const ok = 20;
const serviceError = 70;
const nullBody = Buffer.from('N');

function frame(flag: number, status: number, id: bigint, body: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.set([0xda, 0xbb, flag | hessian2, status]);
  head.writeBigUInt64BE(id, 4);
  head.writeUInt32BE(body.length, 12);
  return Buffer.concat([head, body]);
}

/** A string in hessian2, of characters that are one byte. */
function text(value: Buffer | string): Buffer {
  const bytes = Buffer.from(value);
  const { length } = bytes;
  if (length < 32) return Buffer.concat([Buffer.of(length), bytes]);
  return Buffer.concat([Buffer.of(0x53, length >> 8, length & 0xff), bytes]);
}

/** Dubbo 2, hessian2. */
export const dubboWire: RpcWire = {
  protocol: 'dubbo',

  length(bytes) {
    if (bytes[0] !== 0xda || (bytes.length > 1 && bytes[1] !== 0xbb)) throw new Error('a frame begins without DABB');
    return bytes.length < headBytes ? 0 : headBytes + bytes.readUInt32BE(12);
  },

  kindOf(bytes) {
    const flag = bytes[2]!;
    const request = (flag & isRequest) !== 0;
    if ((flag & isEvent) !== 0) {
      if (!request) return 'heartbeat-answer';
      return bytes.includes(0x52, headBytes) ? 'go-away' : 'heartbeat';
    }
    if (!request) return 'answer';
    return (flag & isTwoWay) !== 0 ? 'call' : 'one-way';
  },

  idOf: (bytes) => bytes.toString('hex', 4, 12),

  withoutId(bytes) {
    return bytes.toString('latin1', 0, 4) + bytes.toString('latin1', 12);
  },

  call({ id, token, bytes, oneWay, timeoutMs }) {
    const attachments: Buffer[] = [text('path'), text('com.example.Shop')];
    if (timeoutMs > 0) attachments.push(text('timeout'), text(String(timeoutMs)));
    const body = Buffer.concat([
      ...['2.0.2', 'com.example.Shop', '1.0.0', 'buy', 'Ljava/lang/String;'].map(text),
      text(contentOf(token, bytes)),
      Buffer.from('H'),
      ...attachments,
      Buffer.from('Z'),
    ]);
    return frame(isRequest | (oneWay ? 0 : isTwoWay), 0, longId(id), body);
  },

  answer(to, token, failed, bytes) {
    const id = to.readBigUInt64BE(4);
    const content = text(contentOf(token, bytes));
    return failed ? frame(0, serviceError, id, content) : frame(0, ok, id, Buffer.concat([Buffer.of(0x91), content]));
  },

  strayed(answer, by) {
    const bytes = Buffer.from(answer);
    bytes.writeBigUInt64BE((bytes.readBigUInt64BE(4) + BigInt(by)) ^ 0x40000000n, 4);
    return bytes;
  },

  heartbeats: {
    question: (id) => frame(isRequest | isTwoWay | isEvent, 0, longId(id), nullBody),
    answer: (to) => frame(isEvent, ok, to.readBigUInt64BE(4), nullBody),
  },
  goAway: () => frame(isRequest | isEvent, 0, 0n, Buffer.of(1, 0x52)),

  faultOfError(bytes) {
    const status = bytes[3]!;
    if (status === ok) return 'an error has the status of a success';
    const body = bytes.subarray(headBytes);
    const [marker = 0, high = 0, low = 0] = body;
    const length =
      marker < 32 ? marker + 1 : marker <= 0x33 ? ((marker - 0x30) << 8) + high + 2 : (high << 8) + low + 3;
    return length === body.length ? undefined : `the text of an error has ${length} bytes, its body ${body.length}`;
  },
};
