// Keeps a number of bolt calls in flight on each of some connections and prints one line of JSON.
// Usage: load.ts PORT CONNECTIONS IN_FLIGHT SECONDS
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FrameScanner, idAt, requestTemplate, statusAt } from './frame.ts';
import { FrameBatch } from './frame-batch.ts';
import { Latencies } from './latencies.ts';

/** How long calls may stay unanswered after the end before they count as lost. */
const patienceMs = 3_000;
const contentBytes = 1024;
const template = requestTemplate(contentBytes);
const latencies = new Latencies();

/** Counts of what must not happen; the benchmark takes no figure from a run with any. */
const faults = { wrongAnswer: 0, refused: 0, lost: 0, closed: 0 };
let answers = 0;
let stopping = false;

/** One connection; every call has a slot, and its id tells the slot. All connections use the same ids on purpose. */
class Caller {
  readonly #number: number;
  readonly #socket: Socket;
  readonly #requests: FrameBatch;
  readonly #scanner: FrameScanner;
  readonly #ids: Uint32Array;
  readonly #sentAtMs: Float64Array;
  #nowMs = 0;
  inFlight = 0;

  constructor(number: number, socket: Socket, slots: number) {
    this.#number = number;
    this.#socket = socket;
    this.#requests = new FrameBatch(socket, template);
    this.#scanner = new FrameScanner('responses', (...frame) => this.#take(...frame));
    this.#ids = new Uint32Array(slots);
    this.#sentAtMs = new Float64Array(slots);
    socket.on('data', (chunk: Buffer) => {
      this.#nowMs = performance.now();
      try {
        this.#scanner.scan(chunk);
      } catch {
        faults.wrongAnswer++;
        socket.destroy();
      }
      this.#requests.flush();
    });
    socket.on('error', () => {}); // 'close' follows.
    socket.on('close', () => {
      if (!stopping || this.inFlight > 0) faults.closed++;
    });
  }

  begin(): void {
    this.#nowMs = performance.now();
    const slots = this.#ids.length;
    for (let slot = 0; slot < slots; slot++) this.#send(slot, slots + slot);
    this.#requests.flush();
  }

  end(): void {
    faults.lost += this.inFlight;
    this.inFlight = 0;
    this.#socket.destroy();
  }

  #send(slot: number, id: number): void {
    const { bytes, at } = this.#requests.add();
    bytes.writeUInt32BE(id, at + idAt);
    bytes.writeUInt32BE(this.#number, at + template.contentAt);
    bytes.writeUInt32BE(id, at + template.contentAt + 4);
    this.#ids[slot] = id;
    this.#sentAtMs[slot] = this.#nowMs;
    this.inFlight++;
  }

  #take(bytes: Buffer, start: number, contentStart: number, end: number): void {
    const id = bytes.readUInt32BE(start + idAt);
    const slots = this.#ids.length;
    const slot = id % slots;
    if (this.#ids[slot] !== id) {
      faults.wrongAnswer++; // Nobody waits for it.
      return;
    }
    if (bytes.readUInt16BE(start + statusAt) !== 0) faults.refused++;
    else if (
      end - contentStart !== contentBytes ||
      bytes.readUInt32BE(contentStart) !== this.#number ||
      bytes.readUInt32BE(contentStart + 4) !== id
    )
      faults.wrongAnswer++;
    this.#ids[slot] = 0;
    this.inFlight--;
    answers++;
    latencies.add((this.#nowMs - this.#sentAtMs[slot]!) * 1000);
    if (!stopping) this.#send(slot, (id + slots) >>> 0);
  }
}

const [port = 0, connections = 1, inFlight = 1, seconds = 1] = process.argv.slice(2).map(Number);
const callers: Caller[] = [];
for (let number = 0; number < connections; number++) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  callers.push(new Caller(number, socket, inFlight));
}
const startMs = performance.now();
for (const caller of callers) caller.begin();
await sleep(seconds * 1000);
const answersInTime = answers;
const elapsedMs = performance.now() - startMs;
stopping = true;
const deadlineMs = performance.now() + patienceMs;
while (callers.some((caller) => caller.inFlight > 0) && performance.now() < deadlineMs && faults.closed === 0)
  await sleep(10);
for (const caller of callers) caller.end();
console.log(
  JSON.stringify({
    requests: answers,
    requestsPerSecond: (answersInTime * 1000) / elapsedMs,
    p50Us: latencies.quantile(0.5),
    p99Us: latencies.quantile(0.99),
    faults,
  }),
);
