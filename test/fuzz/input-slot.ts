import type { Failure } from './examine.ts';
import type { HuntSummary } from './hunt.ts';
import { inputBytesMax } from './mutate.ts';

/** Plain data for the thread of a hunt. */
export interface HuntOrder {
  readonly target: string;
  readonly seed: number;
  readonly forMs: number;
  readonly memory: SharedArrayBuffer;
}

export type Report =
  | { readonly kind: 'failure'; readonly failure: Failure; readonly input: Uint8Array }
  | { readonly kind: 'done'; readonly summary: HuntSummary };

/** The input that a hunt runs now, in memory that another thread can read while the hunt does nothing else any more. */
export class InputSlot {
  static readonly memoryBytes = 8 + inputBytesMax;
  readonly #state: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(memory: SharedArrayBuffer) {
    this.#state = new Int32Array(memory, 0, 2);
    this.#bytes = new Uint8Array(memory, 8);
  }

  put(input: Buffer): void {
    this.#bytes.set(input.subarray(0, inputBytesMax));
    this.#state[1] = input.length;
    Atomics.add(this.#state, 0, 1);
  }

  /** Changes with every input. */
  get number(): number {
    return Atomics.load(this.#state, 0);
  }

  take(): Buffer {
    return Buffer.from(this.#bytes.slice(0, this.#state[1]));
  }
}
