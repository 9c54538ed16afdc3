import type { SharedNumbers } from '@sofamesh/contract/network-filter';

/** In bytes: the number, then the places that are taken, in all and by each worker. */
const countsAt = BigInt64Array.BYTES_PER_ELEMENT;

/** Memory for one filter, to be given to all workers. */
export function sharedMemory(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(countsAt + (1 + workers) * Int32Array.BYTES_PER_ELEMENT);
}

/** Frees the places that a worker held which is gone. */
export function releasePlaces(memory: SharedArrayBuffer, worker: number): void {
  const counts = new Int32Array(memory, countsAt);
  Atomics.sub(counts, 0, Atomics.exchange(counts, 1 + worker, 0));
}

/** The numbers of one filter as one worker sees them. */
export class MemoryNumbers implements SharedNumbers {
  readonly #number: BigInt64Array;
  readonly #counts: Int32Array;
  readonly #own: number;

  /** `worker`: its place, from 0. */
  constructor(memory: SharedArrayBuffer, worker: number) {
    this.#number = new BigInt64Array(memory, 0, 1);
    this.#counts = new Int32Array(memory, countsAt);
    this.#own = 1 + worker;
  }

  takePlace(max: number): boolean {
    for (;;) {
      const taken = Atomics.load(this.#counts, 0);
      if (taken >= max) return false;
      if (Atomics.compareExchange(this.#counts, 0, taken, taken + 1) !== taken) continue;
      Atomics.add(this.#counts, this.#own, 1);
      return true;
    }
  }

  returnPlace(): void {
    Atomics.sub(this.#counts, this.#own, 1);
    Atomics.sub(this.#counts, 0, 1);
  }

  update(change: (value: number) => number | undefined): boolean {
    for (;;) {
      const value = Atomics.load(this.#number, 0);
      const next = change(Number(value));
      if (next === undefined) return false;
      if (Atomics.compareExchange(this.#number, 0, value, BigInt(next)) === value) return true;
    }
  }
}
