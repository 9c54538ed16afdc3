import type { Socket } from 'node:net';

const framesPerBatch = 256;

/** Collects frames made from one template and writes them together: only what differs between frames is ever copied. */
export class FrameBatch {
  readonly #socket: Socket;
  readonly #template: Buffer;
  /** Filled with copies of the template and not being written. */
  readonly #free: Buffer[] = [];
  #current: Buffer;
  #frames = 0;

  constructor(socket: Socket, template: Buffer) {
    this.#socket = socket;
    this.#template = template;
    this.#current = this.#take();
  }

  /** The buffer with a fresh copy of the template, which begins at the returned offset; fill it in before the next call. */
  add(): { bytes: Buffer; at: number } {
    if (this.#frames === framesPerBatch) this.flush();
    this.#added.bytes = this.#current;
    this.#added.at = this.#frames++ * this.#template.length;
    return this.#added;
  }

  flush(): void {
    if (this.#frames === 0) return;
    const written = this.#current;
    this.#socket.write(written.subarray(0, this.#frames * this.#template.length), () => this.#free.push(written));
    this.#frames = 0;
    this.#current = this.#take();
  }

  /** Reused for every answer, so that a frame costs no object. */
  readonly #added: { bytes: Buffer; at: number } = { bytes: Buffer.alloc(0), at: 0 };

  #take(): Buffer {
    return this.#free.pop() ?? Buffer.alloc(framesPerBatch * this.#template.length, this.#template);
  }
}
