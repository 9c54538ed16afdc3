import type { CodecOptions } from '@sofamesh/contract/protocol';
import type { Connection } from '@sofamesh/contract/transport';
import { readUint32 } from '../shared/byte-writer.ts';
import { endedStream, ownResetStream, peerResetStream, skippedStream } from './closed-streams.ts';
import { Http2Connection } from './connection.ts';
import { ErrorCode } from './error-code.ts';
import { flood, flowControlFault, frameSizeFault, protocolFault, streamClosedFault } from './fault.ts';
import { FieldList } from './field-list.ts';
import { FieldReader } from './field-reader.ts';
import {
  ackFlag,
  continuationFrame,
  dataFrame,
  defaultTableBytes,
  endHeadersFlag,
  endStreamFlag,
  goAwayFrame,
  headersFrame,
  largestWindow,
  paddedFlag,
  pingFrame,
  priorityFlag,
  priorityFrame,
  pushPromiseFrame,
  resetFrame,
  settingsFrame,
  windowUpdateFrame,
} from './frame.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import { HeaderBlock } from './header-block.ts';
import type { Http2Stream } from './stream.ts';

const nothing = Buffer.alloc(0);
/** SETTINGS entries that cost the peer as much as a frame. */
const settingsPerCost = 8;

/**
 * What each frame that arrives must be, and what it does (RFC 9113 §6). A side adds what a header block means, and whose ids
 * are whose.
 */
export abstract class FrameRules extends Http2Connection implements FrameSink {
  protected readonly reader: FrameReader;
  protected readonly fields: FieldReader;
  protected readonly block: HeaderBlock;
  readonly #fromServer: boolean;
  #settingsAcked = false;
  /** Some window has grown, and what that allows has not been sent. */
  #windowsGrew = false;
  /** Of the DATA frame that is arriving; undefined when its data is for nobody. */
  #dataStream: Http2Stream | undefined = undefined;
  #dataEnds = false;
  #dataLength = 0;

  /** `fromServer`: the peer is one. */
  constructor(connection: Connection, options: CodecOptions, fromServer: boolean) {
    super(connection, options);
    this.#fromServer = fromServer;
    this.reader = new FrameReader(this);
    this.fields = new FieldReader(options.limits, this.settings.proxy100Continue);
    // Until it has confirmed our settings, the peer may use the table that is usual.
    this.block = new HeaderBlock(Math.max(this.settings.hpackTableSize, defaultTableBytes));
  }

  abstract readonly full: boolean;
  /** {@link block} is whole. What it is depends on its stream; {@link decodeBlock} must be called. */
  protected abstract onBlock(): void;
  /** The first data of `stream` comes, or more of it. False: it may not, and the stream was reset. */
  protected abstract acceptsData(stream: Http2Stream): boolean;
  protected abstract onPing(): void;
  protected abstract onPingAck(payload: Buffer, at: number): void;
  protected abstract onGoAway(lastStreamId: number): void;
  protected abstract onPeerSettings(): void;

  get heldBytes(): number {
    return this.reader.heldBytes + this.block.heldBytes;
  }

  /** Handles a chunk, or what waits. What is written meanwhile is written together. */
  protected receiveFrames(chunk: Buffer | undefined): void {
    const nested = this.gathering;
    this.gathering = true;
    if (chunk === undefined) this.reader.resume();
    else {
      this.guard.onChunk();
      this.reader.push(chunk);
    }
    this.#settleWindows();
    if (!this.over) this.failIf(this.guard.crumbs(this.sender.crumbs));
    this.gathering = nested;
    this.flush();
  }

  /**
   * What updates in a row allow goes out at once: many that allow an octet each do not cost a frame each. Nothing that a frame of
   * another kind does may come before it, or it would matter how the bytes were cut into chunks.
   */
  #settleWindows(): void {
    if (!this.#windowsGrew || this.over) return;
    this.#windowsGrew = false;
    this.sender.resume();
    this.failIf(this.guard.windowUpdates());
  }

  protected stopReading(): void {
    this.reader.stop();
    this.block.open = false;
    this.#dataStream = undefined;
  }

  // ── frames ────────────────────────────────────────────────────────────────────────────────────────────────────

  onFrameHead(type: number, flags: number, streamId: number, length: number): void {
    if (type !== windowUpdateFrame || length !== 4) this.#settleWindows();
    if (this.over) return;
    if (!this.peer.received && (type !== settingsFrame || flags & ackFlag)) {
      this.fail(protocolFault('bad_preface', 'the first frame is not SETTINGS'));
    } else if (length > this.settings.maxFrameSize) {
      this.fail(frameSizeFault(`a frame of ${length} octets`));
    } else if (this.block.open && (type !== continuationFrame || streamId !== this.block.streamId)) {
      this.fail(protocolFault('unexpected_frame', `frame of type ${type} inside a header block`));
    } else if (type === dataFrame) this.#beginData(flags, streamId, length);
  }

  onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    switch (type) {
      case headersFrame:
        this.#onHeaders(flags, streamId, bytes, start, end);
        break;
      case continuationFrame:
        this.#onContinuation(flags, bytes, start, end);
        break;
      case priorityFrame:
        this.#onPriority(streamId, bytes, start, length);
        break;
      case resetFrame:
        this.#onReset(streamId, bytes, start, length);
        break;
      case settingsFrame:
        this.#onSettings(flags, streamId, bytes, start, end);
        break;
      case pushPromiseFrame:
        // Only servers may, and to us they must not: we say ENABLE_PUSH 0.
        this.fail(protocolFault('unexpected_frame', 'PUSH_PROMISE'));
        break;
      case pingFrame:
        this.#onPingFrame(flags, streamId, bytes, start, length);
        break;
      case goAwayFrame:
        if (streamId !== 0) this.fail(protocolFault('bad_stream_id', 'GOAWAY on a stream'));
        else if (length < 8) this.fail(frameSizeFault(`GOAWAY of ${length} octets`));
        else if (!this.failIf(this.guard.control(1))) this.onGoAway(readUint32(bytes, start) & largestWindow);
        break;
      case windowUpdateFrame:
        this.#onWindowUpdate(streamId, bytes, start, length);
        break;
      default:
        this.failIf(this.guard.control(1));
    }
  }

  // ── DATA ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #beginData(flags: number, streamId: number, length: number): void {
    this.#dataStream = undefined;
    this.#dataEnds = (flags & endStreamFlag) !== 0;
    if (streamId === 0 || this.isIdle(streamId)) {
      this.fail(protocolFault('bad_stream_id', `DATA on stream ${streamId}`));
      return;
    }
    this.#dataLength = length;
    // How much of a padded frame is data, its first octet tells.
    if ((flags & paddedFlag) === 0 && this.#isFlood(length)) return;
    if (!this.window.take(length)) {
      this.fail(flowControlFault('more data than the window of the connection'));
      return;
    }
    const stream = this.streams.get(streamId);
    if (stream === undefined) {
      this.closedFrame(streamId, 'DATA');
      return;
    }
    stream.receiveWindow -= length;
    if (stream.remoteEnded) this.failStream(streamId, streamClosedFault('DATA behind the end of a message'));
    else if (stream.receiveWindow < 0) {
      this.failStream(streamId, flowControlFault('more data than the window of the stream'));
    } else if (this.acceptsData(stream)) this.#dataStream = stream;
  }

  onPadding(length: number): void {
    if (!this.#isFlood(this.#dataLength - length)) this.#dataStream?.take(length);
  }

  /** True: one frame too many without data, and the connection has failed. */
  #isFlood(dataBytes: number): boolean {
    if (dataBytes > 0) this.guard.onPayload();
    else if (!this.#dataEnds) return this.failIf(this.guard.emptyFrame());
    return false;
  }

  onBadPadding(): void {
    this.fail(protocolFault('unexpected_frame', 'padding longer than its frame'));
  }

  onData(bytes: Buffer, start: number, end: number, last: boolean): void {
    const stream = this.#dataStream;
    if (stream === undefined || stream.over) return;
    const ends = last && this.#dataEnds;
    if (last) this.#dataStream = undefined;
    if (!stream.fitsLength(end - start, ends)) {
      this.failMessage(stream.id, 'a body of another length than Content-Length says');
      return;
    }
    if (ends) stream.remoteEnded = true;
    if (end > start || ends) stream.receiveData(bytes, start, end, ends);
  }

  /** A frame for a stream that is closed (RFC 9113 §5.1): what it costs depends on who closed it, and how. */
  protected closedFrame(streamId: number, what: string): void {
    switch (this.closedStreams.endOf(streamId, this.lastStream)) {
      case ownResetStream:
        break;
      case endedStream:
        this.fail(streamClosedFault(`${what} on a stream that has ended`));
        break;
      case skippedStream:
        this.fail(protocolFault('bad_stream_id', `${what} on a stream that was passed over`));
        break;
      default:
        this.failStream(streamId, streamClosedFault(`${what} on a stream that is closed`));
    }
  }

  // ── header blocks ─────────────────────────────────────────────────────────────────────────────────────────────

  #onHeaders(flags: number, streamId: number, bytes: Buffer, from: number, to: number): void {
    let start = from;
    let end = to;
    if (flags & paddedFlag) {
      if (start === end) {
        this.fail(frameSizeFault('HEADERS without its padding length'));
        return;
      }
      end -= bytes[start++]!;
    }
    let selfDependent = false;
    if (flags & priorityFlag) {
      selfDependent = end - start >= 5 && (readUint32(bytes, start) & largestWindow) === streamId;
      start += 5;
    }
    if (end < start) {
      if (flags & paddedFlag) this.onBadPadding();
      else this.fail(frameSizeFault('HEADERS without its priority'));
      return;
    }
    if (!this.#mayHaveHeaders(streamId)) return;
    const endStream = (flags & endStreamFlag) !== 0;
    this.block.begin(streamId, endStream, selfDependent, bytes, start, end);
    this.#onFragment(flags, end - start, endStream);
  }

  /** Every id that HEADERS may have, of an open stream or not; else the connection has failed. */
  #mayHaveHeaders(streamId: number): boolean {
    if (streamId === 0 || (streamId & 1) === 0) {
      this.fail(protocolFault('bad_stream_id', `HEADERS on stream ${streamId}`));
    } else if (this.#fromServer && this.isIdle(streamId)) {
      this.fail(protocolFault('bad_stream_id', 'HEADERS on a stream that was not opened'));
    }
    return !this.over;
  }

  #onContinuation(flags: number, bytes: Buffer, start: number, end: number): void {
    const { block } = this;
    if (!block.open) {
      this.fail(protocolFault('unexpected_frame', 'CONTINUATION outside of a header block'));
      return;
    }
    block.add(bytes, start, end);
    if (!this.failIf(this.guard.continuation(block.continuations))) this.#onFragment(flags, end - start, false);
  }

  #onFragment(flags: number, length: number, endStream: boolean): void {
    const { block } = this;
    const whole = (flags & endHeadersFlag) !== 0;
    if (length > 0) this.guard.onPayload();
    else if (!endStream && !whole && this.failIf(this.guard.emptyFrame())) return;
    block.open = !whole;
    if (whole) this.onBlock();
    else if (block.heldBytes > this.limits.headBytesMax) {
      this.fail(flood('header_overflow', `a header block of more than ${this.limits.headBytesMax} octets`));
    }
  }

  /** The block in {@link fields} is the trailer section of an open stream. */
  protected onTrailers(stream: Http2Stream): void {
    const { fields } = this;
    const { endStream, selfDependent } = this.block;
    if (!this.#fromServer) this.stats?.trailers.increment();
    if (stream.remoteEnded) this.failStream(stream.id, streamClosedFault('HEADERS behind the end of a message'));
    else if (selfDependent) this.failStream(stream.id, protocolFault('self_dependency', 'depends on itself'));
    else if (fields.oversized) this.failStream(stream.id, flood('header_overflow', 'trailers above the limit'));
    else if (fields.malformed !== '') this.failMessage(stream.id, fields.malformed);
    else if (!endStream) this.failMessage(stream.id, 'a second head, or trailers that do not end the message');
    else if (!stream.lengthKept) this.failMessage(stream.id, 'a body shorter than Content-Length says');
    else {
      stream.remoteEnded = true;
      if (fields.fields.length === 0) stream.receiveData(nothing, 0, 0, true);
      else stream.receiveTrailers(new FieldList(fields.fields, fields.sensitive));
    }
  }

  /** Decodes {@link block} into {@link fields}; false: the connection has failed. */
  protected decodeBlock(): boolean {
    try {
      this.block.decode(this.fields);
      return true;
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      this.fail({ code: 'compression_error', message, errorCode: ErrorCode.compressionError });
      return false;
    }
  }

  // ── other frames ──────────────────────────────────────────────────────────────────────────────────────────────

  #onPriority(streamId: number, bytes: Buffer, start: number, length: number): void {
    if (streamId === 0) this.fail(protocolFault('bad_stream_id', 'PRIORITY on stream 0'));
    else if (length !== 5) this.failStream(streamId, frameSizeFault(`PRIORITY of ${length} octets`));
    else if ((readUint32(bytes, start) & largestWindow) === streamId) {
      this.failStream(streamId, protocolFault('self_dependency', 'a stream that depends on itself'));
    } else this.failIf(this.guard.priority());
  }

  #onReset(streamId: number, bytes: Buffer, start: number, length: number): void {
    if (length !== 4) this.fail(frameSizeFault(`RST_STREAM of ${length} octets`));
    else if (streamId === 0 || this.isIdle(streamId)) {
      this.fail(protocolFault('bad_stream_id', `RST_STREAM on stream ${streamId}`));
    } else {
      const stream = this.streams.get(streamId);
      if (stream === undefined) {
        this.failIf(this.guard.control(1));
        return;
      }
      this.stats?.rxReset.increment();
      this.remove(stream, peerResetStream);
      this.streamLost(stream, undefined, readUint32(bytes, start));
    }
  }

  #onSettings(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (streamId !== 0) {
      this.fail(protocolFault('bad_stream_id', 'SETTINGS on a stream'));
      return;
    }
    if (length % 6 !== 0 || (flags & ackFlag && length > 0)) {
      this.fail(frameSizeFault(`SETTINGS of ${length} octets`));
      return;
    }
    if (this.failIf(this.guard.control(1 + Math.floor(length / 6 / settingsPerCost)))) return;
    if (flags & ackFlag) {
      if (!this.#settingsAcked) this.block.decoder.setTableBytesMax(this.settings.hpackTableSize);
      this.#settingsAcked = true;
      return;
    }
    const { peer } = this;
    const windowBefore = peer.windowBytes;
    if (this.failIf(peer.read(bytes, start, end, this.#fromServer))) return;
    this.heads.setPeerTableBytesMax(peer.headerTableBytes);
    if (this.#moveWindows(peer.windowBytes - windowBefore)) return;
    this.writer.settingsAck();
    this.onPeerSettings();
  }

  /** INITIAL_WINDOW_SIZE changes what all open streams may send (RFC 9113 §6.9.2). True: the connection has failed. */
  #moveWindows(bytes: number): boolean {
    if (bytes === 0) return false;
    for (const stream of this.streams.values()) {
      stream.sendWindow += bytes;
      if (stream.sendWindow > largestWindow) {
        this.fail(flowControlFault('INITIAL_WINDOW_SIZE makes a window too large'));
        return true;
      }
      if (stream.hasOutbox) this.sender.wait(stream);
    }
    this.#windowsGrew = true;
    return false;
  }

  #onPingFrame(flags: number, streamId: number, bytes: Buffer, start: number, length: number): void {
    if (streamId !== 0) this.fail(protocolFault('bad_stream_id', 'PING on a stream'));
    else if (length !== 8) this.fail(frameSizeFault(`PING of ${length} octets`));
    else if (this.failIf(this.guard.control(1))) return;
    else if (flags & ackFlag) this.onPingAck(bytes, start);
    else {
      this.writer.ping(bytes, start, true);
      this.onPing();
    }
  }

  #onWindowUpdate(streamId: number, bytes: Buffer, start: number, length: number): void {
    if (length !== 4) {
      this.fail(frameSizeFault(`WINDOW_UPDATE of ${length} octets`));
      return;
    }
    const increment = readUint32(bytes, start) & largestWindow;
    if (streamId === 0) this.#growConnectionWindow(increment);
    else if (this.isIdle(streamId)) {
      this.#settleWindows();
      this.fail(protocolFault('bad_stream_id', 'WINDOW_UPDATE on an idle stream'));
    } else this.#growWindow(streamId, increment);
  }

  #growConnectionWindow(increment: number): void {
    if (increment === 0 || this.sender.window + increment > largestWindow) this.#settleWindows();
    if (increment === 0) this.fail(protocolFault('unexpected_frame', 'WINDOW_UPDATE of 0'));
    else if (this.sender.window + increment > largestWindow) {
      this.fail(flowControlFault('the window of the connection is too large'));
    } else {
      this.#windowsGrew = true;
      this.guard.windowUpdate();
      this.sender.window += increment;
    }
  }

  #growWindow(streamId: number, increment: number): void {
    const before = this.streams.get(streamId);
    if (increment === 0 || (before !== undefined && before.sendWindow + increment > largestWindow)) {
      this.#settleWindows();
    }
    const stream = this.streams.get(streamId);
    if (increment === 0) this.failStream(streamId, protocolFault('unexpected_frame', 'WINDOW_UPDATE of 0'));
    else if (stream !== undefined && stream.sendWindow + increment > largestWindow) {
      this.failStream(streamId, flowControlFault('the window of the stream is too large'));
    } else {
      this.#windowsGrew = true;
      this.guard.windowUpdate();
      if (stream === undefined) return;
      stream.sendWindow += increment;
      if (stream.hasOutbox) this.sender.wait(stream);
    }
  }
}
