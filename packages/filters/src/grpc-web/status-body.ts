import type { Headers } from '@sofamesh/contract/message';
import { encodeGrpcMessage } from '../shared/grpc.ts';

const trailersFlag = 0x80;
/** What is kept of a body that is no gRPC, to be the text of its status. */
const messageBytesMax = 16 * 1024;

/** Trailers as gRPC-Web sends them: the last frame of the body (gRPC's PROTOCOL-WEB). */
export function trailersFrame(trailers: Headers): Buffer {
  let text = '';
  trailers.visit((name, value) => {
    text += `${name}:${value}\r\n`;
  });
  return frameOf(text);
}

function frameOf(text: string): Buffer {
  const length = Buffer.byteLength(text, 'latin1');
  const frame = Buffer.allocUnsafe(5 + length);
  frame[0] = trailersFlag;
  frame.writeUInt32BE(length, 1);
  frame.write(text, 5, 'latin1');
  return frame;
}

/** Stands for the body of an answer that is no gRPC, an error page say: a frame with a status and the body as its text. */
export class StatusBody {
  readonly #status: number;
  readonly #kept: Buffer[] = [];
  #bytes = 0;

  constructor(status: number) {
    this.#status = status;
  }

  add(chunk: Buffer): void {
    const kept = chunk.subarray(0, messageBytesMax - this.#bytes);
    this.#bytes += kept.length;
    if (kept.length > 0) this.#kept.push(kept);
  }

  finish(): Buffer {
    const message = encodeGrpcMessage(Buffer.concat(this.#kept));
    return frameOf(`grpc-status:${this.#status}\r\n${message === '' ? '' : `grpc-message:${message}\r\n`}`);
  }
}
