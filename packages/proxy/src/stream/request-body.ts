import type { Headers } from '@sofamesh/contract/message';
import type { ClientStream } from '@sofamesh/contract/protocol';

/** The part of a streamed request that has to be kept: until there is a stream to send it on, or for another try. */
export class RequestBody {
  readonly #chunks: Buffer[] = [];
  bytes = 0;
  ended = false;
  trailers: Headers | undefined = undefined;

  add(chunk: Buffer, end: boolean): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
    this.bytes += chunk.length;
    this.ended = end;
  }

  addTrailers(trailers: Headers): void {
    this.trailers = trailers;
    this.ended = true;
  }

  get empty(): boolean {
    return this.bytes === 0 && !this.ended;
  }

  /** Sends all of it; more may follow unless it has ended. */
  sendTo(stream: ClientStream): void {
    this.visit((chunk, end) => stream.sendData(chunk, end));
    if (this.trailers !== undefined) stream.sendTrailers(this.trailers);
  }

  /** Every piece of data; an empty one when only the end is there. */
  visit(visitor: (chunk: Buffer, end: boolean) => void): void {
    const chunks = this.#chunks;
    const endsWithData = this.ended && this.trailers === undefined;
    const last = chunks.length - 1;
    for (let at = 0; at <= last; at++) visitor(chunks[at]!, endsWithData && at === last);
    if (endsWithData && last < 0) visitor(nothing, true);
  }

  drop(): void {
    this.#chunks.length = 0;
    this.bytes = 0;
  }
}

const nothing = Buffer.alloc(0);
