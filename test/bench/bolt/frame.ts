// SOFARPC's bolt, version 1, as far as load and echo need it. All numbers are big-endian.
//
//   request   0 protocol=1  1 type=1  2 code(2)=1  4 version=1  5 id(4)  9 codec  10 timeout(4)
//             14 class length(2)  16 header length(2)  18 content length(4)  22 class, header, content
//   response  0 protocol=1  1 type=0  2 code(2)=2  4 version=1  5 id(4)  9 codec  10 status(2)
//             12 class length(2)  14 header length(2)  16 content length(4)  20 class, header, content

export const requestHeadBytes = 22;
export const responseHeadBytes = 20;
export const idAt = 5;
export const statusAt = 10;

/** Each content begins with a mark of this size, which the echo server sends back: connection and call. */
export const markBytes = 8;

/** A frame to copy, and where its content begins. */
export interface FrameTemplate {
  readonly bytes: Buffer;
  readonly contentAt: number;
}

/** As a SOFARPC client writes it with tracing off. */
export function requestTemplate(contentBytes: number): FrameTemplate {
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
  return whole(head, className, header, contentBytes);
}

export function responseTemplate(contentBytes: number): FrameTemplate {
  const className = Buffer.from('com.alipay.sofa.rpc.core.response.SofaResponse');
  const head = Buffer.alloc(responseHeadBytes);
  head.set([1, 0, 0, 2, 1]);
  head[9] = 1;
  head.writeUInt16BE(className.length, 12);
  head.writeUInt32BE(contentBytes, 16);
  return whole(head, className, Buffer.alloc(0), contentBytes);
}

function whole(head: Buffer, className: Buffer, header: Buffer, contentBytes: number): FrameTemplate {
  const bytes = Buffer.concat([head, className, header, Buffer.alloc(contentBytes, 'x')]);
  return { bytes, contentAt: bytes.length - contentBytes };
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

const frameBytesMax = 1 << 16;

/** Called with the buffer that holds the frame, and where its head, its content and its end are in it. */
export type FrameListener = (bytes: Buffer, start: number, contentStart: number, end: number) => void;

/** Cuts a byte stream of requests only, or of responses only, into frames. Throws an Error on what is not such a frame. */
export class FrameScanner {
  readonly #type: 0 | 1;
  readonly #headBytes: number;
  readonly #onFrame: FrameListener;
  readonly #begun = Buffer.alloc(frameBytesMax);
  #begunBytes = 0;

  constructor(kind: 'requests' | 'responses', onFrame: FrameListener) {
    this.#type = kind === 'requests' ? 1 : 0;
    this.#headBytes = kind === 'requests' ? requestHeadBytes : responseHeadBytes;
    this.#onFrame = onFrame;
  }

  scan(chunk: Buffer): void {
    let at = this.#begunBytes === 0 ? 0 : this.#finishBegun(chunk);
    while (chunk.length - at >= this.#headBytes) {
      const end = at + this.#frameBytes(chunk, at);
      if (end > chunk.length) break;
      this.#emit(chunk, at, end);
      at = end;
    }
    if (at < chunk.length) this.#take(chunk, at, chunk.length - at);
  }

  /** Completes the frame whose first bytes came earlier; returns how much of `chunk` it took. */
  #finishBegun(chunk: Buffer): number {
    let at = 0;
    if (this.#begunBytes < this.#headBytes) at = this.#take(chunk, 0, this.#headBytes - this.#begunBytes);
    if (this.#begunBytes < this.#headBytes) return at;
    const frameBytes = this.#frameBytes(this.#begun, 0);
    at = this.#take(chunk, at, frameBytes - this.#begunBytes);
    if (this.#begunBytes < frameBytes) return at;
    this.#begunBytes = 0;
    this.#emit(this.#begun, 0, frameBytes);
    return at;
  }

  /** Keeps up to `wanted` bytes of the chunk; returns where it stopped. */
  #take(chunk: Buffer, at: number, wanted: number): number {
    const taken = chunk.copy(this.#begun, this.#begunBytes, at, at + wanted);
    this.#begunBytes += taken;
    return at + taken;
  }

  #frameBytes(bytes: Buffer, at: number): number {
    if (bytes[at] !== 1 || bytes[at + 1] !== this.#type)
      throw new Error(`not a frame: ${bytes.toString('hex', at, at + this.#headBytes)}`);
    const lengthsAt = at + this.#headBytes - 8;
    const length =
      this.#headBytes +
      bytes.readUInt16BE(lengthsAt) +
      bytes.readUInt16BE(lengthsAt + 2) +
      bytes.readUInt32BE(lengthsAt + 4);
    if (length > frameBytesMax) throw new Error(`a frame of ${length} bytes`);
    return length;
  }

  #emit(bytes: Buffer, start: number, end: number): void {
    this.#onFrame(bytes, start, end - bytes.readUInt32BE(start + this.#headBytes - 4), end);
  }
}
