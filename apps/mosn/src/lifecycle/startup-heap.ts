import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock } from '@sofamesh/base/clock';

/** What is still going on right after the start may end first. */
const settleMs = 100;

/**
 * How much the old generation may grow, in per cent of what was alive, before V8 marks it. What passes through a proxy dies
 * young, its buffers too; but V8 counts the buffers towards a limit that it sets close above an idle heap, and so marks the
 * whole heap, in vain, about every 10,000 calls. With this limit it has no reason to.
 */
const heapGrowingPercent = 200;

/** By then all is loaded that a start loads. */
const loadedMs = 2_000;

/**
 * Once the start is over; holds for the heaps of worker threads as well. V8 takes no code from a cache that was made under
 * other flags, that of Node's own modules included: set before `http` is loaded, this costs a tenth of a start.
 */
export function tuneHeap(clock: Clock): void {
  clock.after(loadedMs, () => setFlagsFromString(`--heap-growing-percent=${heapGrowingPercent}`));
}

/**
 * Gives back the memory that starting took. It builds schemas and configuration in a burst of allocation, to which V8
 * answers with a heap twice as large as an idle sidecar needs, and which it would keep for minutes. One full collection
 * soon after the program is ready: about 20 MB less resident memory for some 30 ms.
 */
export function releaseStartupHeap(clock: Clock): void {
  clock.after(settleMs, () => {
    collector()({ type: 'major', flavor: 'last-resort' });
    keepFreedMemory();
  });
}

/** Size of a block after which glibc keeps twice as much freed memory: two rounds of read buffers. */
const thresholdBytes = 8 * 1024 * 1024;

/**
 * Buffers are freed some megabytes at a time (see {@link youngCollector}), and glibc would give such an end of the heap back to the
 * system, which clears each page again for the next buffers: a fifth of what passing bytes on costs. After one large
 * block was freed it keeps up to twice its size (mallopt(3), M_TRIM_THRESHOLD and "dynamic mmap threshold"). The block is never touched, so it takes
 * no memory. Other C libraries make nothing of it.
 */
function keepFreedMemory(): void {
  new ArrayBuffer(thresholdBytes).transfer(0);
}

/** Collects what died young on the thread that calls it: well under a millisecond, as little of it is alive. */
export function youngCollector(): () => void {
  let collect: Collect | undefined;
  return () => {
    collect ??= collector();
    collect({ type: 'minor' });
  };
}

type Collect = (options: { type: 'minor' } | { type: 'major'; flavor: 'last-resort' }) => void;

/** V8's own function, which exists only in contexts that are made after the flag was set. */
function collector(): Collect {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collect;
}
