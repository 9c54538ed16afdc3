/**
 * `flood-attacker.ts PORT ATTACK SECONDS`: one connection that attacks for that long or until it is closed, in a process of
 * its own, so that its processor time can be told from the proxy's. Prints one line of JSON.
 */
import { connect } from 'node:net';
import { attacks, goAwayCode, openingOf, waveOf } from './http2-attacks.ts';

export interface AttackReport {
  closed: boolean;
  /** Of the GOAWAY frame, when one came. */
  goAway: number | undefined;
  rounds: number;
  bytesSent: number;
  cpuMs: number;
}

/** The GOAWAY comes last; the tail of what was received holds it. */
const keptBytes = 4 * 1024 * 1024;

const [port, name, seconds] = process.argv.slice(2);
const attack = attacks.find((one) => one.name === name);
if (attack === undefined) throw new Error(`no attack ${name}`);

const socket = connect(Number(port), '127.0.0.1');
let received: Buffer[] = [];
let receivedBytes = 0;
let n = 0;
let closed = false;

socket.on('error', () => {});
socket.once('close', () => {
  closed = true;
  finish();
});
// Who is deaf has to look now and then whether the connection is still there: a write tells.
if (!attack.deaf)
  socket.on('data', (chunk: Buffer) => {
    if (receivedBytes < keptBytes) received.push(chunk);
    receivedBytes += chunk.length;
  });
else socket.pause();
socket.once('connect', () => {
  socket.write(openingOf(attack));
  send();
});
const timer = setTimeout(finish, Number(seconds) * 1000);

function send(): void {
  if (closed) return;
  const { bytes, next } = waveOf(attack!, n);
  n = next;
  const more = socket.write(bytes);
  if (more) setImmediate(send);
  else socket.once('drain', send);
}

function finish(): void {
  clearTimeout(timer);
  const { user, system } = process.cpuUsage();
  const goAway = goAwayCode(Buffer.concat(received));
  received = [];
  const report: AttackReport = {
    closed,
    goAway,
    rounds: n,
    bytesSent: socket.bytesWritten,
    cpuMs: (user + system) / 1000,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
}
