import { randomInteger, SeededRandom } from '@sofamesh/base/random';
import { examine, type Failure } from './examine.ts';
import { minimise } from './minimise.ts';
import { mutate } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

/** Inputs that showed something new and are kept to be changed further. */
const poolMax = 2000;
/** Failures that begin with the same line are one; so many inputs of it, in their shortest form, are enough. */
const samplesMax = 3;
const heapCheckMs = 5000;
/** What the process may hold beyond what it held after the first while. */
const heapGrowthBytesMax = 64 * 1024 * 1024;

export interface HuntOptions {
  readonly seed: number;
  readonly forMs: number;
  /** Ends it earlier. */
  readonly inputsMax?: number;
  /** For making one failing input shorter. */
  readonly minimiseMs: number;
  /** What is run next: for whoever has to say it when that run never ends. */
  onInput(input: Buffer): void;
  onFailure(failure: Failure, input: Buffer): void;
  /** Collects garbage; undefined where that cannot be asked for, and growth is not looked at. */
  readonly collect: (() => void) | undefined;
}

export interface HuntSummary {
  readonly inputs: number;
  /** Sorts of behaviour that were seen. */
  readonly sorts: number;
  readonly failures: number;
}

/** Changes inputs, runs them, and keeps those whose behaviour is new to change them again, until the time is over. */
export async function hunt(target: FuzzTarget, options: HuntOptions): Promise<HuntSummary> {
  const random = new SeededRandom(options.seed);
  const corpus = target.corpus();
  const pool = [...corpus];
  const sorts = new Set<string>();
  const samples = new Map<string, Set<string>>();
  const growth = new GrowthWatch(options.collect);
  let inputs = 0;
  let failures = 0;

  const run = async (input: Buffer): Promise<void> => {
    options.onInput(input);
    inputs++;
    const outcome = await examine(target, input, random);
    if (outcome.kind === 'fine') {
      if (sorts.has(outcome.sort)) return;
      sorts.add(outcome.sort);
      if (pool.length < poolMax) pool.push(ownCopy(input));
      else pool[corpus.length + randomInteger(random, poolMax - corpus.length)] = ownCopy(input);
      return;
    }
    failures++;
    const key = keyOf(outcome);
    const seen = samples.get(key) ?? new Set();
    samples.set(key, seen);
    if (seen.size >= samplesMax) return;
    const fails = async (candidate: Buffer) => {
      options.onInput(candidate);
      const again = await examine(target, candidate, random);
      return again.kind !== 'fine' && keyOf(again) === key;
    };
    const smallest = await minimise(input, options.minimiseMs, fails);
    const text = smallest.toString('latin1');
    if (!seen.has(text)) options.onFailure(outcome, smallest);
    seen.add(text);
  };

  const endMs = performance.now() + options.forMs;
  for (const input of corpus) await run(input);
  while (performance.now() < endMs && inputs < (options.inputsMax ?? Number.POSITIVE_INFINITY)) {
    const seed = pool[randomInteger(random, pool.length)]!;
    const input = mutate(target, seed, pool, random);
    await run(input);
    const grown = growth.look(pool);
    if (grown !== undefined) options.onFailure({ kind: 'memory', message: grown }, input);
  }
  return { inputs, sorts: sorts.size, failures };
}

/** Kind and first line, without the numbers that differ from input to input. */
function keyOf({ kind, message }: Failure): string {
  return `${kind} ${message.split('\n', 1)[0]!.replaceAll(/\d+/g, 'N')}`;
}

/** Looks now and then at what is left on the heap when the garbage is gone, apart from the inputs that are kept. */
class GrowthWatch {
  readonly #collect: (() => void) | undefined;
  #nextMs = performance.now() + heapCheckMs;
  #baseline = -1;

  constructor(collect: (() => void) | undefined) {
    this.#collect = collect;
  }

  look(pool: readonly Buffer[]): string | undefined {
    if (this.#collect === undefined || performance.now() < this.#nextMs) return undefined;
    this.#nextMs = performance.now() + heapCheckMs;
    this.#collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const held = heapUsed + arrayBuffers - pool.reduce((bytes, input) => bytes + input.length, 0);
    if (this.#baseline < 0) this.#baseline = held;
    if (held - this.#baseline < heapGrowthBytesMax) return undefined;
    const grown = `the process holds ${held - this.#baseline} octets more than at first`;
    this.#baseline = held;
    return grown;
  }
}

/** Not of Node's pool, a slab of which would be kept alive. */
function ownCopy(input: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(input.length);
  input.copy(copy);
  return copy;
}
