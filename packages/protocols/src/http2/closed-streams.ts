/** Both sides ended it: whoever goes on breaks the protocol. */
export const endedStream = 1;
/** The peer gave it up, and should know. */
export const peerResetStream = 2;
/** This side gave it up; what the peer sent before it knew is on its way. */
export const ownResetStream = 3;
/** Passed over: the peer has opened a later one (RFC 9113 §5.1.1). */
export const skippedStream = 4;
/** Closed too long ago to tell. */
export const forgottenStream = 0;

export type StreamEnd =
  | typeof endedStream
  | typeof peerResetStream
  | typeof ownResetStream
  | typeof skippedStream
  | typeof forgottenStream;

const slots = 128;

/** How the streams of a client ended, the latest 128 of them. A slot is the id's low bits, the odd one not counted. */
export class ClosedStreams {
  readonly #ids = new Int32Array(slots);
  readonly #ends = new Uint8Array(slots);

  add(streamId: number, end: StreamEnd): void {
    const slot = (streamId >>> 1) & (slots - 1);
    this.#ids[slot] = streamId;
    this.#ends[slot] = end;
  }

  /** Of a stream that is not open; `lastId` is the latest that was opened. */
  endOf(streamId: number, lastId: number): StreamEnd {
    const slot = (streamId >>> 1) & (slots - 1);
    if (this.#ids[slot] === streamId) return this.#ends[slot] as StreamEnd;
    return lastId - streamId < slots * 2 ? skippedStream : forgottenStream;
  }
}
