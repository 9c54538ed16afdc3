import type { StreamStats } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { defaultFrameBytes, defaultWindowBytes } from './frame.ts';
import type { FrameWriter } from './frame-writer.ts';
import { outboxBytesMax } from './outbox.ts';
import type { Http2Stream } from './stream.ts';

/** Data that a window has cut to fewer octets hardly is worth its frame. */
const crumbBytes = 16;

/** Sends data as far as the peer's windows allow. What they do not allow waits with its stream, and streams take turns. */
export class DataSender {
  readonly #connection: Connection;
  readonly #writer: FrameWriter;
  readonly #stats: StreamStats | undefined;
  /** What the peer takes on all streams together. */
  window: number = defaultWindowBytes;
  /** Frames of fewer than {@link crumbBytes} octets that were ever sent because a window allowed no more. */
  crumbs = 0;
  /** Streams that wait for this side's turn; each at most once. */
  readonly #turns: Http2Stream[] = [];

  constructor(connection: Connection, writer: FrameWriter, stats: StreamStats | undefined) {
    this.#connection = connection;
    this.#writer = writer;
    this.#stats = stats;
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
    this.hold(stream, allowed === 0 ? chunk : chunk.subarray(allowed), end);
    this.wait(stream);
  }

  /** Behind what waits already. */
  hold(stream: Http2Stream, chunk: Buffer, end: boolean): void {
    stream.outbox.push(chunk, end);
    // A stream that has no id yet is on no books.
    if (stream.id !== 0) this.#stats?.pendingSendBytes.add(chunk.length);
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
    if (length < crumbBytes && length < chunk.length) this.crumbs++;
    this.window -= length;
    stream.sendWindow -= length;
    const ends = outbox.takeFirst(length);
    this.#stats?.pendingSendBytes.add(-length);
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
