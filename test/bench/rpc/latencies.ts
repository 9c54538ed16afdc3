/** The longest that is told from longer ones. */
export const microsecondsMax = 200_000;

/** Latencies to the microsecond, up to 200 ms; longer ones count as that. */
export class Latencies {
  readonly #counts = new Uint32Array(microsecondsMax + 1);
  #total = 0;

  add(microseconds: number): void {
    const slot = microseconds < microsecondsMax ? microseconds | 0 : microsecondsMax;
    this.#counts[slot] = this.#counts[slot]! + 1;
    this.#total++;
  }

  /** The smallest latency that at least `share` (0 to 1) of them do not exceed; 0 if there is none. */
  quantile(share: number): number {
    let left = Math.max(1, Math.ceil(this.#total * share));
    for (let slot = 0; slot <= microsecondsMax; slot++) {
      left -= this.#counts[slot]!;
      if (left <= 0) return slot;
    }
    return 0;
  }
}
