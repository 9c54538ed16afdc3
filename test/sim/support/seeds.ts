import { SimWorld } from './world.ts';

/** `SIM_SEED`: only this one, with all that happened printed. */
const onlySeed = process.env['SIM_SEED'];
const runs = Number(process.env['SIM_RUNS'] ?? 0);
const notesShown = 60;

/**
 * Runs worlds with the seeds 1, 2, 3, …: as many as `SIM_RUNS` says, else as many as fit into `budgetMs` of processor
 * time, and `seedsMin` however slow the machine is. The first that has a violation ends it with an error that says how to see it again. Returns how many it were.
 */
export async function forSeeds(
  budgetMs: number,
  run: (world: SimWorld) => Promise<void>,
  seedsMin = 4,
): Promise<number> {
  if (onlySeed !== undefined) {
    await runSeed(Number(onlySeed), run, true);
    return 1;
  }
  const startMs = processorMs();
  let seed = 0;
  while (runs > 0 ? seed < runs : seed < seedsMin || processorMs() - startMs < budgetMs)
    await runSeed(++seed, run, false);
  return seed;
}

/** What this process has used: a machine that others use as well runs no fewer seeds. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function runSeed(seed: number, run: (world: SimWorld) => Promise<void>, verbose: boolean): Promise<void> {
  const world = new SimWorld(seed);
  const onRejection = (error: unknown) => world.violate(`a promise was rejected and nobody looked: ${error}`);
  process.on('unhandledRejection', onRejection);
  try {
    await run(world);
  } catch (error) {
    world.violate(`an exception escaped: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    process.off('unhandledRejection', onRejection);
  }
  if (verbose) console.log(world.notes.join('\n'));
  const [violation] = world.violations;
  if (violation === undefined) return;
  const tokens = new Set(violation.match(/<t\d+>/g) ?? []);
  const about = world.notes.filter((note) => [...tokens].some((token) => note.includes(token)));
  throw new Error(
    [
      `${violation}\nSee it again with SIM_SEED=${seed}.`,
      ...(about.length > 0 ? ['\nWhat happened to it:', ...about.slice(-notesShown)] : []),
      '\nWhat happened last:',
      ...world.notes.slice(-notesShown),
    ].join('\n'),
  );
}
