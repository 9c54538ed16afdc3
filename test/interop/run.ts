/**
 * `npm run test:interop`: tests against other people's programs (test/peers), which are installed when they are not there.
 * Words name the files to run, e.g. `npm run test:interop -- http`. A peer that cannot be had skips its tests, or fails
 * the run under INTEROP_STRICT=1. INTEROP_PROXY=envoy puts a stock Envoy in mosn's place, to test the tests.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/** In a sensible order: what is quick and likely to tell most comes first. And how many tests each has, at least. */
const suites = [
  { name: 'http', testsMin: 14 },
  { name: 'envoy-diff', testsMin: 800 },
  { name: 'envoy-xds', testsMin: 6 },
  { name: 'original-dst', testsMin: 12 },
  { name: 'rpc-tars', testsMin: 65 },
  { name: 'rpc-thrift', testsMin: 159 },
  { name: 'rpc-bolt', testsMin: 148 },
  { name: 'rpc-dubbo', testsMin: 220 },
  { name: 'conversion', testsMin: 9 },
  { name: 'h2spec', testsMin: 3 },
  { name: 'floods', testsMin: 15 },
  { name: 'http2', testsMin: 110 },
  { name: 'websocket', testsMin: 50 },
  { name: 'tls', testsMin: 14 },
  { name: 'drain', testsMin: 8 },
  { name: 'grpc', testsMin: 80 },
];
const suiteTimeoutMs = 10 * 60_000;

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !suites.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(`no suite ${unknown.join(', ')}; there are ${suites.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const chosen = suites.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
const files = chosen.map(({ name }) => join(import.meta.dirname, `${name}.interop.ts`));
for (const file of files) if (!existsSync(file)) throw new Error(`${file} is missing`);

const startedAt = Date.now();
let passed = 0;
let failed = 0;
let skipped = 0;
// One file after the other: there are few cores, and several JVMs in each.
const events = run({ files, concurrency: false, timeout: suiteTimeoutMs });
events.on('test:pass', ({ details, skip }) => {
  if (skip !== undefined) skipped++;
  else if (details.type !== 'suite') passed++;
});
// A suite fails with its tests; it counts only when it failed by itself.
events.on('test:fail', ({ details }) => {
  if (details.type !== 'suite' || failureType(details.error) !== 'subtestsFailed') failed++;
});
events.on('end', finish);
events.compose(spec).pipe(process.stdout);

function failureType(error: object): unknown {
  return 'failureType' in error ? error.failureType : undefined;
}

function finish(): void {
  const testsMin = chosen.reduce((sum, suite) => sum + suite.testsMin, 0);
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(0);
  process.exitCode = failed > 0 ? 1 : 0;
  const strict = process.env['INTEROP_STRICT'] === '1';
  process.once('exit', () => {
    console.log(`${chosen.map(({ name }) => name).join(', ')}: ${seconds} s`);
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    if (strict && passed < testsMin) {
      console.error(`only ${passed} tests ran; at least ${testsMin} are expected`);
      process.exitCode = 1;
    }
  });
}
