export const contentBytes = 1024;
const lengthIn16Bits = 126;
const finalBinary = 0x82;
const masked = 0x80;

/** Octets before a server's content, and before a client's, which has a mask; ours is 0, so the content stays readable. */
export const serverHeadBytes = 4;
export const clientHeadBytes = 8;
export const serverFrameBytes = serverHeadBytes + contentBytes;
export const clientFrameBytes = clientHeadBytes + contentBytes;

/** A whole WebSocket message of 1 KiB (RFC 6455 §5.2), zeros throughout. */
export function emptyMessage(from: 'client' | 'server'): Buffer {
  const frame = Buffer.alloc(from === 'client' ? clientFrameBytes : serverFrameBytes);
  frame[0] = finalBinary;
  frame[1] = lengthIn16Bits | (from === 'client' ? masked : 0);
  frame.writeUInt16BE(contentBytes, 2);
  return frame;
}

/** Calls back with where each whole frame of a known size begins, and keeps what is left. */
export class FixedFrames {
  readonly #frameBytes: number;
  readonly #take: (bytes: Buffer, at: number) => void;
  #held: Buffer | undefined;

  constructor(frameBytes: number, take: (bytes: Buffer, at: number) => void) {
    this.#frameBytes = frameBytes;
    this.#take = take;
  }

  read(chunk: Buffer): void {
    const bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    let at = 0;
    for (; at + this.#frameBytes <= bytes.length; at += this.#frameBytes) this.#take(bytes, at);
    this.#held = at < bytes.length ? bytes.subarray(at) : undefined;
  }
}
