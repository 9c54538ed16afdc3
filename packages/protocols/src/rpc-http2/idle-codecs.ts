import type { Protocol } from '@sofamesh/contract/protocol';

/** Codecs that one connection keeps for each protocol. */
const idleCodecsMax = 64;

/** A codec of some protocol that has one call after the other. */
export interface CallCodec {
  readonly protocol: Protocol;
  /** Nothing of its last call is left in it, or under way. */
  readonly idle: boolean;
}

/** Codecs whose call is over, for the calls that come: making one costs more than a call. The latest goes first. */
export class IdleCodecs<Codec extends CallCodec> {
  readonly #lists = new Map<Protocol, Codec[]>();
  /** Where most calls find theirs. */
  #protocol: Protocol | undefined = undefined;
  #list: Codec[] = [];

  take(protocol: Protocol): Codec | undefined {
    const list = this.#listOf(protocol);
    for (;;) {
      const codec = list.pop();
      if (codec === undefined || codec.idle) return codec;
    }
  }

  /** A codec that is still at work when it is taken is left to itself then. */
  give(codec: Codec): void {
    const list = this.#listOf(codec.protocol);
    if (list.length < idleCodecsMax) list.push(codec);
  }

  #listOf(protocol: Protocol): Codec[] {
    if (protocol === this.#protocol) return this.#list;
    let list = this.#lists.get(protocol);
    if (list === undefined) {
      list = [];
      this.#lists.set(protocol, list);
    }
    this.#protocol = protocol;
    this.#list = list;
    return list;
  }
}
