import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface Frame {
  final: boolean;
  opcode: number;
  payload: Buffer;
}

/** One frame of RFC 6455 §5.2; a client's is masked. */
export function frame(code: number, payload: Buffer, { masked = false, final = true } = {}): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = (final ? 0x80 : 0) | code;
  if (length < 126) head[1] = length;
  else if (length < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  if (!masked) return Buffer.concat([head, payload]);
  head[1]! |= 0x80;
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, unmask(payload, mask)]);
}

function unmask(payload: Buffer, mask: Buffer): Buffer {
  return Buffer.from(payload.map((byte, at) => byte ^ mask[at & 3]!));
}

/** Cuts what comes into frames, unmasked. */
export class FrameReader {
  #held: Buffer = Buffer.alloc(0);

  read(chunk: Buffer): Frame[] {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const frames: Frame[] = [];
    for (let one = this.#next(); one !== undefined; one = this.#next()) frames.push(one);
    return frames;
  }

  #next(): Frame | undefined {
    const held = this.#held;
    if (held.length < 2) return undefined;
    const masked = (held[1]! & 0x80) !== 0;
    const short = held[1]! & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const start = 2 + lengthBytes + (masked ? 4 : 0);
    if (held.length < start) return undefined;
    const length = short === 127 ? Number(held.readBigUInt64BE(2)) : short === 126 ? held.readUInt16BE(2) : short;
    if (held.length < start + length) return undefined;
    const payload = held.subarray(start, start + length);
    this.#held = held.subarray(start + length);
    const plain = masked ? unmask(payload, held.subarray(start - 4, start)) : payload;
    return { final: (held[0]! & 0x80) !== 0, opcode: held[0]! & 0x0f, payload: plain };
  }
}

/** A WebSocket server's side: every message frame comes back as it was, a ping gets a pong, a close a close. */
export function echoFrames(stream: Duplex): void {
  const reader = new FrameReader();
  stream.on('error', () => {}); // A client that died.
  stream.on('data', (chunk: Buffer) => {
    for (const { final, opcode: code, payload } of reader.read(chunk)) {
      if (code === opcode.close) {
        stream.end(frame(opcode.close, payload));
        return;
      }
      stream.write(frame(code === opcode.ping ? opcode.pong : code, payload, { final }));
      // So that a test can ask for a close that comes from the server.
      if (code === opcode.text && payload.toString() === 'close me') {
        stream.write(frame(opcode.close, Buffer.concat([Buffer.from([0x0f, 0xa0]), Buffer.from('asked')])));
      }
    }
  });
  stream.on('end', () => stream.end());
}

/** A WebSocket client's side over a connection whose handshake is done. */
export class FrameClient {
  readonly stream: Duplex;
  readonly #reader = new FrameReader();
  #frames: Frame[] = [];
  #ended = false;
  #wake: () => void = () => {};

  constructor(stream: Duplex, early: Buffer = Buffer.alloc(0)) {
    this.stream = stream;
    const take = (chunk: Buffer) => {
      this.#frames.push(...this.#reader.read(chunk));
      this.#wake();
    };
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    stream.on('data', take);
    for (const event of ['end', 'close', 'error']) stream.on(event, end);
    if (early.length > 0) take(early);
  }

  send(code: number, payload: Buffer | string, final = true): void {
    this.stream.write(frame(code, Buffer.from(payload as Buffer), { masked: true, final }));
  }

  /** The next frame; undefined at the end. */
  async next(timeoutMs = 10_000): Promise<Frame | undefined> {
    const late = AbortSignal.timeout(timeoutMs);
    while (this.#frames.length === 0 && !this.#ended) {
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        late.addEventListener('abort', () => reject(new Error('no frame came')), { once: true });
      });
    }
    return this.#frames.shift();
  }

  /** Ends as if the network had gone. */
  drop(): void {
    this.stream.destroy();
  }
}
