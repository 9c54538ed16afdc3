import assert from 'node:assert/strict';
import { getHeapStatistics } from 'node:v8';
import type { Random } from '@sofamesh/base/random';
import { cut, randomCuts } from '@sofamesh/testkit/protocol-suite/pieces';
import type { FuzzTarget, Observation } from './target.ts';

/** Of the processor. One run of one input takes a small part of it; a first run may compile much, so that it is timed again. */
const slowMs = 100;
const timedAgain = 3;
/** Buffers that one run may make, beyond what is in proportion to the input. */
const bufferBytesMax = 32 * 1024 * 1024;
/** Cut at every octet up to this length. */
const octetwiseBytesMax = 600;

export interface Failure {
  /** `throws`: or breaks a promise. `cuts`: says another thing when the bytes come in other pieces. */
  readonly kind: 'throws' | 'cuts' | 'slow' | 'memory';
  /** The first line tells failures apart. */
  readonly message: string;
}

export type Outcome = Failure | (Observation & { readonly kind: 'fine' });

/** Runs an input whole and in pieces. */
export async function examine(target: FuzzTarget, input: Buffer, random: Random): Promise<Outcome> {
  const whole = await attempt(target, [input]);
  if (whole.kind !== 'fine') return whole;
  const ways = [randomCuts(input.length, random)];
  if (input.length <= octetwiseBytesMax && random.next() < 0.2) ways.push(everyOctet(input));
  return (await compareCuts(target, input, whole, ways)) ?? whole;
}

/** As {@link examine}, with many more ways to cut. */
export async function examineThoroughly(target: FuzzTarget, input: Buffer, random: Random): Promise<Outcome> {
  const whole = await attempt(target, [input]);
  if (whole.kind !== 'fine') return whole;
  const inTwo = Array.from({ length: Math.min(input.length, octetwiseBytesMax) }, (_, at) => [at]);
  const atRandom = Array.from({ length: 50 }, () => randomCuts(input.length, random));
  return (await compareCuts(target, input, whole, [everyOctet(input), ...inTwo, ...atRandom])) ?? whole;
}

function everyOctet(input: Buffer): number[] {
  return Array.from({ length: input.length }, (_, at) => at);
}

async function compareCuts(
  target: FuzzTarget,
  input: Buffer,
  whole: Observation,
  ways: readonly (readonly number[])[],
): Promise<Failure | undefined> {
  for (const positions of ways) {
    const pieces = await attempt(target, cut(input, positions));
    if (pieces.kind !== 'fine') return pieces;
    if (pieces.said === whole.said) continue;
    try {
      assert.equal(pieces.said, whole.said);
    } catch (thrown) {
      const sorts = pieces.sort === whole.sort ? whole.sort : `${whole.sort} | in pieces: ${pieces.sort}`;
      return { kind: 'cuts', message: `${sorts}\ncut at ${positions.slice(0, 20)}\n${(thrown as Error).message}` };
    }
  }
  return undefined;
}

async function attempt(target: FuzzTarget, pieces: readonly Buffer[]): Promise<Outcome> {
  const buffersBefore = getHeapStatistics().external_memory;
  const startMs = processorMs();
  let observation: Observation;
  try {
    observation = await target.run(pieces.map((piece) => Buffer.from(piece)));
  } catch (thrown) {
    return { kind: 'throws', message: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) };
  }
  const tookMs = processorMs() - startMs;
  const bufferBytes = getHeapStatistics().external_memory - buffersBefore;
  if (bufferBytes > bufferBytesMax)
    return { kind: 'memory', message: `${bufferBytes} octets of buffers for one input` };
  if (tookMs > slowMs && (await isSlow(target, pieces))) return { kind: 'slow', message: `more than ${slowMs} ms` };
  return { kind: 'fine', ...observation };
}

/** Bytewise runs are long by themselves: what counts is the time of the input as a whole. */
async function isSlow(target: FuzzTarget, pieces: readonly Buffer[]): Promise<boolean> {
  for (let round = 0; round < timedAgain; round++) {
    const startMs = processorMs();
    await target.run([Buffer.concat(pieces)]);
    if (processorMs() - startMs < slowMs) return false;
  }
  return true;
}

/** What this thread has used of a processor: on a busy machine, time by the clock says nothing. */
function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
