/**
 * The test command. `npm test`: house checks (types, lint, generated files), then every test that needs no other software,
 * under a time limit and with a least number of tests, so that a run that found none is not green.
 * `--unit`: only the tests, without the house checks and the end-to-end ones (for the second Node line).
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundlesVariable } from './e2e/support/bundles.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const unitOnly = process.argv.includes('--unit');
const timeLimitMs = 8 * 60_000;
/** What one process has compiled the others need not compile again. */
const compileCache = join(root, 'node_modules', '.cache', 'test-compile');
/** What the compiler found in files that have not changed since. */
const typesCache = join(root, 'node_modules', '.cache', 'types.tsbuildinfo');
const testsMin = unitOnly ? 2500 : 2600;

interface Run {
  /** Its output is not shown while it runs. */
  readonly quiet?: boolean;
  /** Besides the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

interface Outcome {
  readonly code: number;
  readonly output: string;
}

function run(command: string, args: readonly string[], { quiet = false, env: more }: Run = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { ...process.env, NODE_COMPILE_CACHE: compileCache, ...more };
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk;
      if (!quiet) process.stdout.write(chunk);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const timer = setTimeout(() => {
      console.error(`\n${command} ${args[0] ?? ''}: still running after ${timeLimitMs / 1000} s, stopped`);
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, timeLimitMs);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, output });
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ code: 1, output: String(error) });
    });
  });
}

/** The compiler, a Go program, ends before its garbage is worth collecting: a third of its time for 100 MB. */
const compilerEnv = { GOGC: 'off' };

async function houseChecks(): Promise<boolean> {
  const checks: readonly [name: string, command: string, args: readonly string[]][] = [
    // The other checks have the other processor; more threads would check what they share more than once.
    ['types', 'tsc', ['--noEmit', '-p', '.', '--singleThreaded', '--incremental', '--tsBuildInfoFile', typesCache]],
    ['lint', 'biome', ['check', '.']],
    ['catalogue', process.execPath, ['scripts/catalogue.ts', '--check']],
  ];
  const outcomes = await Promise.all(
    checks.map(async ([name, command, args]) => {
      const startMs = performance.now();
      const path = command === process.execPath ? command : join(root, 'node_modules', '.bin', command);
      const { code, output } = await run(path, args, { quiet: true, env: compilerEnv });
      console.log(`${code === 0 ? 'ok  ' : 'FAIL'} ${name} (${((performance.now() - startMs) / 1000).toFixed(1)} s)`);
      if (code !== 0) console.log(output);
      return code === 0;
    }),
  );
  return outcomes.every(Boolean);
}

const unitFiles = [
  'packages/*/src/**/*.test.ts',
  'packages/registries/*/src/**/*.test.ts',
  'apps/*/src/**/*.test.ts',
  'test/house/*.test.ts',
  'test/fuzz/*.test.ts',
];
const wholeFiles = ['test/e2e/*.test.ts', 'test/sim/*.test.ts'];

/**
 * Files that test one package each share a process with others: loading the packages over and over would take most of the
 * time. Neighbours go to different processes, for they take about as long. The others start processes of their own, wait
 * for them, and get one each, which ends with its last test: RPC clients from npm keep timers for half a minute. Three at
 * a time: two would leave a processor idle while they wait.
 */
function commands(): string[][] {
  // With room for what dies young nothing has to be copied to the old.
  const node = ['--min-semi-space-size=16', '--import', './test/preload.js'];
  const common = [...node, '--test', '--test-reporter=tap'];
  const unit = filesOf(unitFiles);
  const shares = [0, 1].map((share) => unit.filter((_, at) => at % 2 === share));
  const shared = shares.map((share) => [...common, '--test-isolation=none', ...share]);
  return unitOnly
    ? shared
    : [...shared, [...common, '--test-concurrency=3', '--test-force-exit', ...filesOf(wholeFiles)]];
}

function filesOf(patterns: readonly string[]): string[] {
  return globSync(patterns, { cwd: root }).sort();
}

/** What most end-to-end tests start: made here once, while the other tests run, and not looked for again by each of them. */
async function bundlesMade(): Promise<NodeJS.ProcessEnv> {
  try {
    const { makeBundles } = await import('./e2e/support/make-bundles.ts');
    return { [bundlesVariable]: JSON.stringify(await makeBundles()) };
  } catch (thrown) {
    // The tests try again, and fail with it.
    console.error(thrown);
    return {};
  }
}

const startMs = performance.now();
const healthy = unitOnly || (await houseChecks());
const [first, second, whole] = commands();
const bundles = whole === undefined ? {} : bundlesMade();
const outcomes = await Promise.all([first!, second!].map((args) => run(process.execPath, args, { quiet: true })));
if (whole !== undefined) outcomes.push(await run(process.execPath, whole, { quiet: true, env: await bundles }));
const count = (word: string) =>
  outcomes.reduce((sum, { output }) => sum + Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0), 0);
const [passed, failed, skipped] = [count('pass'), count('fail') + count('cancelled'), count('skipped')];
const broken = outcomes.filter(({ code }) => code !== 0);
for (const { output } of broken) console.log(failuresOf(output));
console.log(`${((performance.now() - startMs) / 1000).toFixed(0)} s`);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
if (passed < testsMin) console.error(`only ${passed} tests ran; at least ${testsMin} are expected`);
process.exitCode = healthy && broken.length === 0 && passed >= testsMin ? 0 : 1;

/** From the TAP output, the failed tests with their diagnostics, innermost first. */
function failuresOf(tap: string): string {
  const lines = tap.split('\n');
  const failures: string[] = [];
  for (const [at, line] of lines.entries()) {
    if (!/^\s*not ok /.test(line)) continue;
    const indent = line.search(/\S/);
    const rest = lines.slice(at + 1, at + 60);
    const end = rest.findIndex((other) => other.trim() === '...' && other.search(/\S/) <= indent + 2);
    failures.push([line, ...rest.slice(0, end < 0 ? 30 : end)].join('\n'));
  }
  return failures.length > 0 ? failures.join('\n') : tap.slice(-4000);
}
