import type { Clock } from '@sofamesh/base/clock';
import type { SharedNumbers } from '@sofamesh/contract/network-filter';

export interface TokenBucketSize {
  readonly tokensMax: number;
  readonly tokensPerFill: number;
  readonly fillIntervalMs: number;
}

/** A clock that is so much earlier than it was has been set back. */
const setBackMicros = 1_000_000;
/** What takes longer to fill is not told apart: 142 years. */
const longestMicros = 2 ** 52;

/**
 * A bucket that fills all the time, as Envoy's does: each token at its moment, not `tokensPerFill` at once. Its only state
 * is the moment at which it was empty, so that workers can share it: from then to now it has been filling. 0: it is full.
 *
 * That moment is one of the wall clock, the only one that threads have in common. A clock that is set forward fills the
 * bucket, one that is set back empties it; it goes on from there.
 */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #shared: SharedNumbers;
  readonly #tokenMicros: number;
  readonly #fullMicros: number;

  constructor({ tokensMax, tokensPerFill, fillIntervalMs }: TokenBucketSize, clock: Clock, shared: SharedNumbers) {
    this.#clock = clock;
    this.#shared = shared;
    this.#tokenMicros = Math.min(Math.ceil((fillIntervalMs * 1000) / tokensPerFill), longestMicros);
    this.#fullMicros = Math.min(this.#tokenMicros * tokensMax, longestMicros);
  }

  /** Takes a token; false: there is none. */
  take(): boolean {
    const now = Math.floor(this.#clock.wallMs() * 1000);
    let taken = false;
    this.#shared.update((emptyAt) => {
      taken = false;
      if (emptyAt > now + setBackMicros) return now;
      const filledFrom = now - this.#fullMicros;
      const next = (emptyAt === 0 ? filledFrom : Math.max(emptyAt, filledFrom)) + this.#tokenMicros;
      taken = next <= now;
      return taken ? next : undefined;
    });
    return taken;
  }
}
