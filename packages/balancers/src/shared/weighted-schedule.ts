/**
 * Earliest deadline first: item `i` is due every `1 / weight(i)`, so over time each is taken in proportion to its weight
 * and as evenly as the weights allow. Taking costs a walk down a heap and allocates nothing.
 */
export class WeightedSchedule {
  readonly #weights: Float64Array;
  readonly #deadlines: Float64Array;
  /** Binary heap of item indexes, the earliest deadline on top. */
  readonly #heap: Int32Array;

  /** `start` in [0, 1) shifts the whole schedule, so that many proxies do not all begin with the same host. */
  constructor(weights: readonly number[], start: number) {
    this.#weights = Float64Array.from(weights);
    this.#deadlines = new Float64Array(weights.length);
    this.#heap = new Int32Array(weights.length);
    for (let item = 0; item < weights.length; item++) {
      // Spread over the first period: otherwise equal weights come out sorted by index.
      const phase = (start + ((item * golden) % 1)) % 1;
      this.#deadlines[item] = (phase + Number.EPSILON) / this.#weights[item]!;
      this.#heap[item] = item;
    }
    for (let at = (weights.length >> 1) - 1; at >= 0; at--) this.#sink(at);
  }

  /** The item that is due; -1 when there is none. `weight` may differ from call to call (load-aware balancing). */
  take(weightOf?: (item: number) => number): number {
    if (this.#heap.length === 0) return -1;
    const item = this.#heap[0]!;
    const weight = weightOf === undefined ? this.#weights[item]! : weightOf(item);
    this.#deadlines[item] = this.#deadlines[item]! + 1 / weight;
    this.#sink(0);
    return item;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const deadlines = this.#deadlines;
    const item = heap[from]!;
    const deadline = deadlines[item]!;
    let at = from;
    for (let child = 2 * at + 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && deadlines[heap[child + 1]!]! < deadlines[heap[child]!]!) child++;
      if (deadlines[heap[child]!]! >= deadline) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = item;
  }
}

/** Fractional part of the golden ratio: its multiples fill an interval evenly for any count. */
const golden = 0.6180339887498949;
