// Keeps a number of RPC calls in flight on each of some connections, or makes so many per second, and prints one line of JSON.
// Usage: load.ts PROTOCOL PORT CONNECTIONS IN_FLIGHT SECONDS [CALLS_PER_SECOND]
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Caller, Tally } from './caller.ts';
import { formatNamed } from './formats.ts';

/** How long calls may stay unanswered after the end before they count as lost. */
const patienceMs = 3_000;
/** At a pace, calls that may be in flight on each connection. */
const pacedSlots = 4_096;

const [protocol, ...numbers] = process.argv.slice(2);
const [port = 0, connections = 1, inFlight = 1, seconds = 1, callsPerSecond = 0] = numbers.map(Number);
const format = formatNamed(protocol);
const paced = callsPerSecond > 0;
const tally = new Tally();
const callers: Caller[] = [];
for (let number = 0; number < connections; number++) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  callers.push(new Caller(number, socket, format, tally, paced ? pacedSlots : inFlight, paced));
}

const startMs = performance.now();
const endMs = startMs + seconds * 1000;
if (paced) {
  let made = 0;
  for (let nowMs = startMs; nowMs < endMs; nowMs = performance.now()) {
    for (const due = ((nowMs - startMs) * callsPerSecond) / 1000; made < due; made++)
      callers[made % callers.length]?.call();
    for (const caller of callers) caller.flush();
    await sleep(1);
  }
} else {
  for (const caller of callers) caller.begin();
  await sleep(seconds * 1000);
}
const answersInTime = tally.answers;
const elapsedMs = performance.now() - startMs;
tally.stopping = true;
const deadlineMs = performance.now() + patienceMs;
while (callers.some((caller) => caller.inFlight > 0) && performance.now() < deadlineMs && tally.faults.closed === 0)
  await sleep(10);
for (const caller of callers) caller.end();
console.log(
  JSON.stringify({
    requests: tally.answers,
    requestsPerSecond: (answersInTime * 1000) / elapsedMs,
    p50Us: tally.latencies.quantile(0.5),
    p99Us: tally.latencies.quantile(0.99),
    faults: tally.faults,
  }),
);
