import { CodedError, messageOf } from '@sofamesh/base/errors';
import type { Plugin } from '@sofamesh/contract/plugin';
import { ByteWriter, readUint16, readUint32, writeUint32 } from './shared/byte-writer.ts';
import { EditableHeaders } from './shared/editable-headers.ts';
import { FrameClientCodec, FrameClientStream } from './shared/frame-client-codec.ts';
import { readId64, writeId64 } from './shared/frame-id.ts';
import { frameProtocol } from './shared/frame-protocol.ts';
import { FrameServerCodec, FrameServerStream } from './shared/frame-server-codec.ts';
import { FrameSplitter, needMore, refused } from './shared/frame-splitter.ts';
import { nameIs } from './shared/names.ts';
import { replyCause } from './shared/reply-cause.ts';

/**
 * What a plug-in is given to build with: it lies outside of the repository, so it cannot import these at run time.
 * Most protocols need {@link frameProtocol} and nothing else.
 */
export const kit = {
  /** A whole protocol from functions on frames. */
  frameProtocol,
  /** Ids of eight bytes, big-endian. */
  readId64,
  writeId64,
  /** Why the proxy answers by itself, for protocols that have a status for it. */
  replyCause,

  // ── for a protocol of whole frames that needs more than that ────────────────────────────────────────────────
  FrameServerCodec,
  FrameServerStream,
  FrameClientCodec,
  FrameClientStream,
  FrameSplitter,
  /** Answers of a `frameLength`. */
  needMore,
  refused,
  EditableHeaders,

  // ── bytes ───────────────────────────────────────────────────────────────────────────────────────────────────
  ByteWriter,
  readUint16,
  readUint32,
  writeUint32,
  nameIs,

  // ── errors ──────────────────────────────────────────────────────────────────────────────────────────────────
  CodedError,
  messageOf,
} as const;

export type Kit = typeof kit;

/** What a plug-in module exports by default. */
export type KitPlugin = Plugin<Kit>;
