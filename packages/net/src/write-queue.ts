import type { Writable } from 'node:stream';

/** A chunk from this size on is not worth copying into a batch. */
const largeChunkBytes = 16 * 1024;
const smallBatchBytes = 8 * 1024;
/** What is joined into one buffer at most. A connection that holds as much does not wait for the end of the turn. */
export const batchBytesMax = 64 * 1024;
/** What is handed to the socket at once, so that the low watermark is seen before everything has left. */
const handOverBytesMax = 128 * 1024;

const nothing = Buffer.alloc(0);

/** Whether the system took all that was just written to a plain socket. Otherwise `onTaken` is called when it has. */
export function isTaken(socket: Writable, onTaken: (error?: Error | null) => void): boolean {
  if (socket.writableLength === 0) return true;
  // The stream says nothing of its own when a write below its own mark has left: an empty write after it does. A
  // callback with every write would cost each of them a turn of the tick queue.
  socket.write(nothing, onTaken);
  return false;
}

/**
 * Buffers in which small chunks are joined, shared by all plain connections of a thread. Each is used again at once when
 * the system has taken all of it, and left to the pending write otherwise. Two sizes, so that a connection that is stuck
 * with a few bytes does not pin a large buffer.
 */
export class BatchBuffers {
  #small = Buffer.allocUnsafeSlow(smallBatchBytes);
  #large = Buffer.allocUnsafeSlow(batchBytesMax);

  /** At least `bytes` long, which must not exceed {@link batchBytesMax}. */
  borrow(bytes: number): Buffer {
    return bytes <= smallBatchBytes ? this.#small : this.#large;
  }

  /** The buffer borrowed for `bytes` is still read by a pending write. */
  abandon(bytes: number): void {
    if (bytes <= smallBatchBytes) this.#small = Buffer.allocUnsafeSlow(smallBatchBytes);
    else this.#large = Buffer.allocUnsafeSlow(batchBytesMax);
  }
}

/** Chunks of one connection that wait for the end of the turn, or for the system to take what came before them. */
export class WriteQueue {
  /** Sum of the lengths of the chunks that wait. */
  bytes = 0;
  readonly #chunks: (Buffer | undefined)[] = [];
  #head = 0;
  #tail = 0;
  #largeChunks = 0;

  push(chunk: Buffer): void {
    if (this.#head >= 256 && this.#head * 2 >= this.#tail) this.#closeGap();
    this.#chunks[this.#tail++] = chunk;
    this.bytes += chunk.length;
    if (chunk.length >= largeChunkBytes) this.#largeChunks++;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#head = 0;
    this.#tail = 0;
    this.bytes = 0;
    this.#largeChunks = 0;
  }

  /**
   * Hands the next bytes to a plain socket that holds none, in one system call. When `socket.writableLength` is not 0
   * afterwards, the system took only a part.
   */
  writeBatched(socket: Writable, batches: BatchBuffers): void {
    if (this.#tail - this.#head === 1) {
      socket.write(this.#take());
    } else if (this.#largeChunks === 0 && this.bytes <= batchBytesMax) {
      const bytes = this.bytes;
      const batch = batches.borrow(bytes);
      this.#copyTo(batch, bytes);
      socket.write(batch.subarray(0, bytes));
      if (socket.writableLength !== 0) batches.abandon(bytes);
    } else {
      this.#writeGathered(socket, undefined);
    }
  }

  /** The same with buffers of their own, for a socket that may hold on to them; `onWritten` comes when all is taken. */
  write(socket: Writable, onWritten: (error?: Error | null) => void): void {
    if (this.#tail - this.#head === 1) {
      socket.write(this.#take(), onWritten);
    } else if (this.#largeChunks === 0 && this.bytes <= batchBytesMax) {
      socket.write(this.#join(this.bytes), onWritten);
    } else {
      this.#writeGathered(socket, onWritten);
    }
  }

  /** The next bytes in one buffer, perhaps a shared one, for who needs them no longer than this turn of the queue. */
  takeBatch(batches: BatchBuffers): Buffer {
    const head = this.#chunks[this.#head]!;
    const bytes = this.#runBytes(batchBytesMax);
    if (bytes > head.length) {
      const batch = batches.borrow(bytes);
      this.#copyTo(batch, bytes);
      return batch.subarray(0, bytes);
    }
    return bytes <= handOverBytesMax ? this.#take() : this.#takeStart(handOverBytesMax);
  }

  /** Large chunks go as they are, the small ones between them joined, all in one gathering write. */
  #writeGathered(socket: Writable, onWritten: ((error?: Error | null) => void) | undefined): void {
    let left = Math.min(this.bytes, handOverBytesMax);
    socket.cork();
    while (left > 0) {
      const piece = this.#takePiece(left);
      left -= piece.length;
      if (left <= 0 && onWritten !== undefined) socket.write(piece, onWritten);
      else socket.write(piece);
    }
    socket.uncork();
  }

  #takePiece(bytesMax: number): Buffer {
    const bytes = this.#runBytes(Math.min(bytesMax, batchBytesMax));
    return bytes === this.#chunks[this.#head]!.length ? this.#take() : this.#join(bytes);
  }

  /** Of the first chunk and, where it is small, of the small ones after it up to `limit`. */
  #runBytes(limit: number): number {
    let bytes = this.#chunks[this.#head]!.length;
    if (bytes >= largeChunkBytes) return bytes;
    for (let at = this.#head + 1; at < this.#tail; at++) {
      const { length } = this.#chunks[at]!;
      if (length >= largeChunkBytes || bytes + length > limit) break;
      bytes += length;
    }
    return bytes;
  }

  #join(bytes: number): Buffer {
    const joined = Buffer.allocUnsafe(bytes);
    this.#copyTo(joined, bytes);
    return joined;
  }

  /** Moves whole chunks that make up `bytes` into `target`. */
  #copyTo(target: Buffer, bytes: number): void {
    for (let at = 0; at < bytes; ) {
      const chunk = this.#take();
      target.set(chunk, at);
      at += chunk.length;
    }
  }

  /** A queue that is never quite empty would otherwise keep a growing tail of empty places. */
  #closeGap(): void {
    this.#chunks.splice(0, this.#head);
    this.#tail -= this.#head;
    this.#head = 0;
    this.#chunks.length = this.#tail;
  }

  /** The first `bytes` of a large chunk. */
  #takeStart(bytes: number): Buffer {
    const chunk = this.#chunks[this.#head]!;
    this.#chunks[this.#head] = chunk.subarray(bytes);
    this.bytes -= bytes;
    if (chunk.length - bytes < largeChunkBytes) this.#largeChunks--;
    return chunk.subarray(0, bytes);
  }

  #take(): Buffer {
    const chunk = this.#chunks[this.#head]!;
    this.#chunks[this.#head++] = undefined;
    this.bytes -= chunk.length;
    if (chunk.length >= largeChunkBytes) this.#largeChunks--;
    if (this.#head === this.#tail) {
      this.#head = 0;
      this.#tail = 0;
    }
    return chunk;
  }
}
