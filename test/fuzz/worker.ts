/** The thread that a hunt runs in, so that one that never ends can be ended. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort, workerData } from 'node:worker_threads';
import { hunt } from './hunt.ts';
import { type HuntOrder, InputSlot, type Report } from './input-slot.ts';
import { targets } from './targets/index.ts';

const { target: name, seed, forMs, memory } = workerData as HuntOrder;
const target = targets.find((each) => each.name === name)!;
const slot = new InputSlot(memory);
const report = (message: Report) => parentPort!.postMessage(message);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const summary = await hunt(target, {
  seed,
  forMs,
  minimiseMs: 3000,
  // The second time frees what belongs to the buffers that the first one has found dead.
  collect: () => {
    collect();
    collect();
  },
  onInput: (input) => slot.put(input),
  onFailure: (failure, input) => report({ kind: 'failure', failure, input }),
});
report({ kind: 'done', summary });
