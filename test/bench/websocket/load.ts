// One message on its way on each of some WebSockets; prints one line of JSON. Usage: load.ts PORT CONNECTIONS SECONDS
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Latencies } from '../rpc/latencies.ts';
import { clientHeadBytes, emptyMessage, FixedFrames, serverFrameBytes, serverHeadBytes } from './message.ts';

/** How long messages may stay away after the end before they count as lost. */
const patienceMs = 3_000;
const latencies = new Latencies();
const faults = { wrongAnswer: 0, lost: 0, closed: 0 };
let answers = 0;
let waiting = 0;
let stopping = false;

async function open(port: number): Promise<Socket> {
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    'sec-websocket-version': '13',
    'user-agent': 'bench/1',
  };
  const asked = request({ host: '127.0.0.1', port, path: '/items/42?view=full', headers, agent: false });
  asked.end();
  const refused = once(asked, 'response').then(([{ statusCode }]) => {
    throw new Error(`answered ${statusCode}`);
  });
  const [, socket] = (await Promise.race([once(asked, 'upgrade'), refused])) as [IncomingMessage, Socket];
  return socket;
}

function talk(socket: Socket, number: number): void {
  const message = emptyMessage('client');
  message.writeUInt32BE(number, clientHeadBytes);
  let turn = 0;
  let sentAtMs = 0;
  const send = () => {
    message.writeUInt32BE(++turn, clientHeadBytes + 4);
    sentAtMs = performance.now();
    waiting++;
    // A copy: what has not been sent yet would change.
    socket.write(Buffer.from(message));
  };
  const frames = new FixedFrames(serverFrameBytes, (bytes, at) => {
    const content = at + serverHeadBytes;
    if (bytes[at] !== 0x82 || bytes.readUInt32BE(content) !== number || bytes.readUInt32BE(content + 4) !== turn)
      faults.wrongAnswer++;
    waiting--;
    answers++;
    latencies.add((performance.now() - sentAtMs) * 1000);
    if (!stopping) send();
  });
  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => frames.read(chunk));
  socket.on('error', () => {}); // 'close' follows.
  socket.on('close', () => {
    if (!stopping || waiting > 0) faults.closed++;
  });
  send();
}

const [port = 0, connections = 1, seconds = 1] = process.argv.slice(2).map(Number);
const sockets: Socket[] = [];
for (let number = 0; number < connections; number++) sockets.push(await open(port));
const startMs = performance.now();
for (const [number, socket] of sockets.entries()) talk(socket, number);
await sleep(seconds * 1000);
const answersInTime = answers;
const elapsedMs = performance.now() - startMs;
stopping = true;
const deadlineMs = performance.now() + patienceMs;
while (waiting > 0 && performance.now() < deadlineMs && faults.closed === 0) await sleep(10);
faults.lost = waiting;
waiting = 0;
for (const socket of sockets) socket.destroy();
console.log(
  JSON.stringify({
    requests: answers,
    requestsPerSecond: (answersInTime * 1000) / elapsedMs,
    p50Us: latencies.quantile(0.5),
    p99Us: latencies.quantile(0.99),
    faults,
  }),
);
