/** The fuzz command: `npm run fuzz -- http1 --for 10m`. Exits with 1 when it found something. */
import { relative } from 'node:path';
import { Worker } from 'node:worker_threads';
import { messageOf } from '@sofamesh/base/errors';
import { keepInput } from './found-inputs.ts';
import type { HuntSummary } from './hunt.ts';
import { InputSlot, type Report } from './input-slot.ts';
import { type Hunt, huntsOf, readOptions, usage } from './options.ts';
import { targets } from './targets/index.ts';

/** An input that runs for longer than this never ends. */
const hangMs = 10_000;
/** A busy machine takes its time to load what is hunted, before there is an input. */
const startMs = 60_000;

interface Hunted {
  readonly found: number;
  readonly summary: HuntSummary | undefined;
}

/** One hunt in a thread of its own; undefined summary: it hung, or its thread died. */
function huntInThread(target: string, seed: number, forMs: number): Promise<Hunted> {
  const memory = new SharedArrayBuffer(InputSlot.memoryBytes);
  const slot = new InputSlot(memory);
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: { target, seed, forMs, memory } });
  let found = 0;
  const keep = (kind: string, message: string, input: Uint8Array) => {
    found++;
    const path = keepInput(target, kind, Buffer.from(input));
    console.log(`\n${target}: ${kind}: ${message.slice(0, 3000)}\n  kept as ${relative(process.cwd(), path)}`);
  };
  return new Promise((resolve) => {
    let summary: HuntSummary | undefined;
    let ended = false;
    let lastNumber = -1;
    let lastChangeMs = performance.now();
    const watch = setInterval(() => {
      const { number } = slot;
      if (number !== lastNumber) {
        lastNumber = number;
        lastChangeMs = performance.now();
      } else if (performance.now() - lastChangeMs > (number === 0 ? startMs : hangMs)) {
        clearInterval(watch);
        keep('hangs', `an input runs for more than ${hangMs} ms`, slot.take());
        ended = true;
        void worker.terminate();
      }
    }, 500);
    worker.on('message', (report: Report) => {
      if (report.kind === 'failure') keep(report.failure.kind, report.failure.message, report.input);
      else summary = report.summary;
    });
    worker.on('error', (error) => {
      ended = true;
      keep('dies', messageOf(error), slot.take());
    });
    worker.on('exit', () => {
      clearInterval(watch);
      if (summary === undefined && !ended) keep('dies', 'the thread ended by itself', slot.take());
      resolve({ found, summary });
    });
  });
}

/** Goes on with another seed after an input that ended the thread. */
async function huntFor({ target, forMs }: Hunt, seed: number): Promise<number> {
  const endMs = performance.now() + forMs;
  let found = 0;
  let leftMs = forMs;
  for (let round = 0; leftMs > 0 && round < 5; round++, leftMs = endMs - performance.now()) {
    console.log(`${target}: seed ${seed + round}, for ${Math.round(leftMs / 1000)} s`);
    const hunted = await huntInThread(target, seed + round, leftMs);
    found += hunted.found;
    if (hunted.summary !== undefined) {
      const { inputs, sorts, failures } = hunted.summary;
      console.log(`${target}: ${inputs} inputs, ${sorts} sorts of behaviour, ${failures} failed`);
      break;
    }
  }
  return found;
}

const names = targets.map(({ name }) => name);
try {
  const { target, forMs, seed } = readOptions(process.argv.slice(2), Date.now());
  let found = 0;
  if (target === undefined) console.log(`${usage}\ntargets: ${names.join(', ')}`);
  else for (const hunt of huntsOf(target, forMs, names)) found += await huntFor(hunt, seed);
  if (found > 0) process.exitCode = 1;
} catch (thrown) {
  console.error(messageOf(thrown));
  process.exitCode = 2;
}
