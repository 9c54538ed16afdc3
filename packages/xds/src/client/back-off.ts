import { type Random, randomInteger } from '@sofamesh/base/random';

/** Envoy's defaults for streams to a control plane. */
export const defaultBackOff = { baseMs: 500, maxMs: 30_000 };

/** Exponential back-off with full jitter: each delay is drawn from [0, interval), and the interval doubles. */
export class BackOff {
  readonly #random: Random;
  readonly #baseMs: number;
  readonly #maxMs: number;
  #intervalMs: number;

  constructor(random: Random, { baseMs, maxMs }: { readonly baseMs: number; readonly maxMs: number } = defaultBackOff) {
    this.#random = random;
    this.#baseMs = baseMs;
    this.#maxMs = maxMs;
    this.#intervalMs = baseMs;
  }

  nextMs(): number {
    const delayMs = randomInteger(this.#random, this.#intervalMs);
    this.#intervalMs = Math.min(this.#intervalMs * 2, this.#maxMs);
    return delayMs;
  }

  reset(): void {
    this.#intervalMs = this.#baseMs;
  }
}
