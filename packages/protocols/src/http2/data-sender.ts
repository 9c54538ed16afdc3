import type { Connection } from '@sofamesh/contract/transport';
import { defaultFrameBytes, defaultWindowBytes } from './frame.ts';
import type { FrameWriter } from './frame-writer.ts';
import { outboxBytesMax } from './outbox.ts';
import type { Http2Stream } from './stream.ts';

/** Sends data as far as the peer's windows allow. What they do not allow waits with its stream, and streams take turns. */
export class DataSender {
  readonly #connection: Connection;
  readonly #writer: FrameWriter;
  /** What the peer takes on all streams together. */
  window: number = defaultWindowBytes;
  /** Streams that wait for this side's turn; each at most once. */
  readonly #turns: Http2Stream[] = [];

  constructor(connection: Connection, writer: FrameWriter) {
    this.#connection = connection;
    this.#writer = writer;
  }

  /** Of a stream with nothing waiting. */
  send(stream: Http2Stream, chunk: Buffer, end: boolean): void {
    const length = chunk.length;
    const allowed = Math.min(length, Math.max(0, Math.min(this.window, stream.sendWindow)));
    if (allowed > 0) {
      this.window -= allowed;
      stream.sendWindow -= allowed;
      let at = 0;
      do {
        const next = Math.min(allowed, at + defaultFrameBytes);
        this.#writer.data(stream.id, chunk, at, next, end && next === length);
        at = next;
      } while (at < allowed);
    } else if (length === 0 && end) this.#writer.data(stream.id, chunk, 0, 0, true);
    if (allowed === length) {
      if (end) stream.localEnd();
      return;
    }
    stream.outbox.push(allowed === 0 ? chunk : chunk.subarray(allowed), end);
    this.wait(stream);
  }

  /** Something waits with the stream. */
  wait(stream: Http2Stream): void {
    if (stream.awaitsTurn || stream.sendWindow <= 0) return;
    stream.awaitsTurn = true;
    this.#turns.push(stream);
  }

  /** The stream is over. */
  forget(stream: Http2Stream): void {
    if (!stream.awaitsTurn) return;
    stream.awaitsTurn = false;
    this.#turns.splice(this.#turns.indexOf(stream), 1);
  }

  /** A window has grown, or the connection takes bytes again. */
  resume(): void {
    const turns = this.#turns;
    while (turns.length > 0 && this.window > 0 && this.#connection.writable) {
      const stream = turns.shift()!;
      stream.awaitsTurn = false;
      this.#turn(stream);
    }
  }

  /** One frame. */
  #turn(stream: Http2Stream): void {
    const { outbox } = stream;
    const chunk = outbox.first;
    const length = Math.min(chunk.length, defaultFrameBytes, this.window, stream.sendWindow);
    if (length <= 0) return;
    this.window -= length;
    stream.sendWindow -= length;
    const ends = outbox.takeFirst(length);
    this.#writer.data(stream.id, chunk, 0, length, ends);
    if (ends) stream.localEnd();
    else if (outbox.bytes > 0) this.wait(stream);
    else stream.sendWaitingTrailers();
    if (outbox.wasFull && outbox.bytes <= outboxBytesMax / 2) {
      outbox.wasFull = false;
      if (!stream.over) stream.onWritable();
    }
  }
}
