import type { Load } from './load.ts';

const sliceSeconds = 1;
/** A slice that costs no less than this part of the cheapest one before it has not got cheaper: the clock ticks in 1/100 s. */
const stillFalling = 0.97;
/** Compilers work in the background, so some slices may be no cheaper although a later one is. */
const slicesWithoutGain = 6;

/**
 * Loads a proxy, slice by slice, until its CPU time per request stops falling, for `secondsMax` at most: code that is
 * compiled as it runs takes longer to reach its speed than a fixed time would give it, and others need no such time.
 * `cpuMs` tells the CPU time that it has used.
 */
export async function warmUp(load: Load, port: number, cpuMs: () => number, secondsMax: number): Promise<void> {
  let cheapestUs = Number.POSITIVE_INFINITY;
  let withoutGain = 0;
  for (let seconds = 0; seconds < secondsMax && withoutGain < slicesWithoutGain; seconds += sliceSeconds) {
    const beforeMs = cpuMs();
    const { requests } = await (load.runWarm?.(port, sliceSeconds) ?? load.run(port, sliceSeconds));
    const costUs = ((cpuMs() - beforeMs) * 1000) / requests;
    withoutGain = costUs < cheapestUs * stillFalling ? 0 : withoutGain + 1;
    cheapestUs = Math.min(cheapestUs, costUs);
  }
  if (load.runWarm !== undefined) await load.run(port, sliceSeconds);
}
