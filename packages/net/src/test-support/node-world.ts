import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Address, ipAddress } from '@sofamesh/base/address';
import { ManualClock } from '@sofamesh/base/manual-clock';
import { Meeting, type TransportWorld } from '@sofamesh/testkit/transport-suite/index';
import { NodeTransport, type NodeTransportOptions } from '../transport.ts';

const patienceMs = 20_000;

/** Why IPv6 cannot be tried on this machine, or false. */
export const ipv6Missing: string | false =
  Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1')) !== true &&
  'this machine has no IPv6';

/** Longest time that one turn counts for: a busy machine must not make a peer look slow that had no turn to answer. */
const turnMsMax = 4;
const clock = new ManualClock();
let lastTurnMs = performance.now();

/** Closes quickly, so that what shall be given up is given up within a test. */
export function quickTransport(options: NodeTransportOptions = {}): NodeTransport {
  return new NodeTransport({ clock, closeGraceMs: 60, closeStallMs: 60, ...options });
}

/** One turn of the event loop and what it set off; time passes with it. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  const nowMs = performance.now();
  clock.advance(Math.min(nowMs - lastTurnMs, turnMsMax));
  lastTurnMs = nowMs;
}

/** Turns that `until` makes one after the other before it rests between them. */
const quickTurns = 50;

/** Polls each turn until `condition` holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const start = performance.now();
  for (let turns = 0; !condition(); turns++) {
    if (performance.now() - start > patienceMs) throw new Error(`waited in vain for ${what}`);
    // What is not there by then waits for time to pass, which it also does without a processor.
    if (turns > quickTurns) await new Promise((resolve) => setTimeout(resolve, 1));
    await turn();
  }
}

const meetings: Meeting[] = [];

/** `Meeting.open`, remembered for {@link abandonMeetings}. */
export const meet: typeof Meeting.open = async (...args) => {
  const meeting = await Meeting.open(...args);
  meetings.push(meeting);
  return meeting;
};

/** After each test: one that failed leaves nothing open. */
export function abandonMeetings(): void {
  for (const meeting of meetings.splice(0)) meeting.abandon();
}

/** Real sockets on this machine: TCP on `host`, or Unix sockets. */
export async function nodeWorld(
  host: string | 'unix',
  tls: TransportWorld['tls'],
  options: NodeTransportOptions = {},
): Promise<TransportWorld> {
  const transport = quickTransport(options);
  const folder = host === 'unix' ? mkdtempSync(join(tmpdir(), 'transport-')) : undefined;
  let silent: Awaited<ReturnType<typeof blockedListener>> | undefined;
  let names = 0;
  const freshAddress = (): Address =>
    folder === undefined ? ipAddress(host, 0) : { kind: 'pipe', path: join(folder, `${++names}.sock`) };
  return {
    listening: transport,
    dialling: transport,
    tls,
    resets: folder === undefined,
    freshAddress,
    async refusingAddress() {
      const listener = await transport.listen({ address: freshAddress() }, () => {});
      await listener.close();
      return listener.address;
    },
    async silentAddress() {
      if (folder !== undefined || process.platform !== 'linux') return undefined;
      silent = await blockedListener(host);
      return silent.address;
    },
    turn,
    until,
    async settle() {
      for (let at = 0; at < 5; at++) await turn();
      await new Promise((resolve) => setTimeout(resolve, 2));
      for (let at = 0; at < 5; at++) await turn();
    },
    async close() {
      await silent?.stop();
      if (folder !== undefined) rmSync(folder, { recursive: true });
    },
  };
}

/**
 * A listener whose thread sleeps: when the system's queue of ready connections is full, it answers nobody any more. The
 * queue holds one connection more than was asked for (Linux).
 */
async function blockedListener(host: string): Promise<{ address: Address; stop: () => Promise<unknown> }> {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    const server = require('node:net').createServer().listen({ host: workerData, port: 0, backlog: 1 }, () => {
      parentPort.postMessage(server.address());
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const worker = new Worker(code, { eval: true, workerData: host });
  const bound = await new Promise<{ address: string; port: number }>((resolve) => worker.once('message', resolve));
  const waiting = await Promise.all([connected(bound), connected(bound)]);
  const stop = () => {
    for (const socket of waiting) socket.destroy();
    return worker.terminate();
  };
  return { address: ipAddress(bound.address, bound.port), stop };
}

function connected({ address, port }: { address: string; port: number }): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port }, () => resolve(socket));
    socket.on('error', reject);
  });
}
