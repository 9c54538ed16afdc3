/**
 * The test command. `npm test`: house checks (types, lint, generated files), then every test that needs no other software,
 * under a time limit and with a least number of tests, so that a run that found none is not green.
 * `--unit`: only the tests, without the house checks and the end-to-end ones (for the second Node line).
 */
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const unitOnly = process.argv.includes('--unit');
const timeLimitMs = 8 * 60_000;
/** Every test file is a process of its own: what one has compiled the others need not compile again. */
const compileCache = join(root, 'node_modules', '.cache', 'test-compile');
const testsMin = unitOnly ? 200 : 220;

interface Outcome {
  readonly code: number;
  readonly output: string;
}

function run(command: string, args: readonly string[], { quiet = false } = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { ...process.env, NODE_COMPILE_CACHE: compileCache };
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

async function houseChecks(): Promise<boolean> {
  const checks: readonly [name: string, command: string, args: readonly string[]][] = [
    ['types', 'tsc', ['--noEmit', '-p', '.']],
    ['lint', 'biome', ['check', '.']],
    ['catalogue', process.execPath, ['scripts/catalogue.ts', '--check']],
  ];
  const outcomes = await Promise.all(
    checks.map(async ([name, command, args]) => {
      const startMs = performance.now();
      const path = command === process.execPath ? command : join(root, 'node_modules', '.bin', command);
      const { code, output } = await run(path, args, { quiet: true });
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
];
const wholeFiles = ['test/e2e/*.test.ts', 'test/sim/*.test.ts'];

const startMs = performance.now();
const healthy = unitOnly || (await houseChecks());
const files = globSync(unitOnly ? unitFiles : [...unitFiles, ...wholeFiles], { cwd: root }).sort();
const { code, output } = await run(
  process.execPath,
  ['--test', '--test-concurrency=2', '--test-reporter=tap', ...files],
  { quiet: true },
);
const count = (word: string) => Number(new RegExp(`^# ${word} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
const [passed, failed, skipped] = [count('pass'), count('fail') + count('cancelled'), count('skipped')];
if (code !== 0) {
  console.log(failuresOf(output));
}
console.log(`${files.length} files, ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
if (passed < testsMin) console.error(`only ${passed} tests ran; at least ${testsMin} are expected`);
process.exitCode = healthy && code === 0 && passed >= testsMin ? 0 : 1;

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
