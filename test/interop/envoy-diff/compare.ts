import type { Case } from './case.ts';
import { isAsRecorded } from './differences.ts';
import { Lanes } from './lanes.ts';
import { compareObservations, type Difference } from './observation.ts';

const atOnce = 24;
const quietMs = 250;
/** Whoever was slow, not different, gets more time: a difference has to be seen as often as there are entries here. */
const patienceMs = [quietMs, 600, 1_200];

export interface Outcome {
  readonly case: Case;
  /** Undefined: both did the same. */
  readonly difference: Difference | undefined;
}

/**
 * Runs every case through a stock Envoy and through mosn. What is not as it is written down is run again, with more
 * patience, before it is believed.
 */
export async function compareProxies(
  cases: readonly Case[],
  recorded: Readonly<Record<string, Difference>>,
): Promise<readonly Outcome[]> {
  const [envoy, mosn] = await Promise.all([Lanes.start('envoy', cases), Lanes.start('mosn', cases)]);
  try {
    const outcomes = new Map<Case, Outcome>();
    let waiting = [...cases];
    for (const patience of patienceMs) {
      const again: Case[] = [];
      const work = async () => {
        for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
          const [theirs, ours] = await Promise.all([envoy.run(one, patience), mosn.run(one, patience)]);
          const difference = compareObservations(theirs, ours);
          outcomes.set(one, { case: one, difference });
          if (!isAsRecorded(one.name, difference, recorded[one.name])) again.push(one);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, work));
      waiting = again;
    }
    return cases.map((one) => outcomes.get(one)!);
  } finally {
    await Promise.all([envoy.stop(), mosn.stop()]);
  }
}

/** For people: what only one of the two did. */
export function printDifference(difference: Difference | undefined): string {
  if (difference === undefined) return '    no difference';
  const lines = difference.envoy.map((line) => `    envoy  ${line}`);
  return [...lines, ...difference.mosn.map((line) => `    mosn   ${line}`)].join('\n');
}
