/**
 * `node test/interop/envoy-diff/show.ts [--record] [PATTERN]`: runs the cases whose name matches and prints where Envoy and
 * mosn differ and it is not written down; `--record` writes what was seen into golden/differences.json. Each needs its reason in
 * differences.ts.
 */
import { cases } from './cases/index.ts';
import { compareProxies, printDifference } from './compare.ts';
import { isAsRecorded, readRecorded, reasonFor, writeRecorded } from './differences.ts';

const words = process.argv.slice(2);
const records = words[0] === '--record';
const pattern = new RegExp(words[records ? 1 : 0] ?? '');
const chosen = cases.filter(({ name }) => pattern.test(name));
const recorded = readRecorded();
const startMs = performance.now();
const outcomes = await compareProxies(chosen, recorded);
let surprises = 0;
for (const { case: one, difference } of outcomes) {
  const known = recorded[one.name];
  if (difference !== undefined && reasonFor(one.name) === undefined) console.log(`no reason is given for ${one.name}`);
  if (isAsRecorded(one.name, difference, known)) continue;
  surprises++;
  console.log(`\n── ${one.name} (${one.config ?? 'plain'})\n${printDifference(difference)}`);
  if (known !== undefined) console.log(`  written down is\n${printDifference(known)}`);
  if (difference === undefined) delete recorded[one.name];
  else recorded[one.name] = difference;
}
if (records) writeRecorded(recorded);
const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
const different = outcomes.filter(({ difference }) => difference !== undefined).length;
console.log(`\n${chosen.length} cases, ${different} different, ${surprises} not as written down, ${seconds} s`);
