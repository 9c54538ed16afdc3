import type { Headers } from '@sofamesh/contract/message';
import type { HpackEncoder } from '../shared/hpack/encoder.ts';

/** Blocks of constant heads that one connection keeps; then it begins anew. */
const keptBlocksMax = 128;

interface KeptBlock {
  readonly bytes: Buffer;
  readonly version: number;
}

/** What constant heads were encoded as, to be sent again for as long as the header table stays as it is. */
export class KeptBlocks {
  readonly #encoder: HpackEncoder;
  readonly #blocks = new Map<Headers, KeptBlock>();
  /** Of the encoder, before a block was encoded that is to be kept. */
  #version = 0;

  constructor(encoder: HpackEncoder) {
    this.#encoder = encoder;
  }

  /** Undefined: it has to be encoded now, and {@link keep} told of it. */
  find(head: Headers): Buffer | undefined {
    this.#version = this.#encoder.version;
    const kept = this.#blocks.get(head);
    return kept?.version === this.#version ? kept.bytes : undefined;
  }

  /** `block` is what the encoder has just taken. One that has changed the table means something else the next time. */
  keep(head: Headers, block: Buffer): Buffer {
    if (this.#encoder.version !== this.#version) return block;
    if (this.#blocks.size >= keptBlocksMax) this.#blocks.clear();
    this.#blocks.set(head, { bytes: Buffer.from(block), version: this.#version });
    return block;
  }
}
