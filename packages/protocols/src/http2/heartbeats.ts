import { readUint32, writeUint32 } from '../shared/byte-writer.ts';

/** How the payload of this side's PINGs begins; the count of them follows. */
const mark = 0x6d6f_736e;
/** In place of a count. */
const drainCount = 0xffff_ffff;

/** PINGs of this side, so that an answer can be told from one to nothing. */
export class Heartbeats {
  readonly #payload = Buffer.alloc(8);
  #asked = 0;
  #answered = 0;

  constructor() {
    writeUint32(this.#payload, 0, mark);
  }

  /** The next payload; valid until the next call. */
  ask(): Buffer {
    writeUint32(this.#payload, 4, ++this.#asked);
    return this.#payload;
  }

  /** That of the PING which tells when the peer has seen what was written before it. */
  askDrain(): Buffer {
    writeUint32(this.#payload, 4, drainCount);
    return this.#payload;
  }

  isDrainAnswer(payload: Buffer, at: number): boolean {
    return readUint32(payload, at) === mark && readUint32(payload, at + 4) === drainCount;
  }

  /** True once for each PING, in their order. */
  isAnswer(payload: Buffer, at: number): boolean {
    const count = readUint32(payload, at + 4);
    if (readUint32(payload, at) !== mark || count <= this.#answered || count > this.#asked) return false;
    this.#answered = count;
    return true;
  }
}
