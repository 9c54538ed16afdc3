import type { LocalReply } from './message.ts';
import type { CodecLimits, Pooling } from './protocol.ts';

/**
 * A protocol of whole frames, said as functions on bytes: what most RPC protocols need and no more. A protocol is made of
 * it (`frameProtocol` of the protocols' `shared/`, handed to plug-ins as `kit.frameProtocol`): connections, streams, ids, limits,
 * drain, heartbeats and relaying come with that. A protocol that does not fit implements `Protocol` itself.
 *
 * Functions are called with whole frames that {@link length} has measured, never throw, and look at no byte outside of
 * what they are given. One that throws all the same costs its connection (`codec_failed`), or the one call that is looked
 * at. A frame is relayed as it came but for its id, unless something was edited.
 */
export interface FrameFormat {
  /** Also what logs print as the protocol, and the scheme of its requests. */
  readonly name: string;
  /**
   * Default: `multiplexed`. `exclusive`: a connection carries one call at a time, so a reply needs no id to find its request
   * (a protocol without ids: {@link readId} is always 0, {@link writeId} gives the frame back). One that has another id all the
   * same, and not 0, is that of another call: it ends the connection.
   */
  readonly pooling?: Pooling;
  /** With so many bytes {@link length} always knows. `Infinity`: nothing before a frame's end tells where that is. */
  readonly headBytes: number;
  /**
   * See `Protocol.detect`. `prefix` has at least one byte. Absent: never found among others, only where it is the one
   * protocol of its listener.
   */
  detect?(prefix: Buffer): 'match' | 'mismatch' | 'more';
  /**
   * Length of the frame that begins at `at` (bytes up to `end` have arrived), 0 while that is not known, or what is wrong
   * with it: then the connection ends. A length above `limits.frameBytesMax` is refused by the caller.
   */
  length(bytes: Buffer, at: number, end: number, limits: CodecLimits): number | FrameFault;
  /**
   * For frames whose end has to be searched: called once for each direction of a connection; what it returns is asked in place
   * of {@link length} and may remember how far it came. While it says 0 it is asked about the same frame, from its start and
   * with more bytes; after anything else about the next one.
   */
  startMeasuring?(): FrameFormat['length'];
  /** `from`: who sent the frame, for a protocol whose replies look like requests. */
  kind(frame: Buffer, limits: CodecLimits, from: 'client' | 'server'): FrameKind;
  /** The number that tells calls of one connection apart; a bigint above 32 bits, where a protocol has so many. */
  readId(frame: Buffer): number | bigint;
  /** The frame under another id: in place where it fits (the bytes are the caller's to change), else a new one. */
  writeId(frame: Buffer, id: number | bigint): Buffer;

  // ── requests ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** The interface: `:authority`. Default: empty. */
  service?(frame: Buffer): string;
  /** Default: empty. `:path` is "/" and this. */
  method?(frame: Buffer): string;
  /** Milliseconds until the caller gives up; 0 or less: it does not say. */
  timeoutMs?(frame: Buffer): number;
  /**
   * What a call is made with, in the order in which it is written, for routes that ask. `body`: what {@link body} says, or what
   * took its place. Of a broken one, what comes before that. Absent: bodies are not looked into.
   */
  arguments?(frame: Buffer, body: Buffer): readonly CallArgument[];
  /**
   * The answer to a request (perhaps an unreadable one, perhaps passed on under another id since), in the protocol's own
   * form, under `id`. Undefined: it has none, and the connection ends. Empty: nobody waits for one.
   */
  errorReply(request: Buffer, id: number | bigint, reply: LocalReply): Buffer | undefined;

  // ── replies ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The protocol's own status. Default: 0. */
  status?(reply: Buffer): number;
  /** The HTTP status that it stands for. Default: 200 for 0, else 500. */
  httpStatus?(status: number): number;
  /** The call failed inside the application, and the reply says so. Default: false. */
  applicationError?(reply: Buffer): boolean;

  // ── both ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Every header with its name in lower case, in wire order. Absent: the protocol has none. */
  visitHeaders?(frame: Buffer, visitor: (name: string, value: string) => void): void;
  /** The body. Default: the whole frame. */
  body?(frame: Buffer): Buffer;
  /**
   * A new frame with what was edited; undefined where it cannot be said (the call fails with `overflow`). Absent: such a call
   * fails with `read_only_head`. Headers that a protocol cannot carry ({@link visitHeaders} or this is absent) are no reason to
   * fail: filters see them, the other side does not.
   */
  rebuild?(frame: Buffer, edited: FrameEdits): Buffer | undefined;

  // ── connections ───────────────────────────────────────────────────────────────────────────────────────────────

  heartbeat?(id: number): Buffer;
  /** Undefined: none is wanted. */
  heartbeatReply?(heartbeat: Buffer): Buffer | undefined;
  /** Asks a client to send no new requests here. */
  goAway?(): Buffer;
}

/**
 * `unreadable`: a request of a right length that makes no sense; it alone is refused (by {@link FrameFormat.errorReply}).
 * `go-away`: from a server, as {@link FrameFormat.goAway}.
 */
export type FrameKind =
  | 'request'
  | 'one-way'
  | 'reply'
  | 'heartbeat'
  | 'heartbeat-reply'
  | 'go-away'
  | 'unreadable'
  | 'ignored';

export interface CallArgument {
  /** The number that the interface definition gives it; −1: none. */
  readonly id: number;
  /** Undefined: it is no text, number or boolean. */
  readonly value: string | undefined;
}

export interface FrameFault {
  /** As in `ProtocolFault`: `bad_magic`, `frame_too_large`, … */
  readonly code: string;
  readonly message: string;
}

/** What is to be different from the frame that came; undefined: as it is. */
export interface FrameEdits {
  readonly service: string | undefined;
  readonly method: string | undefined;
  /** All headers of the new frame. */
  readonly headers: readonly (readonly [name: string, value: string])[] | undefined;
  readonly body: Buffer | undefined;
  /** Of a reply, as HTTP says it. */
  readonly status: number | undefined;
}
