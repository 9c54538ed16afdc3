/** How a link between two machines behaves, one way. Chances are between 0 and 1. */
export interface LinkFaults {
  /** Delay of each segment, drawn anew; the order within a connection is kept. */
  readonly latencyMsMin: number;
  readonly latencyMsMax: number;
  /** That a segment is cut at a place drawn by chance, again for each part. */
  readonly splitChance: number;
  /** That a reader waits a little, so that it sees several segments as one. */
  readonly coalesceChance: number;
  /** That a connection breaks instead of carrying a segment. */
  readonly resetChance: number;
  /** That a dial is refused although somebody listens. */
  readonly refuseChance: number;
  /** That a dial is not answered at all. */
  readonly silenceChance: number;
  /** Bytes under way or unread in one direction of a connection; more wait at the writer. */
  readonly windowBytes: number;
}

/** Delays, cuts and joins, but nothing breaks. */
export const calmLink: LinkFaults = {
  latencyMsMin: 0.1,
  latencyMsMax: 2,
  splitChance: 0.3,
  coalesceChance: 0.3,
  resetChance: 0,
  refuseChance: 0,
  silenceChance: 0,
  windowBytes: 64 * 1024,
};
