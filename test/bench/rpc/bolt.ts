// SOFARPC's bolt, version 1. All numbers are big-endian.
//
//   request   0 protocol=1  1 type=1  2 code(2)=1  4 version=1  5 id(4)  9 codec  10 timeout(4)
//             14 class length(2)  16 header length(2)  18 content length(4)  22 class, header, content
//   response  0 protocol=1  1 type=0  2 code(2)=2  4 version=1  5 id(4)  9 codec  10 status(2)
//             12 class length(2)  14 header length(2)  16 content length(4)  20 class, header, content
import { contentBytes, type FrameKind, headText, type RpcFormat } from './frame.ts';

const requestHeadBytes = 22;
const responseHeadBytes = 20;
const idAt = 5;
const statusAt = 10;
const heartbeatCode = 0;

export const boltFormat: RpcFormat = {
  request: { ...request(), headBytes: requestHeadBytes, frameBytes: lengthReader(1, requestHeadBytes) },
  response: { ...response(), headBytes: responseHeadBytes, frameBytes: lengthReader(0, responseHeadBytes) },
  idAt,
  idBytes: 4,
  writeId: (bytes, at, id) => void bytes.writeUInt32BE(id, at + idAt),
  readId: (bytes, at) => bytes.readUInt32BE(at + idAt),
  succeeded: (bytes, at) => bytes.readUInt16BE(at + statusAt) === 0,
  heartbeatAnswer: (bytes, at) => {
    if (bytes.readUInt16BE(at + 2) !== heartbeatCode) return undefined;
    const answer = Buffer.alloc(responseHeadBytes);
    answer.set([1, 0, 0, heartbeatCode, 1]);
    bytes.copy(answer, idAt, at + idAt, at + responseHeadBytes - 10);
    return answer;
  },
};

type Template = Pick<FrameKind, 'template' | 'contentAt'>;

/** As a SOFARPC client writes it with tracing off. */
function request(): Template {
  const service = 'com.example.bench.EchoService:1.0';
  const header = headerBlock({
    sofa_head_target_service: service,
    sofa_head_method_name: 'echo',
    service,
    type: 'sync',
    protocol: 'bolt',
    app: 'bench',
  });
  const className = Buffer.from('com.alipay.sofa.rpc.core.request.SofaRequest');
  const head = Buffer.alloc(requestHeadBytes);
  head.set([1, 1, 0, 1, 1]);
  head[9] = 1;
  head.writeInt32BE(10_000, 10);
  head.writeUInt16BE(className.length, 14);
  head.writeUInt16BE(header.length, 16);
  head.writeUInt32BE(contentBytes, 18);
  return whole(head, className, header);
}

function response(): Template {
  const className = Buffer.from('com.alipay.sofa.rpc.core.response.SofaResponse');
  const head = Buffer.alloc(responseHeadBytes);
  head.set([1, 0, 0, 2, 1]);
  head[9] = 1;
  head.writeUInt16BE(className.length, 12);
  head.writeUInt32BE(contentBytes, 16);
  return whole(head, className, Buffer.alloc(0));
}

function whole(head: Buffer, className: Buffer, header: Buffer): Template {
  const template = Buffer.concat([head, className, header, Buffer.alloc(contentBytes, 'x')]);
  return { template, contentAt: template.length - contentBytes };
}

function headerBlock(entries: Record<string, string>): Buffer {
  const parts: Buffer[] = [];
  for (const text of Object.entries(entries).flat()) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(text));
    parts.push(length, Buffer.from(text));
  }
  return Buffer.concat(parts);
}

/** The three lengths are the last eight octets of the head. */
function lengthReader(type: 0 | 1, headBytes: number): FrameKind['frameBytes'] {
  const lengthsAt = headBytes - 8;
  return (bytes, at) => {
    if (bytes[at] !== 1 || bytes[at + 1] !== type) throw new Error(headText(bytes, at, headBytes));
    const lengths = at + lengthsAt;
    const classAndHeader = bytes.readUInt16BE(lengths) + bytes.readUInt16BE(lengths + 2);
    return headBytes + classAndHeader + bytes.readUInt32BE(lengths + 4);
  };
}
