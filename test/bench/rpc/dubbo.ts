// Dubbo 2 with hessian2. All numbers are big-endian.
//
//   0 magic(2)=dabb  2 flags: 80 request, 40 two-way, 02 hessian2  3 status, of responses  4 id(8)  12 body length(4)
//   16 body   request: version, path, service version, method, types, argument, attachments
//             response: 4 (a value with attachments), value, attachments
import { contentBytes, type FrameKind, headText, type RpcFormat } from './frame.ts';

const headBytes = 16;
const idAt = 4;
const idBytes = 8;
const lengthAt = 12;
const request = 0xc2;
const response = 0x02;
const succeeded = 20;
/** Upper half of every id: Dubbo 3 begins anywhere in 64 bits, so the highest bit is often set. */
const idHigh = 0xd3b61177;

const mapStart = Buffer.of(0x48);
const mapEnd = Buffer.of(0x5a);
const service = 'com.example.bench.EchoService';

export const dubboFormat: RpcFormat = {
  request: {
    ...frame(
      request,
      [text('2.0.2'), text(service), text('1.0.0'), text('echo'), text('[B')],
      [
        mapStart,
        ...[text('path'), text(service), text('remote.application'), text('bench')],
        ...[text('interface'), text(service), text('version'), text('1.0.0'), text('timeout'), text('10000')],
        mapEnd,
      ],
    ),
    headBytes,
    frameBytes: lengthReader(request),
  },
  response: {
    ...frame(response, [Buffer.of(0x94)], [mapStart, text('dubbo'), text('2.0.2'), mapEnd]),
    headBytes,
    frameBytes: lengthReader(response),
  },
  idAt,
  idBytes,
  writeId: (bytes, at, id) => void bytes.writeUInt32BE(id, bytes.writeUInt32BE(idHigh, at + idAt)),
  readId: (bytes, at) => (bytes.readUInt32BE(at + idAt) === idHigh ? bytes.readUInt32BE(at + idAt + 4) : -1),
  succeeded: (bytes, at) => bytes[at + 3] === succeeded,
};

/** Before the content, an array of bytes, and behind it. */
function frame(
  flags: number,
  before: readonly Buffer[],
  behind: readonly Buffer[],
): Pick<FrameKind, 'template' | 'contentAt'> {
  const arrayHead = Buffer.of(0x42, contentBytes >> 8, contentBytes & 0xff);
  const start = Buffer.concat([...before, arrayHead]);
  const body = Buffer.concat([start, Buffer.alloc(contentBytes, 'x'), ...behind]);
  const head = Buffer.alloc(headBytes);
  head.set([0xda, 0xbb, flags, flags === response ? succeeded : 0]);
  head.writeUInt32BE(body.length, lengthAt);
  return { template: Buffer.concat([head, body]), contentAt: headBytes + start.length };
}

/** A hessian2 string; all of ours are ASCII and shorter than 32. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);
}

function lengthReader(flags: number): FrameKind['frameBytes'] {
  return (bytes, at) => {
    if (bytes.readUInt16BE(at) !== 0xdabb || bytes[at + 2] !== flags) throw new Error(headText(bytes, at, headBytes));
    return headBytes + bytes.readUInt32BE(at + lengthAt);
  };
}
