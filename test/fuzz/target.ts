/** What a decoder made of some bytes. */
export interface Observation {
  /** All of it, as text: the same for every way of cutting the bytes. */
  readonly said: string;
  /** What sort of thing happened, in few words: an input that shows a new sort is worth changing further. */
  readonly sort: string;
}

/** A decoder that is fed with what nobody meant. */
export interface FuzzTarget {
  readonly name: string;
  /** Well-formed inputs, made anew by every call. */
  corpus(): readonly Buffer[];
  /** Bytes that mean something to the decoder, to be put in anywhere. */
  readonly tokens: readonly (Buffer | string)[];
  /**
   * Where an input is a row of parts that say their own length (frames): takes it apart, and puts parts together again with
   * the lengths that they now have. Without this nearly every edit would only break a length.
   */
  readonly parts?: { split(bytes: Buffer): Buffer[]; join(parts: readonly Buffer[]): Buffer };
  /**
   * Feeds the pieces of one input, in their order, to a new decoder. Throws when the decoder does, or when it breaks a promise
   * that can be seen without knowing what the input means.
   */
  run(pieces: readonly Buffer[]): Observation | Promise<Observation>;
}
