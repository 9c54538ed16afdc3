// What load and echo need to know of an RPC protocol whose messages are frames with an id: no more than copying a prepared
// frame, cutting a stream into frames, and telling whose answer one is.

/** Content of each call and of each answer. */
export const contentBytes = 1024;
/** Each content begins with a mark of this size, which the echo server sends back: connection and call. */
export const markBytes = 8;

/** Requests, or responses, of one protocol. */
export interface FrameKind {
  /** A whole frame to copy; id and mark are filled in. */
  readonly template: Buffer;
  /** Where the content begins in the template. What follows it is the same in every frame. */
  readonly contentAt: number;
  /** Octets that tell a frame's length. */
  readonly headBytes: number;
  /** The whole frame's length. Throws an Error when no frame of this kind begins there. */
  frameBytes(bytes: Buffer, at: number): number;
}

export interface RpcFormat {
  readonly request: FrameKind;
  readonly response: FrameKind;
  /** Where the id lies in a frame of either kind, and its length. */
  readonly idAt: number;
  readonly idBytes: number;
  /** Writes a number of 32 bits as the id of the frame that begins at `at`. */
  writeId(bytes: Buffer, at: number, id: number): void;
  /** The number that `writeId` wrote; -1 for an id that it never writes. */
  readId(bytes: Buffer, at: number): number;
  /** Whether the response that begins at `at` says that all went well. */
  succeeded(bytes: Buffer, at: number): boolean;
  /** The answer to the request that begins at `at` if that is a heartbeat, which proxies send on idle connections. */
  heartbeatAnswer?(bytes: Buffer, at: number): Buffer | undefined;
}

/** For an Error about what is not a frame. */
export function headText(bytes: Buffer, at: number, headBytes: number): string {
  return `not a frame: ${bytes.toString('hex', at, at + headBytes)}`;
}
