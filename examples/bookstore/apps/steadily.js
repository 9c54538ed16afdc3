import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { format } from 'node:util';

const callsInFlightMax = 50;
const retryMs = 100;
let saidAt = Number.NEGATIVE_INFINITY;

/** Makes `call` at a steady rate, whether it succeeds or not; skips a turn while too many calls are unanswered. */
export function steadily(callsPerSecond, call) {
  let callsInFlight = 0;
  setInterval(async () => {
    if (callsInFlight >= callsInFlightMax) return;
    callsInFlight += 1;
    try {
      await call();
    } catch (error) {
      complain(error);
    } finally {
      callsInFlight -= 1;
    }
  }, 1000 / callsPerSecond);
}

/** Says what went wrong in one line, and no more than one line in a second. */
export function complain(error) {
  const nowMs = performance.now();
  if (nowMs - saidAt < 1000) return;
  saidAt = nowMs;
  console.error(`${process.env.WORKLOAD_NAME ?? 'app'}: ${String(error?.message ?? error).split('\n')[0]}`);
}

/** Resolves when somebody accepts connections at the address, so that programs may start in any order. */
export async function reachable({ host, port }) {
  for (;;) {
    const answered = await new Promise((resolve) => {
      const socket = connect(port, host);
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (answered) return;
    await sleep(retryMs);
  }
}

/** A logger for libraries that insist on one: troubles are said as above, the rest is dropped. */
export const quietLogger = {
  debug() {},
  info() {},
  warn: (...words) => complain(format(...words)),
  error: (...words) => complain(format(...words)),
};
