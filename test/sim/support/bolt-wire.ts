import { contentOf, type RpcWire } from './rpc-wire.ts';

//   request   0 protocol=1  1 type (1, one-way 2)  2 command(2)  4 version=1  5 id(4)  9 codec  10 timeout(4)
//             14 class length(2)  16 header length(2)  18 content length(4)  22 class, header, content
//   response  0 protocol=1  1 type=0  2 command(2)  4 version=1  5 id(4)  9 codec  10 status(2)
//             12 class length(2)  14 header length(2)  16 content length(4)  20 class, header, content

const [heartbeat, request, response, goAway] = [0, 1, 2, 100];
const idAt = 5;

function frame(type: number, command: number, id: number, special: Buffer, parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(10 + special.length + 8);
  head[0] = 1;
  head[1] = type;
  head.writeUInt16BE(command, 2);
  head[4] = 1;
  head.writeUInt32BE(id, idAt);
  head[9] = 1;
  special.copy(head, 10);
  const [className = Buffer.alloc(0), header = Buffer.alloc(0), content = Buffer.alloc(0)] = parts;
  const lengthsAt = 10 + special.length;
  head.writeUInt16BE(className.length, lengthsAt);
  head.writeUInt16BE(header.length, lengthsAt + 2);
  head.writeUInt32BE(content.length, lengthsAt + 4);
  return Buffer.concat([head, className, header, content]);
}

function timeout(timeoutMs: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(timeoutMs);
  return bytes;
}

function status(value: number): Buffer {
  return Buffer.of(value >> 8, value & 0xff);
}

function headerBlock(entries: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(entries)
    .flat()
    .flatMap((text) => [timeout(Buffer.byteLength(text)), Buffer.from(text)]);
  return Buffer.concat(parts);
}

const callHeaders = headerBlock({
  sofa_head_target_service: 'com.example.Shop:1.0',
  sofa_head_method_name: 'buy',
  service: 'com.example.Shop:1.0',
});
const callClass = Buffer.from('com.alipay.sofa.rpc.core.request.SofaRequest');
const answerClass = Buffer.from('com.alipay.sofa.rpc.core.response.SofaResponse');

/** bolt, version 1. */
export const boltWire: RpcWire = {
  protocol: 'bolt',

  length(bytes) {
    if (bytes[0] !== 1) throw new Error(`a frame begins with ${bytes[0]}`);
    if (bytes.length < 2) return 0;
    const lengthsAt = bytes[1] === 0 ? 12 : 14;
    if (bytes.length < lengthsAt + 8) return 0;
    const parts = bytes.readUInt16BE(lengthsAt) + bytes.readUInt16BE(lengthsAt + 2) + bytes.readUInt32BE(lengthsAt + 4);
    return lengthsAt + 8 + parts;
  },

  kindOf(bytes) {
    const command = bytes.readUInt16BE(2);
    const isAnswer = bytes[1] === 0;
    if (command === heartbeat) return isAnswer ? 'heartbeat-answer' : 'heartbeat';
    if (isAnswer) return command === response ? 'answer' : 'other';
    if (command === goAway) return 'go-away';
    if (command !== request) return 'other';
    return bytes[1] === 2 ? 'one-way' : 'call';
  },

  idOf: (bytes) => String(bytes.readUInt32BE(idAt)),

  withoutId(bytes) {
    return bytes.toString('latin1', 0, idAt) + bytes.toString('latin1', idAt + 4);
  },

  call({ id, token, bytes, oneWay, timeoutMs }) {
    const parts = [callClass, callHeaders, contentOf(token, bytes)];
    return frame(oneWay ? 2 : 1, request, id, timeout(timeoutMs === 0 ? -1 : timeoutMs), parts);
  },

  answer(to, token, failed, bytes) {
    const parts = [answerClass, headerBlock({ echo: token }), contentOf(token, bytes)];
    return frame(0, response, to.readUInt32BE(idAt), status(failed ? 2 : 0), parts);
  },

  strayed(answer, by) {
    const bytes = Buffer.from(answer);
    bytes.writeUInt32BE(((bytes.readUInt32BE(idAt) + by) ^ 0x40000000) >>> 0, idAt);
    return bytes;
  },

  heartbeat: (id) => frame(1, heartbeat, id, timeout(-1), []),
  heartbeatAnswer: (to) => frame(0, heartbeat, to.readUInt32BE(idAt), status(0), []),
  goAway: () => frame(1, goAway, 0, timeout(0), []),

  faultOfError(bytes) {
    if (bytes.readUInt16BE(10) === 0) return 'an error has the status of a success';
    return bytes.length === 20 ? undefined : `an error of ${bytes.length} bytes`;
  },
};
