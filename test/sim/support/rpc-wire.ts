/** What a frame is to those who exchange it. */
export type FrameKind = 'call' | 'one-way' | 'answer' | 'heartbeat' | 'heartbeat-answer' | 'go-away' | 'other';

export interface CallFrame {
  /** 31 bits; a protocol with longer ids fills the rest. */
  readonly id: number;
  readonly token: string;
  readonly bytes: number;
  readonly oneWay: boolean;
  /** 0: none. */
  readonly timeoutMs: number;
}

const frameBytesMax = 1_000_000;

/** How an RPC protocol's frames look: written and read apart from the proxy's own codecs. */
export interface RpcWire {
  readonly protocol: string;
  /** Of the frame that `bytes` begin with; 0 when they do not tell yet. Throws on what is no frame. */
  length(bytes: Buffer): number;
  kindOf(frame: Buffer): FrameKind;
  idOf(frame: Buffer): string;
  /** The frame as text, without its id: the same at both ends of the mesh. */
  withoutId(frame: Buffer): string;
  call(call: CallFrame): Buffer;
  /** To the call in `request`. `failed`: the application's own error. */
  answer(request: Buffer, token: string, failed: boolean, bytes: number): Buffer;
  /** The same answer under an id that was never given out, but looks like one given out `by` calls later. */
  strayed(answer: Buffer, by: number): Buffer;
  /** Undefined where the protocol has none. */
  readonly heartbeats?: { question(id: number): Buffer; answer(question: Buffer): Buffer };
  /** By which a server asks for no new calls; undefined where the protocol has no word for it. */
  goAway?(): Buffer;
  /** Why an answer without a token is none that a proxy may give; undefined when it is one. */
  faultOfError(frame: Buffer): string | undefined;
}

/** A length as a frame says it. Throws when no peer would write such a frame. */
export function lengthOf(claimed: number): number {
  if (claimed > frameBytesMax) throw new Error(`a frame claims ${claimed} bytes`);
  return claimed;
}

/** Where ids have 64 bits: odd ones use the upper half too. */
export function longId(id: number): bigint {
  return BigInt(id) + (id % 2 === 0 ? 0n : 0xdeadbeef00000000n);
}

/** The token in a frame's body. */
export function tokenOf(frame: Buffer): string | undefined {
  const start = frame.indexOf('<t');
  const end = frame.indexOf('>', start);
  return start < 0 || end < 0 ? undefined : frame.toString('latin1', start, end + 1);
}

/** Content that begins with its token, so that a mixed-up rest shows as well. */
export function contentOf(token: string, bytes: number): Buffer {
  return Buffer.alloc(Math.max(bytes, token.length), token);
}

/** Cuts what arrives into frames. */
export class FrameReader {
  readonly #wire: RpcWire;
  readonly #onFrame: (frame: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(wire: RpcWire, onFrame: (frame: Buffer) => void) {
    this.#wire = wire;
    this.#onFrame = onFrame;
  }

  /** Bytes of a frame that is not whole. */
  get heldBytes(): number {
    return this.#rest.length;
  }

  /** Throws on what is no frame. */
  push(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const length = bytes.length === 0 ? 0 : this.#wire.length(bytes);
      if (length === 0 || length > bytes.length) break;
      const frame = bytes.subarray(0, length);
      bytes = bytes.subarray(length);
      this.#onFrame(frame);
    }
    this.#rest = Buffer.from(bytes);
  }
}
