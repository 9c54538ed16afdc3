import type { Socket } from 'node:net';
import { markBytes, type RpcFormat } from './frame.ts';
import { FrameBatch } from './frame-batch.ts';
import { FrameScanner } from './frame-scanner.ts';
import { Latencies } from './latencies.ts';

/** What all connections of one load have seen. */
export class Tally {
  readonly latencies = new Latencies();
  /** Counts of what must not happen; the benchmark takes no figure from a run with any. */
  readonly faults = { wrongAnswer: 0, refused: 0, lost: 0, closed: 0, unsent: 0 };
  answers = 0;
  /** No more calls: only answers are awaited. */
  stopping = false;
}

/**
 * One connection with slots for calls; a call's id tells its slot. All connections use the same ids on purpose: a proxy
 * that mixes them up is seen by the mark, which names the connection too.
 */
export class Caller {
  readonly #number: number;
  readonly #socket: Socket;
  readonly #format: RpcFormat;
  readonly #tally: Tally;
  readonly #requests: FrameBatch;
  /** Of the calls in flight, 0 in a slot that is free. */
  readonly #ids: Uint32Array;
  readonly #lastIds: Uint32Array;
  readonly #sentAtMs: Float64Array;
  /** Slots without a call when calls come at a pace; undefined when an answer is followed by the next call at once. */
  readonly #free: number[] | undefined;
  #nowMs = 0;
  inFlight = 0;

  /** `slots` is a power of two: ids wrap around. */
  constructor(number: number, socket: Socket, format: RpcFormat, tally: Tally, slots: number, paced: boolean) {
    this.#number = number;
    this.#socket = socket;
    this.#format = format;
    this.#tally = tally;
    this.#requests = new FrameBatch(socket, format.request.template);
    this.#ids = new Uint32Array(slots);
    this.#lastIds = Uint32Array.from({ length: slots }, (_, slot) => slot);
    this.#sentAtMs = new Float64Array(slots);
    this.#free = paced ? Array.from({ length: slots }, (_, slot) => slot) : undefined;
    const scanner = new FrameScanner(format.response, (bytes, start, end) => this.#take(bytes, start, end));
    socket.on('data', (chunk: Buffer) => {
      this.#nowMs = performance.now();
      try {
        scanner.scan(chunk);
      } catch {
        tally.faults.wrongAnswer++;
        socket.destroy();
      }
      this.#requests.flush();
    });
    socket.on('error', () => {}); // 'close' follows.
    socket.on('close', () => {
      if (!tally.stopping || this.inFlight > 0) tally.faults.closed++;
    });
  }

  /** Fills every slot; from then on each answer is followed by the next call. */
  begin(): void {
    this.#nowMs = performance.now();
    for (let slot = 0; slot < this.#ids.length; slot++) this.#send(slot);
    this.#requests.flush();
  }

  /** One call, whatever is in flight; `flush` sends it. Not finding a slot is a fault. */
  call(): void {
    this.#nowMs = performance.now();
    const slot = this.#free?.pop();
    if (slot === undefined) this.#tally.faults.unsent++;
    else this.#send(slot);
  }

  flush(): void {
    this.#requests.flush();
  }

  end(): void {
    this.#tally.faults.lost += this.inFlight;
    this.inFlight = 0;
    this.#socket.destroy();
  }

  #send(slot: number): void {
    const { request } = this.#format;
    const { bytes, at } = this.#requests.add();
    const id = (this.#lastIds[slot]! + this.#ids.length) >>> 0;
    this.#format.writeId(bytes, at, id);
    bytes.writeUInt32BE(this.#number, at + request.contentAt);
    bytes.writeUInt32BE(id, at + request.contentAt + markBytes / 2);
    this.#ids[slot] = id;
    this.#lastIds[slot] = id;
    this.#sentAtMs[slot] = this.#nowMs;
    this.inFlight++;
  }

  #take(bytes: Buffer, start: number, end: number): void {
    const tally = this.#tally;
    const { response } = this.#format;
    const id = this.#format.readId(bytes, start);
    const slot = id % this.#ids.length;
    if (id <= 0 || this.#ids[slot] !== id) {
      tally.faults.wrongAnswer++; // Nobody waits for it.
      return;
    }
    const content = start + response.contentAt;
    if (!this.#format.succeeded(bytes, start)) tally.faults.refused++;
    else if (
      end - start !== response.template.length ||
      bytes.readUInt32BE(content) !== this.#number ||
      bytes.readUInt32BE(content + markBytes / 2) !== id
    )
      tally.faults.wrongAnswer++;
    this.#ids[slot] = 0;
    this.inFlight--;
    tally.answers++;
    tally.latencies.add((this.#nowMs - this.#sentAtMs[slot]!) * 1000);
    if (tally.stopping) return;
    if (this.#free === undefined) this.#send(slot);
    else this.#free.push(slot);
  }
}
